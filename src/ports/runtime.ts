/**
 * What the core takes from the platform, in one value that tests replace.
 *
 * The only file of `src` that touches an ambient clock, timer or source of randomness.
 *
 * @module
 */

/** Clocks, randomness, timers and background work of a platform. */
export interface Runtime {
  /** Wall clock, milliseconds since the epoch. May step; stands still during CPU work in Workers. */
  now(): number
  /** Monotonic clock, milliseconds from an arbitrary start. May stand still while a process is frozen. */
  monotonic(): number
  /** A number in `[0, 1)`. */
  random(): number
  /** Resolves after `ms`, or rejects with `signal.reason`. Belongs to the request that calls it. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs `task` after the current synchronous turn. */
  microtask(task: () => void): void
  /**
   * Runs `task` when the current turn of the event loop is over, before the loop waits for anything: hits until then share a
   * reading of the clock, and loads that end by then need no timer for their deadlines. Absent where the platform cannot
   * tell: hits then share one within a synchronous turn only.
   */
  afterTurn?(task: () => void): void
  /** Keeps the platform alive until the promise settles, where no context is passed to `cache.for()`. */
  waitUntil?(promise: Promise<unknown>): void
  /**
   * Whether a promise made in one request must not be awaited in another (Cloudflare Workers: it throws or
   * hangs). State is then shared instead of promises.
   */
  readonly isolatesRequests: boolean
}

/**
 * The platform's own clocks and timers.
 *
 * Globals are looked up at call time, so that a platform or a test may patch them.
 */
export function systemRuntime(overrides: Partial<Runtime> = {}): Runtime {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    sleep,
    // Not `queueMicrotask`: in Node that makes an async resource of each task, which costs more than the task.
    microtask: (task) => void Promise.resolve().then(task),
    ...(platform.setImmediate && { afterTurn }),
    // workerd and Cloudflare's own tools name themselves this way since compatibility date 2022-03-21.
    isolatesRequests: globalThis.navigator?.userAgent === 'Cloudflare-Workers',
    ...overrides,
  }
}

/** What Node, Bun and Deno have, and browsers have not. */
const platform = globalThis as { setImmediate?: (task: () => void) => unknown }

// Not `unref()`: Node would wait for the next request first, and that request would be judged by an old reading.
function afterTurn(task: () => void): void {
  platform.setImmediate!(task)
}

/** What timers of every platform can hold; beyond it they fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The platform's timer: see {@link Runtime.sleep}. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      Math.min(ms, MAX_TIMER_MS),
    )
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The reason for a timer that is not needed any more: without one `abort` makes an error with a stack. */
const ENDED = 'ended'

/**
 * Calls `task` after `ms` by the runtime's timer. Returns what stops that. Where the timer is the platform's own, this
 * takes no signal: one costs ten times as much as the timer.
 */
export function startTimer(runtime: Pick<Runtime, 'sleep'>, ms: number, task: () => void): () => void {
  if (runtime.sleep === sleep) {
    const timer = setTimeout(task, Math.min(ms, MAX_TIMER_MS))
    return () => clearTimeout(timer)
  }
  const ended = new AbortController()
  runtime.sleep(ms, ended.signal).then(task, () => undefined)
  return () => ended.abort(ENDED)
}
