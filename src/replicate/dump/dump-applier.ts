/**
 * Judges the lines of a dump, and holds what may be held: by the rule for values from the updates topic and from a shared
 * tier, and by no other.
 *
 * @module
 */
import { candidateOf, knownTo } from '../../coherence/admission.ts'
import type { RefuseReason } from '../../api/reasons.ts'
import type { CacheContext } from '../../coherence/cache-context.ts'
import type { CoherentStore } from '../../coherence/coherent-store.ts'
import { json, unpackPlain } from '../../wire/codec.ts'
import { readUpdate } from '../../wire/read-update.ts'
import { isDumpedAt } from './dump-lines.ts'

/** Where and when the lines were asked for. */
export interface DumpOrigin {
  /** The log that the first line names. */
  readonly logId: string | undefined
  /** The partition's generation when the dump was asked for: after a resync its values say nothing any more. */
  readonly generation: number
  /** The wall clock of this isolate when the dump was asked for: no line is older than that. */
  readonly askedAt: number
}

/** Judges one line. Returns whether its value is held now. Never throws. */
export function applyLine(
  shared: CacheContext,
  space: CoherentStore<unknown>,
  line: Uint8Array,
  origin: DumpOrigin,
): boolean {
  const { settings, counters } = shared
  try {
    const reason = judged(shared, space, line, origin)
    if (reason === undefined) {
      counters.updatesApplied++
      return true
    }
  } catch (error) {
    // It is no line of a dump; or a namespace's own function (`tags`, `schema`, `sizeOf`) stumbles over a stranger's value.
    settings.emit?.({ type: 'background_error', error })
  }
  counters.refused++
  return false
}

function judged(
  shared: CacheContext,
  space: CoherentStore<unknown>,
  line: Uint8Array,
  { logId, generation, askedAt }: DumpOrigin,
): RefuseReason | undefined {
  const { settings } = shared
  const message = unpackPlain(line, json, settings.maxMessageBytes)
  const arrived = readUpdate(
    message,
    undefined,
    () => false,
    () => Infinity,
  )
  if (!isDumpedAt(message) || arrived?.kind !== 'value' || arrived.namespace !== space.name)
    throw new TypeError('a line of a dump is no value of the namespace')
  const refuse = (reason: RefuseReason): RefuseReason => {
    settings.emit?.({ type: 'refuse', namespace: space.name, key: arrived.key, reason })
    return reason
  }
  // One log in the first line and another one in this: it was resynced in between.
  if (arrived.asOf === undefined || arrived.logId !== logId) return refuse('unanchored')
  // The sender says how much of its time is left, so the clocks of two machines are not compared: what has passed was over
  // when the dump was asked for, or has passed since.
  const writtenAt = askedAt - (message.ttl - message.left)
  const candidate = candidateOf(shared, space, arrived, { writtenAt, generation })
  if (typeof candidate === 'string') return refuse(candidate)
  const known = knownTo({ logId, position: message.position }, space.partition)
  return space.hold(arrived.key, { ...candidate, knownTo: known })
}
