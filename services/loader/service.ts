/**
 * The loader service: reads requests, loads each key once, publishes the values.
 *
 * @module
 */
import { openCache } from '../../src/cache.ts'
import type { OpenCache } from '../../src/cache.ts'
import { settledWithin } from '../../src/runtime/deadline.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { eitherSignal } from '../../src/runtime/abort.ts'
import { pauseMs, repeat } from '../../src/runtime/retry.ts'
import { harmless } from '../../src/runtime/listener.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { readRequest } from '../../src/wire/read-request.ts'
import type { RequestMessage } from '../../src/wire/messages.ts'
import { RequestScope } from '../../src/coherence/request-scope.ts'
import type { RequestContext } from '../../src/api/read-types.ts'
import type { LoaderEvent } from './events.ts'
import { RequestConsumer } from './request-consumer.ts'
import { loaderSettings } from './options.ts'
import type { LoaderOptions, LoaderSettings } from './options.ts'
import { Queue } from './queue.ts'
import type { Wanted } from './queue.ts'
import { newLoaderCounters } from './stats.ts'
import type { LoaderLag, LoaderStats } from './stats.ts'
import type {
  LoaderHealth,
  LoaderService,
  LoadRequestsOptions,
  LoadResult,
  RunOptions,
  StepOptions,
} from './types.ts'
import { Shift, WorkerPool } from './worker-pool.ts'

const FIRST_PAUSE_MS = 20
const MAX_PAUSE_MS = 500
const BACKOFF = { firstMs: 100, maxMs: 5000, maxAskedMs: 5000 }
/** The longest wait of one long poll. */
const LONG_POLL_MS = 5000
/** How long `load()` waits for keys that another request loads. */
const LOAD_DEADLINE_MS = 60_000

/**
 * Makes a loader service. It runs nothing, and uses nothing of the platform, until one of its methods is
 * called.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createLoader } from 'kedge/loader'
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * const stop = new AbortController()
 * const loader = createLoader({
 *   kafka: gateway({ url: 'http://localhost:8082' }),
 *   loaders: {
 *     users: async (ids) => new Map(ids.map((id) => [id, { name: `user ${id}` }])),
 *     prices: { load: () => ({ tea: 3 }), ttl: '10s', maxBatch: 50 },
 *   },
 * })
 * await loader.run({ signal: stop.signal })
 * ```
 */
export function createLoader(options: LoaderOptions): LoaderService {
  return new Service(options)
}

class Service implements LoaderService {
  readonly #cache: OpenCache
  readonly #settings: LoaderSettings
  readonly #counters = newLoaderCounters()
  readonly #queue: Queue
  readonly #intake: RequestConsumer
  readonly #work: WorkerPool
  readonly #emit: (event: LoaderEvent) => void
  #failures = 0
  #error: unknown

