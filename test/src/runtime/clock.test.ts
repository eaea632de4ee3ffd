import { describe, expect, it, vi } from 'vitest'
import * as fc from 'fast-check'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { Clock } from '../../../src/runtime/clock.ts'

describe('the time of a cache', () => {
  it('begins at 0 and goes on with the clocks', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)

    expect(clock.now()).toBe(0)
    for (const ms of [1, 20, 500, 10_000]) {
      const before = clock.now()
      await runtime.advance(ms)
      expect(clock.now()).toBe(before + ms)
    }
  })

  it('counts what passes while the process is frozen', () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    runtime.freeze(900_000)

    expect(clock.now()).toBe(900_000)
  })

  it('counts a freeze that is followed by ordinary time', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(2000)
    runtime.freeze(5000)
    await runtime.advance(3000)

    expect(clock.now()).toBe(10_000)
  })

  it('goes on by the monotonic clock where the wall clock steps back', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(3000)
    expect(clock.now()).toBe(3000)

    runtime.stepWall(-3_600_000)
    expect(clock.now()).toBe(3000)
    await runtime.advance(2000)
    expect(clock.now()).toBe(5000)
    for (let each = 0; each < 40; each++) await runtime.advance(40)
    expect(clock.now()).toBe(6600)
  })

  it('loses nothing where the wall clock stands still and is read many times in a millisecond', () => {
    const runtime = fakeRuntime()
    let monotonic = 0
    const clock = new Clock({ ...runtime, now: () => 1_700_000_000_000, monotonic: () => monotonic })
    for (let look = 1; look <= 4000; look++) {
      monotonic += 0.25
      expect(clock.now()).toBe(Math.floor(look / 4))
    }
  })

  it('sees through a wall clock that steps back while time passes, at the next look', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(10_000)
    runtime.stepWall(-4000)

    expect(clock.now()).toBe(10_000)
  })

  it('sees through one that steps back by less than has passed', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(2000)
    runtime.stepWall(-1900)

    expect(clock.now()).toBe(2000)
  })

  it('is late by less than 50 ms, for at most a second, where the wall clock steps back by little', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(40)
    runtime.stepWall(-30)

    expect(clock.now()).toBeGreaterThanOrEqual(10)
    await runtime.advance(1000)
    expect(clock.now()).toBeGreaterThanOrEqual(1040)
  })

  it('goes on where a clock is broken for a while', async () => {
    const runtime = fakeRuntime()
    let broken = false
    const clock = new Clock({ ...runtime, now: () => (broken ? Number.NaN : runtime.now()) })
    await runtime.advance(2000)
    expect(clock.now()).toBe(2000)

    broken = true
    await runtime.advance(2000)
    expect(clock.now()).toBe(4000)
    broken = false
    await runtime.advance(2000)
    expect(clock.now()).toBe(6000)
  })

  it('never goes back, whatever the clocks do', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('freeze' as const), ms: fc.integer({ min: 0, max: 100_000 }) }),
      fc.record({ kind: fc.constant('freeze' as const), ms: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('stepWall' as const), ms: fc.integer({ min: -100_000, max: 100_000 }) }),
      fc.record({ kind: fc.constant('stepWall' as const), ms: fc.integer({ min: -60, max: 60 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const runtime = fakeRuntime()
        const clock = new Clock(runtime)
        let last = clock.now()
        for (const { kind, ms } of steps) {
          await runtime[kind](ms)
          const now = clock.now()
          expect(now).toBeGreaterThanOrEqual(last)
          last = now
        }
      }),
      { numRuns: 300 },
    )
  })

  it('asks the monotonic clock for hits once a second at most, while the wall clock goes forward evenly', async () => {
    const runtime = fakeRuntime()
    const monotonic = vi.fn<Runtime['monotonic']>(() => runtime.monotonic())
    const clock = new Clock({ ...runtime, monotonic })
    monotonic.mockClear()
    for (let at = 0; at < 10_000; at += 10) {
      clock.turn()
      await runtime.advance(10)
    }

    expect(monotonic.mock.calls.length).toBeLessThanOrEqual(10)
    expect(monotonic.mock.calls.length).toBeGreaterThan(0)
  })

  it('asks both clocks for everything else: a step back hides nothing', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    await runtime.advance(3_600_000)
    runtime.stepWall(-3_600_000 + 20)
    expect(clock.now()).toBe(3_600_000)
  })
})

