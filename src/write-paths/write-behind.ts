/**
 * Write-behind: the write goes to the log, and from there to the source.
 *
 * First the write itself, then an intent in the evictions topic that points to it. An isolate that has read
 * the intent reads the write instead of the source, until a persister says that the source has it (decision 62).
 *
 * @module
 */
import { durationMs } from '../runtime/duration.ts'
import { randomId } from '../runtime/random-id.ts'
import { KedgeError } from '../ports/errors.ts'
import { checkWritable } from '../wire/json-data.ts'
import { checkHoldable } from '../wire/holdable.ts'
import { checkId } from '../wire/ids.ts'
import { PendingWrites } from './pending-writes.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { Namespace } from '../api/namespace-types.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { duration, signal as signalOption } from '../api/option-tests.ts'
import { encodeUtf8, pack } from '../wire/codec.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { updateRecordKey } from '../wire/record-key.ts'
import type { Position } from '../ports/kafka-log.ts'
import { partsOf } from '../write/namespace-parts.ts'
import type { NamespaceParts } from '../write/namespace-parts.ts'
import { intend } from './intend.ts'
import type { Token } from '../wire/token.ts'
import type { Duration } from '../runtime/duration.ts'
import type { WriteMessage } from '../wire/write-message.ts'
import { pendingWrite, pendingWrites } from '../coherence/pending-writes.ts'
import { keysThat } from '../write/affected-keys.ts'

const DEFAULT_PENDING = '1m'
/** Writes of a namespace that may wait at once, by all writers. Beyond, isolates could not remember where they stand. */
const MAX_PENDING_WRITES = 512

/** The options of `writeBehind()`. */
export interface WriteBehindOptions {
  /**
   * How long readers take the write from the log instead of asking the source, at most `max` of
   * `writeIntents()`. Choose it longer than the persister may need, outages included: after that the source is asked again, written
   * or not.
   * @default '1m'
   */
  readonly maxPending?: Duration
  readonly signal?: AbortSignal
}

/**
 * Writes a row to the log, from where a persister (`kedge/persister`) writes it to its source. Until then a reader that
 * has passed the token reads it from the log. `undefined` deletes the row. Needs `writeIntents()` in the cache, also
 * where it is read.
 *
 * @throws TypeError where the cache does not use `writeIntents()` for the namespace.
 * @throws KedgeError `ERR_OVERLOADED` while too many writes wait, or one has waited for too long; `ERR_PUBLISH` when a
 * record was not acknowledged: the write may be persisted all the same.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { writeBehind, writeIntents } from 'kedge/write-paths'
 *
 * const cache = createCache({ kafka: memory(), use: [writeIntents({ max: '60s' })] })
 * const users = cache.namespace<{ name: string }>('users')
 * const token = await writeBehind(users, '7', { name: 'Ada' })
 * console.log(await users.get('7', { after: token }))
 * ```
 */
export async function writeBehind<T>(
  namespace: Namespace<T>,
  key: string,
  value: T | undefined,
  options: WriteBehindOptions = {},
): Promise<Token> {
  const { parts, scope } = partsOf(namespace)
  return new WriteBehind(parts).write(key, value, options, scope)
}

class WriteBehind<T> {
  readonly #space: NamespaceParts<T>['space']
  readonly #parts: NamespaceParts<T>
  readonly #pending: PendingWrites<T>

  constructor(parts: NamespaceParts<T>) {
    this.#space = parts.space
    this.#parts = parts
    this.#pending = new PendingWrites(parts.space, parts.context.shared)
  }

  async write(
    key: string,
    value: T | undefined,
    options: WriteBehindOptions,
    scope: RequestScope,
  ): Promise<Token> {
    checkFeatureOptions({ maxPending: duration, signal: signalOption }, options, 'writeBehind')
    checkId(key, 'key')
    checkHoldable(value, this.#space.name, key)
    checkWritable(this.#parts.context.shared.settings.codec, value)
    const { lifecycle, shared, publisher, follower } = this.#parts.context
    const { name, partition } = this.#space
    const { maxMs: intentsMs } = this.#space.intents
    lifecycle.check()
    const ttl = pendingOf(options, intentsMs)
    const since = shared.clock.now()
    const { signal } = options
    if (!partition.hasPosition) await follower.sync(scope, signal)
    this.#refuseOverload()
    const { runtime } = shared.settings
    const id = randomId(runtime)
    const content = value === undefined ? { deleted: true as const } : { value }
    const message: WriteMessage = { v: 1, op: 'write', ns: name, key, ...content, id, at: runtime.now() }
    const loadedAt = shared.clock.now()
    const meant = keysThat((other) => other === key)
    const { deadline, order } = publisher
    const write = order.evict(scope, name, meant, signal, async () => {
      const append = (until: AbortSignal) => this.#append(message, until, scope)
      const position = await deadline.within(signal, append, since)
      // The write will be persisted now, whatever comes: the caller's signal ends only its wait.
      const body = { keys: [key], id, ttl, write: position }
      const announce = (until: AbortSignal) => intend(publisher, name, partition.id, body, until, scope)
      return deadline.within(undefined, announce, since)
    })
    const { landed, token } = await this.#parts.writer.land(write, meant, scope)
    const pending = pendingWrite(this.#space.intents, key)
    if (landed && value !== undefined && pending?.id === id) this.#pending.hold(key, value, pending, loadedAt)
    return token
  }

  /** Appends a write to the topic of writes. */
  async #append(message: WriteMessage, signal: AbortSignal, scope: RequestScope): Promise<Position> {
    const { publisher, shared } = this.#parts.context
    const { settings } = shared
    const key = updateRecordKey(message.ns, message.key)
    const recordKey = encodeUtf8(key)
    const partition = partitionOf(recordKey, settings.writePartitions)
    const record = async () => [{ key: recordKey, value: await pack(message, settings), partition }]
    const [position] = await publisher.send(settings.writesTopic, record, [key], signal, scope)
    return position!
  }

  /** What a writer can know: the writes that wait, of all writers, as far as it has read the log. */
  #refuseOverload(): void {
    const { count, overdue } = pendingWrites(this.#space.intents)
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
    throw new TypeError('writeBehind() needs `writeIntents()` in `use` of the cache, for this namespace')
  if (maxPending === undefined) return Math.min(ms, intentsMs)
  if (ms === 0 || ms > intentsMs)
    throw new TypeError(
      `\`maxPending\` must be longer than 0 and at most \`max\` of writeIntents() (${intentsMs} ms)`,
    )
  return ms
}
