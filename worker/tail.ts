/**
 * `kedge/worker/tail`: one proof for the isolates of a region, by a Durable Object that samples the log for all of them
 * (docs/scaling.md).
 *
 * @module
 */
export {
  durableTail,
  type DurableTailOptions,
  type TailNamespace,
  type TailStub,
} from './tail/durable-tail.ts'
export { objectSocket, type ObjectSocketOptions } from './tail/object-socket.ts'
export { regionOf, TAIL_REGIONS, type TailRegion } from './tail/regions.ts'
export { TailObject, type TailObjectContext } from './tail/tail-object.ts'
