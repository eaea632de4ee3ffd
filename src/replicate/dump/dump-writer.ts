/**
 * Writes a dump of what is held of a namespace, piece by piece, so that neither side has all of it in memory.
 *
 * Each value is looked at in the step in which its line is written: what an eviction has killed meanwhile has no line. An
 * eviction that comes later concerns the line by its as-of: the reader knows it, or must refuse the value.
 *
 * @module
 */
import { putMessage } from '../../coherence/admission.ts'
import type { CacheContext } from '../../coherence/cache-context.ts'
import type { CoherentStore } from '../../coherence/coherent-store.ts'
import type { StoredEntry } from '../../store/entry.ts'
import { encodeUtf8, json } from '../../wire/codec.ts'
import { checkWritable } from '../../wire/json-data.ts'
import { writeToken } from '../../wire/token.ts'
import { joinBytes } from './join-bytes.ts'
import type { DumpEnd, DumpHead, DumpValue } from './dump-lines.ts'

/** What ends a dump before it has all values. */
export interface DumpLimits {
  readonly maxValues: number
  readonly maxBytes: number
}

const NEWLINE = encodeUtf8('\n')

export class DumpWriter {
  readonly #shared: CacheContext
  readonly #space: CoherentStore<unknown>
  readonly #limits: DumpLimits
  readonly #generation: number
  readonly #keys: readonly string[]
  #at = 0
  #bytes = 0
  #values = 0
  #omitted = 0
  #isStopped = false
  #state: 'head' | 'values' | 'ended' = 'head'

  /** @param space whose partition has a position */
  constructor(shared: CacheContext, space: CoherentStore<unknown>, limits: DumpLimits) {
    this.#shared = shared
    this.#space = space
    this.#limits = limits
    this.#generation = space.partition.generation
    this.#keys = keysOf(space)
  }

  /** The next lines, about so many bytes of them; `undefined` once the last line was returned. */
  next(bytes: number): Uint8Array | undefined {
    if (this.#state === 'ended') return undefined
    const lines: Uint8Array[] = []
    let room = bytes
    if (this.#state === 'head') {
      const head = json.encode(this.#head())
      lines.push(head, NEWLINE)
      room -= head.length
      this.#state = 'values'
    }
    while (room > 0 && this.#at < this.#keys.length && !this.#isOver()) {
      const line = this.#line(this.#keys[this.#at++]!)
      if (line === undefined) continue
      if (this.#isFull(line)) return this.#ended(lines, false)
      this.#values++
      this.#bytes += line.length + 1
      lines.push(line, NEWLINE)
      room -= line.length
    }
    const isOver = this.#isOver()
    if (isOver || this.#at === this.#keys.length) return this.#ended(lines, !isOver)
    return joinBytes(lines)
  }

  /** What is written next is the last line: there is no more time. */
  stop(): void {
    this.#isStopped = true
  }

  /** Also where the log was resynced since the dump began: the first line speaks of another one, or of another place in it. */
  #isOver(): boolean {
    return this.#isStopped || this.#space.partition.generation !== this.#generation
  }

  #isFull(line: Uint8Array): boolean {
    const { maxValues, maxBytes } = this.#limits
    return this.#values >= maxValues || this.#bytes + line.length >= maxBytes
  }

  #head(): DumpHead {
    const { id, position, logId, log } = this.#space.partition
    const token = writeToken({ evictions: new Map([[id, position]]), updates: new Map(), log })
    return { v: 1, op: 'dump', ns: this.#space.name, log: logId, position, token }
  }

  #line(key: string): Uint8Array | undefined {
    const { clock, settings } = this.#shared
    const entry = this.#space.current(key)
    const left = entry === undefined ? 0 : Math.floor(entry.freshUntil - clock.now())
    // What has expired may still be of use here, but readers serve what they are given as fresh.
    if (entry === undefined || !(left > 0)) return undefined
    try {
      checkWritable(json, entry.value)
      const line = json.encode(this.#message(key, entry, left))
      if (line.length <= settings.maxMessageBytes) return line
    } catch (error) {
      settings.emit?.({ type: 'background_error', error })
    }
    this.#omitted++
    return undefined
  }

  #message(key: string, entry: StoredEntry<unknown>, left: number): DumpValue {
    const { freshUntil, loadedAt, keepMs } = entry
    const held = { ...entry, ttlMs: freshUntil - loadedAt, keepMs, settleMs: 0, generation: this.#generation }
    const message = putMessage(this.#shared, this.#space, key, held)
    return { ...message, position: this.#space.partition.position, left }
  }

  #ended(lines: readonly Uint8Array[], complete: boolean): Uint8Array {
    const end: DumpEnd = { v: 1, op: 'end', values: this.#values, omitted: this.#omitted, complete }
    const line = json.encode(end)
    this.#state = 'ended'
    return joinBytes([...lines, line, NEWLINE])
  }
}

/** The keys that are held now. The store is looked through, and nothing dropped. */
function keysOf(space: CoherentStore<unknown>): readonly string[] {
  const keys: string[] = []
  space.dropPossiblyEvicted((key) => {
    keys.push(key)
    return false
  })
  return keys
}
