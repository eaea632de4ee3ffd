/**
 * A platform whose clocks the test moves.
 *
 * @module
 */
import type { Runtime } from '../ports/runtime.ts'
import { seededRandom } from './seeded-random.ts'

export interface FakeRuntimeOptions {
  /** The wall clock at the start, in milliseconds since the epoch. @default 1_700_000_000_000 */
  readonly startMs?: number
  /** @default 1 */
  readonly seed?: number
  /** Behave as Workers do: no promise is shared between requests. @default false */
  readonly isolatesRequests?: boolean
}

/** A {@link Runtime} under control. */
export interface FakeRuntime extends Runtime {
  /** Lets this much time pass: sleeps end in their order, and what they set going runs before time goes on. */
  advance(ms: number): Promise<void>
  /** Lets everything run that waits for no time. */
  settle(): Promise<void>
  /** Steps the wall clock alone, as an administrator or NTP does. */
  stepWall(ms: number): void
  /** Steps both clocks, as in Workers, where `performance.now()` is `Date.now()`. Sleeps do not notice. */
  stepClocks(ms: number): void
  /** Lets the wall clock go on while the monotonic one stands still and no sleep ends, as a frozen process sees it. */
  freeze(ms: number): void
  /** Sleeps under way. */
  readonly sleeping: number
}

/** Enough turns of the microtask queue for any chain of awaits in one step. */
const TURNS = 200

/**
 * @example
 * ```ts
 * import { fakeRuntime } from 'kedge/testing'
 *
 * const runtime = fakeRuntime()
 * let rung = false
 * void runtime.sleep(1000).then(() => (rung = true))
 * await runtime.advance(1000)
 * console.log(rung) // true
 * ```
 */
export function fakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  const random = seededRandom(options.seed ?? 1)
  let wall = options.startMs ?? 1_700_000_000_000
  let monotonic = 0
  /** Sleeps count by this clock; no step changes it. */
  let passed = 0
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve()
  }
  const pass = (ms: number): void => {
    wall += ms
    monotonic += ms
    passed += ms
  }
  return {
    now: () => wall,
    monotonic: () => monotonic,
    random,
    microtask: (task) => void Promise.resolve().then(task),
    isolatesRequests: options.isolatesRequests ?? false,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const sleeper = {
          at: passed + Math.max(0, ms),
          wake: () => {
            sleepers.delete(sleeper)
            resolve()
          },
        }
        sleepers.add(sleeper)
        const onAbort = (): void => {
          if (sleepers.delete(sleeper)) reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort, { once: true })
      }),
    async advance(ms) {
      await settle()
      const until = passed + ms
      for (;;) {
        let next: { readonly at: number; readonly wake: () => void } | undefined
        for (const each of sleepers) if (each.at <= until && (!next || each.at < next.at)) next = each
        if (next === undefined) break
        pass(Math.max(0, next.at - passed))
        next.wake()
        await settle()
      }
      pass(until - passed)
    },
    settle,
    stepWall: (ms) => void (wall += ms),
    stepClocks: (ms) => {
      wall += ms
      monotonic += ms
    },
    freeze: (ms) => void (wall += ms),
    get sleeping() {
      return sleepers.size
    },
  }
}