describe('the time of a turn', () => {
  it('is read once in a synchronous turn, and again in the next', async () => {
    const runtime = fakeRuntime()
    const now = vi.fn<Runtime['now']>(() => runtime.now())
    const clock = new Clock({ ...runtime, now })
    now.mockClear()
    for (let each = 0; each < 50; each++) clock.turn()
    expect(now).toHaveBeenCalledTimes(1)

    await runtime.advance(30)
    expect(clock.turn()).toBe(30)
    expect(now).toHaveBeenCalledTimes(2)
  })

  it('does not notice time within the turn', () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    expect(clock.turn()).toBe(0)
    runtime.freeze(40)

    expect(clock.turn()).toBe(0)
    expect(clock.now()).toBe(40)
  })

  it('is shared by at most 64 further reads where the platform has dropped the microtask', () => {
    const runtime = fakeRuntime()
    const clock = new Clock({ ...runtime, microtask: () => undefined })
    expect(clock.turn()).toBe(0)
    runtime.freeze(60_000)
    const seen = Array.from({ length: 66 }, () => clock.turn())

    expect(seen.filter((each) => each === 0).length).toBeLessThanOrEqual(64)
    expect(seen.at(-1)).toBe(60_000)
  })
})

describe('the time of a turn of the event loop', () => {
  /** A platform that tells when a turn ends, and how often its clock was read. */
  function turning(overrides: Partial<Runtime> = {}) {
    const runtime = fakeRuntime()
    const tasks: (() => void)[] = []
    const now = vi.fn<Runtime['now']>(() => runtime.now())
    const afterTurn = vi.fn<(task: () => void) => void>((task) => void tasks.push(task))
    const clock = new Clock({ ...runtime, now, afterTurn, ...overrides })
    const endTurn = () => {
      for (const task of tasks.splice(0)) task()
    }
    const reads = (times: number) => Array.from({ length: times }, () => clock.turn())
    /** What the platform was to call at the end of the turn is never called. */
    const forget = () => void tasks.splice(0)
    return { runtime, clock, now, afterTurn, endTurn, reads, forget }
  }
  const BUSY = 16

  it('is shared across awaits where many read it', async () => {
    const { runtime, clock, now, endTurn, reads } = turning()
    reads(BUSY)
    now.mockClear()
    for (let each = 0; each < 60; each++) {
      await Promise.resolve()
      clock.turn()
    }
    expect(now).not.toHaveBeenCalled()

    runtime.freeze(30)
    endTurn()
    expect(clock.turn()).toBe(30)
  })

  it('is read by each of the first: a turn with few reads sees time pass', () => {
    const { runtime, clock, afterTurn } = turning()
    for (let read = 1; read < BUSY; read++) {
      runtime.freeze(7)
      expect(clock.turn()).toBe(7 * read)
    }
    expect(afterTurn).not.toHaveBeenCalled()
  })

  it('is read by each again after a turn that had few', () => {
    const { runtime, clock, endTurn, reads } = turning()
    reads(BUSY + 3)
    endTurn()
    for (let read = 1; read < BUSY; read++) {
      runtime.freeze(7)
      expect(clock.turn()).toBe(7 * read)
    }
  })

  it('does not notice what blocks the loop, for at most 64 reads', () => {
    const { runtime, reads } = turning()
    reads(BUSY)
    runtime.freeze(5000)
    const seen = reads(66)
    expect(seen.filter((each) => each === 0).length).toBeLessThanOrEqual(64)
    expect(seen.at(-1)).toBe(5000)
  })

  it('notices it at once when anything but a hit has asked for the time', () => {
    const { runtime, clock, reads } = turning()
    reads(BUSY)
    runtime.freeze(5000)
    expect(clock.turn()).toBe(0)
    expect(clock.now()).toBe(5000)
    expect(clock.turn()).toBe(5000)
  })

  it('asks the platform for its end once for all readings that are the same', () => {
    const { runtime, afterTurn, reads } = turning()
    reads(BUSY + 650)
    expect(afterTurn).toHaveBeenCalledTimes(1)
    runtime.freeze(1)
    reads(650)
    expect(afterTurn).toHaveBeenCalledTimes(2)
  })

  it('ends, though it is the second one of a millisecond', () => {
    const { runtime, clock, reads, endTurn } = turning()
    reads(BUSY + 64)
    endTurn()
    reads(BUSY)
    endTurn()
    reads(BUSY)
    runtime.freeze(5000)
    endTurn()
    expect(clock.turn()).toBe(5000)
  })

  it('ends, though the platform has lost the notice of an earlier end', () => {
    const { clock, endTurn, reads, runtime, forget } = turning()
    reads(20)
    forget()
    runtime.freeze(1)
    reads(65)
    runtime.freeze(5000)
    endTurn()
    expect(clock.turn()).toBe(5001)
  })

  it('is over after 64 further reads, though the platform has lost the notice of its end', () => {
    const { reads, runtime, forget } = turning()
    reads(BUSY + 200)
    forget()
    runtime.freeze(5000)
    const seen = reads(66)
    expect(seen.filter((each) => each === 0).length).toBeLessThanOrEqual(64)
    expect(seen.at(-1)).toBe(5000)
  })

  it('is that of a synchronous turn where requests are isolated: what one leaves may be dropped with it', async () => {
    const { runtime, clock, afterTurn } = turning({ isolatesRequests: true })
    for (let each = 0; each < 100; each++) clock.turn()
    runtime.freeze(30)
    await runtime.settle()
    expect(clock.turn()).toBe(30)
    expect(afterTurn).not.toHaveBeenCalled()
  })
})
