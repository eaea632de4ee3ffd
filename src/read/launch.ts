/**
 * One call under way, for the flights of its keys: what it is to load, and how far it has come.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Work } from '../runtime/lifecycle.ts'
import { Stop } from '../runtime/stop.ts'
import type { Flight, LoadRequest } from './flight.ts'

export class Launch<T> extends Stop implements Work {
  place = 0
  stopTimer: (() => void) | undefined
  readonly ms: number
  readonly flights: readonly Flight<T>[]
  readonly demand: LoadRequest<T>
  /** The clock's reading of the step that asked for it. */
  readonly since: number
  /** Those that the loader is asked for: all but what was found elsewhere. */
  asked: readonly Flight<T>[]
  /** When the loader was called. */
  beganAt: number | undefined
  /** What its deadline has ended may still go on, and end once more. */
  isOver = false
  /** Ends the renewal of its lease. */
  renewal: AbortController | undefined

  /** @param onEnd called where the deadline ends it, or closing the cache */
  constructor(
    flights: readonly Flight<T>[],
    demand: LoadRequest<T>,
    since: number,
    onEnd: (launch: Launch<T>, reason: unknown) => void,
  ) {
    super((reason) => onEnd(this, reason))
    this.ms = demand.load.hardTimeoutMs
    this.flights = flights
    this.demand = demand
    this.since = since
    this.asked = flights
  }

  expired(): KedgeError {
    return this.beganAt === undefined ? overloaded() : loaderTimeout()
  }
}

export const loaderTimeout = (): KedgeError =>
  new KedgeError('ERR_LOADER_TIMEOUT', 'the loader ran longer than `hardTimeout`', { retryable: true })

const overloaded = () =>
  new KedgeError('ERR_OVERLOADED', 'no place for another load within `hardTimeout`', { retryable: true })
