/**
 * Write-behind: the write goes to the log, and from there to the source.
 *
 * First the write itself, then an intent in the evictions topic that points to it. An isolate that has read
 * the intent reads the write instead of the source, until a persister says that the source has it (decision 62).
 *
 * @module
 */
import { durationMs } from '../runtime/duration.ts'
import { KedgeError } from '../ports/errors.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { checkId } from '../wire/ids.ts'
import { PendingWrites } from './pending-writes.ts'
import { tokenOf } from '../wire/token.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { checkOptions } from '../api/option-schemas.ts'
import type { Token } from '../wire/token.ts'
import type { WriteBehindOptions } from '../api/write-types.ts'
import type { WriteMessage } from '../wire/write-message.ts'
import { newId } from './write-through.ts'
import { keysThat } from '../write/affected-keys.ts'
import type { Writer, WriterContext } from '../write/writer.ts'

const DEFAULT_PENDING = '1m'
/** Writes of a namespace that may wait at once, by all writers. Beyond, isolates could not remember where they stand. */
const MAX_PENDING_WRITES = 512

export class WriteBehind<T> {
  readonly #space: CoherentStore<T>
  readonly #writer: Writer<T>
  readonly #context: WriterContext
  readonly #pending: PendingWrites<T>

  constructor(space: CoherentStore<T>, writer: Writer<T>, context: WriterContext) {
    this.#space = space
    this.#writer = writer
    this.#context = context
    this.#pending = new PendingWrites(space, context.shared)
  }

  async write(
    key: string,
    value: T | undefined,
    options: WriteBehindOptions | undefined = {},
    scope: RequestScope,
  ): Promise<Token> {
    checkOptions(options, 'behind')
    checkId(key, 'key')
    checkHoldable(value, this.#space.name, key)
    const { lifecycle, shared, publisher, follower } = this.#context
    const { name, partition, settings } = this.#space
    lifecycle.check()
    const ttl = pendingOf(options, settings.intentsMs)
    const since = shared.clock.now()
    const { signal } = options
    if (!partition.hasPosition) await follower.sync(scope, signal)
    this.#refuseOverload()
    const { runtime } = shared.settings
    const id = newId(runtime)
    const content = value === undefined ? { deleted: true as const } : { value }
    const message: WriteMessage = { v: 1, op: 'write', ns: name, key, ...content, id, at: runtime.now() }
    const loadedAt = shared.clock.now()
    const meant = keysThat((other) => other === key)
    const write = (async () => {
      const { deadline } = publisher
      const append = (until: AbortSignal) => publisher.appendWrite(message, until)
      const position = await deadline.within(signal, append, since)
      // The write will be persisted now, whatever comes: the caller's signal ends only its wait.
      const body = { keys: [key], id, ttl, write: position }
      const intend = (until: AbortSignal) => publisher.intend(name, partition.id, body, until)
      return deadline.within(undefined, intend, since)
    })()
    const { published, landed } = await this.#writer.land(write, meant, scope)
    const pending = this.#space.pendingWrite(key)
    if (landed && value !== undefined && pending?.id === id) this.#pending.hold(key, value, pending, loadedAt)
    return tokenOf(published)
  }

  /** What a writer can know: the writes that wait, of all writers, as far as it has read the log. */
  #refuseOverload(): void {
    const { count, overdue } = this.#space.pendingWrites()
    if (count < MAX_PENDING_WRITES && !overdue) return
    throw new KedgeError(
      'ERR_OVERLOADED',
      overdue
        ? 'a write waits for longer than `maxPending`: is the persister running?'
        : 'too many writes wait to be persisted: is the persister running?',
      { retryable: true },
    )
  }
}

/** @throws TypeError quoting the option that is wrong. */
function pendingOf({ maxPending }: WriteBehindOptions, intentsMs: number): number {
  const ms = durationMs(maxPending ?? DEFAULT_PENDING, 'maxPending')
  if (intentsMs === 0)
    throw new TypeError('`writeBehind` needs `intents: true` in the options of the namespace')
  if (maxPending === undefined) return Math.min(ms, intentsMs)
  if (ms === 0 || ms > intentsMs)
    throw new TypeError(`\`maxPending\` must be longer than 0 and at most \`intents\` (${intentsMs} ms)`)
  return ms
}