  constructor(options: LoaderOptions) {
    const settings = loaderSettings(options)
    const { onEvent } = options
    this.#settings = settings
    this.#cache = openCache({ ...settings.cache, ...(onEvent && { onEvent }) })
    for (const { name, namespace } of settings.definitions) this.#cache.namespace<never>(name, namespace)
    const emit = harmless(onEvent)
    const names = settings.definitions.map(({ name }) => name)
    this.#queue = new Queue(settings.maxQueue, names)
    const { shared } = this.#cache.reading
    this.#intake = new RequestConsumer(shared.settings, settings, this.#counters, emit)
    this.#emit = emit
    const { counters, queue, cache } = { counters: this.#counters, queue: this.#queue, cache: this.#cache }
    this.#work = new WorkerPool({ cache, settings, queue, counters, emit })
  }

  async run({ signal }: RunOptions): Promise<void> {
    await this.#cache.reading.lifecycle.during((stop) => this.#serve(stop), signal)
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { runtime } = this.#cache.reading.shared.settings
    const giveUp = new AbortController()
    const shift = this.#shift(giveUp.signal)
    // The follower knows the end of the evictions before the first request: its load needs no poll.
    const following = this.#cache.follow({ signal })
    await this.#read(shift, signal, () => LONG_POLL_MS)
    if (!(await settledWithin(runtime, shift.settled(), this.#settings.drainMs))) {
      shift.end()
      giveUp.abort(new KedgeError('ERR_TIMEOUT', 'the loaders did not end within `drain`'))
    }
    await following
  }

  async step({ budget, signal, context }: StepOptions): Promise<LoadResult> {
    const { clock, settings } = this.#cache.reading.shared
    this.#cache.reading.lifecycle.check()
    const budgetMs = durationMs(budget, 'budget')
    const until = clock.now() + budgetMs
    const over = eitherSignal(signal)
    const shift = this.#shift(signal ?? new AbortController().signal, context)
    const taken = new Set<Wanted>()
    const before = { ...this.#counters }
    const timer = new AbortController()
    const timeUp = settings.runtime.sleep(budgetMs, timer.signal).then(
      () => over.abort(),
      () => undefined,
    )
    await this.#read(shift, over.signal, () => Math.min(LONG_POLL_MS, until - clock.now()), taken)
    over.done()
    timer.abort()
    await timeUp
    // Loads under way are finished; waiting keys wait for the next step.
    shift.end()
    await shift.settled()
    signal?.throwIfAborted()
    const { foreign, unreadable } = this.#counters
    return resultOf(taken, foreign - before.foreign, unreadable - before.unreadable)
  }

  async load(requests: Iterable<unknown>, options: LoadRequestsOptions = {}): Promise<LoadResult> {
    const { reading } = this.#cache
    reading.lifecycle.check()
    const { clock, settings } = reading.shared
    const signal = options.signal ?? new AbortController().signal
    signal.throwIfAborted()
    const shift = this.#shift(signal, options.context)
    const taken = new Set<Wanted>()
    let foreign = 0
    let unreadable = 0
    for (const each of requests) {
      const request = each instanceof Uint8Array ? await this.#decode(each) : readRequest(each)
      if (request === undefined) unreadable++
      else {
        const wanted = this.#accept(request)
        if (wanted) taken.add(wanted)
        else foreign++
      }
    }
    const until = clock.now() + LOAD_DEADLINE_MS
    const open = () => [...taken].some(({ outcome }) => outcome === undefined)
    while (open() && clock.now() < until) {
      shift.pump()
      // Another request may be loading its keys: this one must not await the promises of that request.
      if (shift.working) await settledWithin(settings.runtime, shift.next(), until - clock.now(), signal)
      else if (open()) await settings.runtime.sleep(FIRST_PAUSE_MS, signal)
    }
    shift.end()
    return resultOf(taken, foreign, unreadable)
  }

  async lag({ signal }: { readonly signal?: AbortSignal } = {}): Promise<LoaderLag> {
    const partitions = await this.#intake.lag(signal)
    const records = partitions.reduce((sum, { position, end }) => sum + Math.max(0, end - position), 0)
    const ageMs = this.#queue.age(this.#cache.reading.shared.clock.now())
    return { records, queued: this.#queue.size, ageMs, partitions }
  }

  stats(): LoaderStats {
    const loading = this.#queue.loading(this.#cache.reading.shared.clock.now())
    return { ...this.#counters, queued: this.#queue.size, loading }
  }

  health(): LoaderHealth {
    if (this.#error !== undefined) return { ready: false, error: this.#error }
    const { error } = this.#cache.freshness()
    return { ready: this.#intake.begun && error === undefined, ...(error === undefined ? {} : { error }) }
  }

  async close(): Promise<void> {
    await this.#cache.close()
  }

  #shift(signal: AbortSignal, context?: RequestContext): Shift {
    const { runtime, emit } = this.#cache.reading.shared.settings
    return new Shift(this.#work, new RequestScope(runtime, emit, context), signal)
  }

  /** Reads requests and begins batches, until aborted. Never rejects. */
  async #read(shift: Shift, signal: AbortSignal, wait: () => number, taken?: Set<Wanted>): Promise<void> {
    const { runtime, log } = this.#cache.reading.shared.settings
    let emptyPauseMs = FIRST_PAUSE_MS
    const round = async () => {
      const began = runtime.monotonic()
      // The first read, and the one after a failure, do not wait: a long poll would report the health late.
      const waits = log.capabilities.longPoll && this.#intake.begun && this.#failures === 0
      const requests = await this.#intake.read(waits ? Math.max(0, wait()) : 0, signal)
      this.#failures = 0
      this.#error = undefined
      for (const request of requests) {
        const wanted = this.#accept(request)
        if (wanted) taken?.add(wanted)
      }
      shift.pump()
      emptyPauseMs = requests.length > 0 ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, emptyPauseMs * 2)
      // A log that answers at once with nothing gets a pause, with or without long polls.
      const quick = requests.length > 0 || (log.capabilities.longPoll && !waits)
      const earlyMs = quick ? 0 : emptyPauseMs - (runtime.monotonic() - began)
      if (earlyMs > 0) await runtime.sleep(earlyMs, signal)
    }
    const failed = (error: unknown) => {
      // Counted over all steps: a step may be shorter than one pause.
      const retryInMs = pauseMs(BACKOFF, this.#failures++, error, runtime.random())
      this.#error = error
      this.#emit({ type: 'requests_unread', error, retryInMs })
      return retryInMs
    }
    await repeat(runtime, round, failed, signal)
  }

  /** Queues a request; `undefined` where the service does not serve its namespace. */
  #accept(request: RequestMessage): Wanted | undefined {
    const { clock } = this.#cache.reading.shared
    this.#counters.requests++
    if (!this.#queue.serves(request.ns)) {
      this.#counters.foreign++
      return undefined
    }
    const { logId } = this.#cache.parts(request.ns).space.partition
    // A position in another log does not compare with those here.
    const foreign = request.log !== undefined && logId !== undefined && request.log !== logId
    const { wanted, dropped } = this.#queue.add(
      foreign ? { ...request, asOf: undefined } : request,
      clock.now(),
    )
    if (dropped) this.#work.drop(dropped, 'overflow')
    return wanted
  }

  #decode(value: Uint8Array): Promise<RequestMessage | undefined> {
    return this.#intake.decode({ partition: 0, offset: 0, key: null, value })
  }
}

function resultOf(taken: Iterable<Wanted>, foreign: number, unreadable: number): LoadResult {
  const result = { answered: 0, failed: 0, expired: 0, overflow: 0, failing: 0, unshareable: 0 }
  for (const { outcome } of taken) if (outcome) result[outcome]++
  return { ...result, foreign, unreadable }
}
