/**
 * The write intents of one namespace, on the monotonic clock of its cache.
 *
 * @module
 */
import type { Clock } from '../runtime/clock.ts'
import type { Intent } from '../wire/read-eviction.ts'
import { WriteIntents } from './write-intents.ts'

export class NamespaceIntents {
  /** The longest that one of them may last; 0 where writers announce none. */
  readonly maxMs: number
  readonly #clock: Clock
  /** Made for the first of them: most namespaces have none. */
  table: WriteIntents | undefined

  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock
    this.maxMs = maxMs
  }

  /** Whether a value must not be held, of which the load began at `began`, on the cache's clock. @default now */
  blocks(key: string, began?: number): boolean {
    if (this.table === undefined) return false
    const clock = this.#clock
    return this.table.blocks(key, began === undefined ? clock.monotonic() : clock.monotonicAt(began))
  }

  /** The clock by which intents end. */
  now(): number {
    return this.#clock.monotonic()
  }

  /** Takes in an intent. Returns whether it is new, and not closed already. */
  open(keys: readonly string[], intent: Intent, offset: number): boolean {
    this.table ??= new WriteIntents()
    return this.table.open(keys, intent, this.now(), offset)
  }

  close(id: string): void {
    this.table ??= new WriteIntents()
    this.table.close(id)
  }

  /** Intents may have been missed until now. */
  missed(): void {
    if (this.maxMs === 0) return
    this.table ??= new WriteIntents()
    this.table.missed(this.now() + this.maxMs)
  }

  /** Every intent of the last `spanMs` has been read. */
  remembers(spanMs: number): void {
    if (spanMs >= this.maxMs) this.table?.missed(-Infinity)
  }

  /** The offsets of intents mean nothing any more. */
  forgetOffsets(): void {
    this.table?.forgetOffsets()
  }
}
