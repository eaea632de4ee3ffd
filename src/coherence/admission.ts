/**
 * Values that travel between isolates, through the updates topic or a shared tier: how they are written, and what
 * of them may ask to be held.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { AppliedPosition } from '../ports/tier.ts'
import type { RefuseReason } from '../api/reasons.ts'
import { checkedBy } from '../api/schema.ts'
import type { Candidate } from './candidate.ts'
import { checkWritable } from '../wire/json-data.ts'
import type { CacheContext } from './cache-context.ts'
import type { CoherentStore } from './coherent-store.ts'
import type { Partition } from './partition.ts'
import { arrivedTtlMs, asked, keepMsOf, tagsOf, windowsOf } from './ttl-and-tags.ts'
import type { Place } from './ttl-and-tags.ts'
import type { ArrivedValue } from '../wire/read-update.ts'
import type { PutMessage } from '../wire/messages.ts'

/** How far in the future a writer's clock may stand. Skew may shorten a TTL, never lengthen it. */
const MAX_SKEW_MS = 5000

/** What the carrier of a value (the updates topic, a shared tier) says of it. */
export interface Transport {
  /** When the value was written, by the carrier's clock, where the carrier says. */
  readonly writtenAt?: number | undefined
  /** The partition's generation when it was fetched. @default that of now */
  readonly generation?: number
}

/** The offset below which the carrier has applied every eviction to the value; -1 where that is unknown. */
export function knownTo(applied: AppliedPosition | undefined, { logId, asOf }: Partition): number {
  if (applied === undefined || applied.logId !== logId) return -1
  // A log that does not tell its identity may be another one, of which this isolate has not seen so much.
  if (logId === undefined && applied.position > asOf) return -1
  return Number.isSafeInteger(applied.position) ? applied.position : -1
}

/** The message that carries a value. */
export function putMessage<T>(
  { settings, clock }: CacheContext,
  space: CoherentStore<T>,
  key: string,
  { value, ttlMs: ttl, asOf, loadedAt, tags, version }: Candidate<T>,
): PutMessage {
  const { name: ns, partition } = space
  const at = settings.runtime.now() - (clock.now() - loadedAt)
  const settle = space.settings.settleMs || undefined
  return { v: 1, op: 'put', ns, key, value, ttl, at, asOf, log: partition.logId, tags, version, settle }
}

/**
 * A value as isolates will read it from the log: its writer holds the same.
 *
 * @throws KedgeError `ERR_CODEC` where the codec cannot write it, or the schema does not take what comes back
 */
export function asDecoded<T>(
  { settings: { codec } }: CacheContext,
  space: CoherentStore<T>,
  key: string,
  value: T,
): T {
  checkWritable(codec, value)
  let back: unknown
  try {
    back = (codec.decode(codec.encode({ value })) as { value?: unknown }).value
  } catch (cause) {
    throw new KedgeError('ERR_CODEC', `the ${codec.name} codec cannot encode this value`, { cause })
  }
  const read = back === undefined ? undefined : parse(space, { namespace: space.name, key }, back)
  if (read !== undefined) return read
  throw new KedgeError(
    'ERR_CODEC',
    `\`schema\` refuses this value as the ${codec.name} codec gives it back: no other isolate would hold it`,
  )
}

/** The value as a candidate to be held, or why it cannot be one. */
export function candidateOf<T>(
  { settings, clock }: CacheContext,
  space: CoherentStore<T>,
  arrived: ArrivedValue,
  { writtenAt, generation }: Transport,
): Candidate<T> | RefuseReason {
  const { partition } = space
  const wall = settings.runtime.now()
  // An as-of of another log, or beyond the end of ours, compares to nothing known here.
  const foreign =
    arrived.logId !== undefined && partition.logId !== undefined && arrived.logId !== partition.logId
  const asOf = arrived.asOf ?? partition.position
  if (foreign || asOf > partition.asOf) return 'unanchored'
  const born = Math.min(arrived.at ?? wall, writtenAt ?? wall)
  if (arrived.at !== undefined && arrived.at > wall + MAX_SKEW_MS) return 'expired'
  const place = { namespace: space.name, key: arrived.key }
  const value = parse(space, place, arrived.value)
  if (value === undefined) return 'schema'
  const { load, settleMs } = space.settings
  const ageMs = Math.max(0, wall - born)
  const ttlMs = arrivedTtlMs(arrived.ttlMs, value, space.settings, place)
  // Readers serve a value from elsewhere as fresh. So one whose TTL is over is refused, though its windows are not over.
  const windows = windowsOf(value, load, place)
  const keepMs = ageMs < ttlMs ? keepMsOf(windows ?? load) : 0
  return {
    value,
    asOf,
    generation: generation ?? partition.generation,
    loadedAt: clock.now() - ageMs,
    ttlMs,
    keepMs,
    windows,
    tags: arrived.tags ?? tagsOf(value, load, place),
    version: arrived.version,
    // The writer already waited `settle`: ours applies only if it waited less. Simple messages name no load.
    settleMs: arrived.asOf === undefined || (arrived.settleMs ?? 0) >= settleMs ? 0 : settleMs,
  }
}

function parse<T>(space: CoherentStore<T>, place: Place, value: unknown): T | undefined {
  const { schema } = space.settings
  if (schema === undefined) return value as T
  return asked('schema', place, () => checkedBy(schema, value))?.value as T | undefined
}
