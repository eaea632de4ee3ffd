/**
 * What adapters that load for a namespace ask of it: its places for loads, and how its loads stand in the log. A namespace that
 * wraps another one answers as if there were no bound and no log.
 *
 * @module
 */
import type { NamespaceParts, ScopedParts } from '../../../src/write/namespace-parts.ts'

/** The place of a load in the log: the evictions from there on judge what it brings. */
export interface LogPosition {
  readonly asOf: number
  /** Of the partition: positions of another one compare to nothing here. */
  readonly generation: number
}

const partsOf = (space: object): NamespaceParts<unknown> | undefined =>
  (space as { readonly internals?: ScopedParts<unknown> }).internals?.parts

/** The places that its loads take, those of all namespaces of its cache. */
export const slotsOf = (space: object): object => partsOf(space)?.context.slots ?? space

/** How many loads may run at once by now: few where the log has been out of reach for too long. */
export function placesOf(space: object): number {
  const parts = partsOf(space)
  if (parts === undefined) return Infinity
  const { slots, bypassSlots } = parts.context
  return (parts.reader.gate.isLost() ? bypassSlots : slots).max
}

/** Whether the log was never reached, and what is loaded now is held for a while all the same. */
export const holdsCold = (space: object): boolean => partsOf(space)?.reader.gate.coldMs() !== undefined

/** Whether the log has been out of reach for too long, and nothing is held that is loaded now. */
export const isLost = (space: object): boolean =>
  partsOf(space)?.reader.gate.isLost() === true && !holdsCold(space)

/** The place in the log of a load that begins now; nowhere, where that is not to be known. */
export function logPositionOf(space: object): LogPosition {
  const held = partsOf(space)?.space
  return { asOf: held?.asOf ?? -1, generation: held?.partition.generation ?? -1 }
}

/** Whether a load that began at `since` may stand for one that began at `by`: all between was read, and evicted no such key. */
export function unchanged(space: object, key: string, since: LogPosition, by: LogPosition): boolean {
  const held = partsOf(space)?.space
  if (held === undefined) return false
  const { generation, position } = held.partition
  if (since.generation !== generation || by.generation !== generation || position < by.asOf) return false
  // However long ago it began: intents are of no account where nothing is held by it.
  return held.joinable(key, since.asOf, Infinity)
}
