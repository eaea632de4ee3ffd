/**
 * One call under way, for the flights of its keys: ended by itself, by its deadline, or with the cache.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import { Work } from '../runtime/work.ts'
import type { Failed, Flight, LoadRequest } from './flight.ts'

export class Launch<T> extends Work {
  readonly flights: readonly Flight<T>[]
  readonly demand: LoadRequest<T>
  /** The clock's reading of the step that asked for it. */
  readonly since: number
  /** Those that the loader is asked for: all but what was found elsewhere. */
  asked: readonly Flight<T>[]
  /** When the loader was called. */
  beganAt: number | undefined
  /** Ends the renewal of its lease. */
  renewal: AbortController | undefined
  #isOver = false
  readonly #onOver: (launch: Launch<T>, failure: Failed | undefined) => void

  /** @param onOver called once */
  constructor(
    flights: readonly Flight<T>[],
    demand: LoadRequest<T>,
    since: number,
    onOver: (launch: Launch<T>, failure: Failed | undefined) => void,
  ) {
    super(demand.load.hardTimeoutMs)
    this.flights = flights
    this.demand = demand
    this.since = since
    this.asked = flights
    this.#onOver = onOver
  }

  /** What its deadline has ended may still go on, and end once more. */
  over(failure?: Failed): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onOver(this, failure)
  }

  protected override expired(): KedgeError {
    return this.beganAt === undefined ? overloaded() : loaderTimeout()
  }

  protected override ended(error: unknown): void {
    this.over({ error })
  }
}

export const loaderTimeout = (): KedgeError =>
  new KedgeError('ERR_LOADER_TIMEOUT', 'the loader ran longer than `hardTimeout`', { retryable: true })

const overloaded = () =>
  new KedgeError('ERR_OVERLOADED', 'no place for another load within `hardTimeout`', { retryable: true })
