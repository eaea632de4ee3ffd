/**
 * One invocation of a Lambda function: its deferred work, and how much of its time is left.
 *
 * Lambda freezes the process when the handler has answered: work under way goes on at the next invocation, or
 * never. So Lambda has no `waitUntil`, and the handler awaits deferred work before it answers.
 *
 * @module
 */
import { settledWithin, withDeadline } from '../../src/runtime/deadline.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { harmless } from '../../src/runtime/listener.ts'
import type { RequestContext } from '../../src/api/read-types.ts'
import { begun } from '../request-metrics.ts'
import type { RequestMetrics } from '../request-metrics.ts'

/** The part of Lambda's context that is used. Without it, or outside of Lambda, the longest time is assumed. */
export interface LambdaContext {
  readonly awsRequestId?: string
  /** Milliseconds until Lambda ends the invocation, and the process with it. */
  getRemainingTimeInMillis?(): number
}

export interface InvocationOptions {
  /**
   * How long before the timeout of the function the handler gives everything up: a function that runs into it
   * loses its process, and with it all that is cached. @default '500ms'
   */
  readonly reserve?: Duration
  /** Called with failures of deferred work, and with work that was not done in time: no answer has them. */
  readonly onError?: (error: unknown) => void
  /**
   * Pushes metrics where that is due: `otlpMetrics()` of `kedge/adapters/otlp` with `boundary: 'start'`, so that the push runs
   * beside the handler. @default nothing
   */
  readonly metrics?: RequestMetrics
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

export interface InvocationSettings {
  readonly reserveMs: number
  readonly tell: (error: unknown) => void
  readonly metrics: RequestMetrics | undefined
  readonly runtime: Runtime
}

/** The longest time that a function may have (AWS Lambda quotas: 15 minutes). */
const LONGEST_MS = 900_000

/** @throws TypeError quoting the option that is wrong. */
export function invocationSettings(options: InvocationOptions, more: readonly string[]): InvocationSettings {
  const known = new Set(['reserve', 'onError', 'metrics', 'runtime', ...more])
  const unknown = Object.keys(options).find((name) => !known.has(name))
  if (unknown !== undefined) throw new TypeError(`\`${unknown}\` is not an option`)
  const { reserve = '500ms', onError, metrics, runtime = systemRuntime() } = options
  if (onError !== undefined && typeof onError !== 'function')
    throw new TypeError('`onError` must be a function')
  return { reserveMs: durationMs(reserve, 'reserve'), tell: harmless(onError), metrics, runtime }
}

export class Invocation implements RequestContext {
  readonly #context: unknown
  readonly #settings: InvocationSettings
  readonly #deferred = new Set<Promise<void>>()
  #isOver = false

  constructor(context: unknown, settings: InvocationSettings) {
    this.#context = context
    this.#settings = settings
  }

  /** Milliseconds until everything is given up. */
  remainingMs(): number {
    const { reserveMs } = this.#settings
    return Math.max(0, Math.min(LONGEST_MS, timeLeft(this.#context)) - reserveMs)
  }

  /** Whether everything was given up. Set by the timer, which may be a millisecond ahead of the clocks. */
  get isOver(): boolean {
    return this.#isOver || this.remainingMs() === 0
  }

  waitUntil(promise: Promise<unknown>): void {
    // Apps give what other platforms take too: nothing, or a query that is a promise in name only.
    const settled: Promise<void> = Promise.resolve(promise)
      .then(() => undefined, this.#settings.tell)
      .finally(() => this.#deferred.delete(settled))
    this.#deferred.add(settled)
  }

  /** Resolves when all that was deferred is done, also what that has deferred; or when the time is over. */
  async settled(): Promise<void> {
    while (this.#deferred.size > 0) {
      const all = Promise.all(this.#deferred)
      if (await settledWithin(this.#settings.runtime, all, this.remainingMs())) continue
      const said = `${this.#deferred.size} promises of waitUntil were not done in the time of the function`
      this.#settings.tell(new KedgeError('ERR_TIMEOUT', said))
      return
    }
  }

  /**
   * Runs the work for as long as there is time; its signal is aborted then. Rejects `graceMs` later, whether or not the
   * signal was heeded.
   */
  async within<T>(work: (signal: AbortSignal) => Promise<T>, graceMs = 0): Promise<T> {
    const { runtime } = this.#settings
    const remainingMs = this.remainingMs()
    const over = new AbortController()
    const timer = new AbortController()
    const expired = (): KedgeError => {
      this.#isOver = true
      return outOfTime()
    }
    runtime.sleep(remainingMs, timer.signal).then(
      () => over.abort(expired()),
      () => undefined,
    )
    try {
      return await withDeadline(runtime, remainingMs + graceMs, expired, () => work(over.signal))
    } finally {
      timer.abort()
    }
  }
}

const outOfTime = (): KedgeError =>
  new KedgeError('ERR_TIMEOUT', 'the time of the function is over', { retryable: true })

/** What is deferred in the work is awaited after it, whatever came of it. */
export async function invoked<T>(
  context: unknown,
  settings: InvocationSettings,
  work: (invocation: Invocation) => Promise<T>,
): Promise<T> {
  const invocation = new Invocation(context, settings)
  const ended = settings.metrics && begun(settings.metrics, invocation)
  try {
    return await work(invocation)
  } finally {
    ended?.()
    await invocation.settled()
  }
}

function timeLeft(context: unknown): number {
  const left = (context as Partial<LambdaContext> | null | undefined)?.getRemainingTimeInMillis?.()
  return typeof left === 'number' && left >= 0 ? left : LONGEST_MS
}
