/**
 * Requests: misses that a loader service is asked to answer.
 *
 * The service publishes what it loads as any update, and what arrives is judged as any update is: it must stand after
 * the request, freshness must be proved after it was read, and no eviction that is known then may meet it
 * (decision 32). What is not answered in time is loaded here.
 *
 * @module
 */
import { ReplyConsumer } from './reply-consumer.ts'
import { PendingRequest } from './pending-request.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError } from '../ports/errors.ts'
import type { UnansweredReason } from '../api/events.ts'
import type { LoadRequest, Flight } from '../read/flight.ts'
import type { Follower } from '../coherence/follower.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { backoffMs } from '../runtime/retry.ts'
import { Semaphore } from '../runtime/semaphore.ts'

/** Calls that ask at once; those beyond load by themselves. */
const MAX_ASKING = 256
/** Calls in a row without an answer, before the service is taken for gone. */
const MAX_SILENT = 3
const SILENCE = { firstMs: 1000, maxMs: 30_000 }
/** After each call that failed: the next miss would fail as fast, and cost the proxy a request. */
const FAILURE = { firstMs: 200, maxMs: 30_000 }
/** Namespaces whose calls had no answer; the one that was asked for longest ago is forgotten for a further one. */
const MAX_REMEMBERED = 1000

type RequestedLoad<T> = ReadonlyMap<string, Flight<T>>

/** How many calls of a namespace in a row had no answer, or failed, and until when it asks no service. */
interface Silence {
  readonly times: number
  readonly failures: number
  readonly until: number
}

const NONE: Silence = { times: 0, failures: 0, until: -Infinity }

export class RequestReply {
  readonly #shared: CacheContext
  readonly #follower: Follower
  readonly #answers: ReplyConsumer
  readonly #asking: Semaphore
  readonly #silences = new Map<string, Silence>()

  constructor(shared: CacheContext, follower: Follower) {
    const { settings, clock } = shared
    this.#shared = shared
    this.#follower = follower
    this.#answers = new ReplyConsumer(settings, clock)
    this.#asking = new Semaphore(MAX_ASKING, settings.runtime, clock)
  }

  /**
   * Asks for the flights' keys, and settles those that are answered. Rejects only with `signal.reason`.
   */
  async seek<T>(
    space: CoherentStore<T>,
    flights: RequestedLoad<T>,
    demand: LoadRequest<T>,
    loaderWaitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { settings, clock, counters } = this.#shared
    // Half of the time stays for a load of our own.
    const waitMs = Math.min(loaderWaitMs, demand.load.hardTimeoutMs / 2)
    const since = clock.now()
    const unable = this.#unable(space, flights, since)
    const free = unable ? undefined : this.#asking.tryTake(waitMs)
    let failure: { because: UnansweredReason; error?: unknown } | undefined
    if (free) {
      const asked = new PendingRequest(space, flights, demand, this.#shared, this.#follower)
      try {
        const expired = () =>
          new KedgeError('ERR_TIMEOUT', 'no loader service answered in time', { retryable: true })
        const task = (stop: AbortSignal) => asked.run(this.#answers, since + waitMs, stop)
        await withDeadline(settings.runtime, waitMs, expired, task, signal)
      } catch (error) {
        signal.throwIfAborted()
        failure = { because: asked.because, ...(asked.because !== 'timeout' && { error }) }
      } finally {
        asked.end()
        free()
      }
    } else failure = { because: unable ?? 'overloaded' }
    // A value of the tier, which is asked at the same time, is no answer of the service.
    const isAnswer = ({ outcome }: Flight<T>) => outcome !== undefined && !('fromTier' in outcome)
    const answered = [...flights.values()].filter(isAnswer).length
    counters.answered += answered
    if (failure?.because === 'failed') counters.askFailures++
    if (free) this.#heard(space.name, answered > 0, failure?.because)
    const durationMs = clock.now() - since
    const keys = [...flights.keys()]
    const { trace } = demand.scope
    settings.emit?.({ type: 'ask', namespace: space.name, keys, answered, durationMs, ...failure }, trace)
  }

  /** Why the service is not asked now. */
  #unable<T>(space: CoherentStore<T>, flights: RequestedLoad<T>, now: number): UnansweredReason | undefined {
    const { log, updatesIsolation } = this.#shared.settings
    if (updatesIsolation === 'committed' && !log.capabilities.readCommitted) return 'unsupported'
    if (this.#follower.failing) return 'unreachable'
    if (now < (this.#silences.get(space.name)?.until ?? -Infinity)) return 'silent'
    return [...flights.keys()].every((key) => space.pending(key)) ? 'pending' : undefined
  }

  /**
   * A service that answers nothing, or cannot be asked, is asked again later and later, so that a miss does not wait each time
   * (decision 38).
   */
  #heard(namespace: string, answered: boolean, because: UnansweredReason | undefined): void {
    const { times, failures } = this.#silences.get(namespace) ?? NONE
    if (answered) this.#silences.delete(namespace)
    if (answered || (because !== 'timeout' && because !== 'failed')) return
    const { clock, settings } = this.#shared
    const now = clock.now()
    if (because === 'failed') {
      const until = now + backoffMs(FAILURE, failures, settings.runtime.random())
      this.#remember(namespace, { times, failures: failures + 1, until })
    } else {
      const until = times + 1 < MAX_SILENT ? -Infinity : now + backoffMs(SILENCE, times + 1 - MAX_SILENT)
      this.#remember(namespace, { times: times + 1, failures: 0, until })
    }
  }

  #remember(namespace: string, silence: Silence): void {
    this.#silences.delete(namespace)
    this.#silences.set(namespace, silence)
    const [oldest] = this.#silences.keys()
    if (this.#silences.size > MAX_REMEMBERED && oldest !== undefined) this.#silences.delete(oldest)
  }
}
