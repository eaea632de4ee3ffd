import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

describe('time that the test sets', () => {
  it('starts at `startMs` and passes only by `advance`, on both clocks', async () => {
    const runtime = fakeRuntime({ startMs: 5000 })
    expect([runtime.now(), runtime.monotonic()]).toEqual([5000, 0])

    await runtime.settle()
    expect([runtime.now(), runtime.monotonic()]).toEqual([5000, 0])

    await runtime.advance(250)
    expect([runtime.now(), runtime.monotonic()]).toEqual([5250, 250])
  })

  it('can step on the wall clock alone, back and forth', () => {
    const runtime = fakeRuntime({ startMs: 5000 })
    runtime.stepWall(-2000)
    expect([runtime.now(), runtime.monotonic()]).toEqual([3000, 0])
    runtime.stepWall(500)
    expect([runtime.now(), runtime.monotonic()]).toEqual([3500, 0])
  })

  it('freezes: the wall clock goes on, the monotonic one and the sleeps do not', async () => {
    const runtime = fakeRuntime({ startMs: 0 })
    let rung = false
    void runtime.sleep(100).then(() => (rung = true))
    runtime.freeze(60_000)
    await runtime.settle()

    expect([runtime.now(), runtime.monotonic(), rung]).toEqual([60_000, 0, false])
    await runtime.advance(100)
    expect(rung).toBe(true)
  })
})

describe('a sleep', () => {
  it('ends at its time, not before', async () => {
    const runtime = fakeRuntime()
    let rung = false
    void runtime.sleep(1000).then(() => (rung = true))

    await runtime.advance(999)
    expect([rung, runtime.sleeping]).toEqual([false, 1])
    await runtime.advance(1)
    expect([rung, runtime.sleeping]).toEqual([true, 0])
  })

  it('ends in the order of its time, and sees the clocks stand at it', async () => {
    const runtime = fakeRuntime({ startMs: 0 })
    const rung: string[] = []
    for (const ms of [300, 100, 200]) {
      void runtime.sleep(ms).then(() => rung.push(`${ms} at ${runtime.now()}/${runtime.monotonic()}`))
    }
    await runtime.advance(1000)

    expect(rung).toEqual(['100 at 100/100', '200 at 200/200', '300 at 300/300'])
    expect(runtime.now()).toBe(1000)
  })

  it('may begin another one, which ends within the same advance', async () => {
    const runtime = fakeRuntime()
    const rung: number[] = []
    const loop = async () => {
      for (;;) {
        await runtime.sleep(30)
        rung.push(runtime.monotonic())
      }
    }
    void loop()
    await runtime.advance(100)

    expect(rung).toEqual([30, 60, 90])
  })

  it('of no time, or less, ends without time going on', async () => {
    const runtime = fakeRuntime()
    let rung = 0
    void runtime.sleep(0).then(() => rung++)
    void runtime.sleep(-5).then(() => rung++)
    await runtime.advance(0)

    expect([rung, runtime.monotonic()]).toEqual([2, 0])
  })

  it('rejects with the reason of its signal itself, and is gone', async () => {
    const runtime = fakeRuntime()
    const controller = new AbortController()
    const reason = { why: 'enough' }
    const slept = runtime.sleep(1000, controller.signal)
    controller.abort(reason)

    await expect(slept).rejects.toBe(reason)
    expect(runtime.sleeping).toBe(0)
    await expect(runtime.sleep(1000, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(runtime.sleeping).toBe(0)
  })

  it('that has ended does not mind its signal any more', async () => {
    const runtime = fakeRuntime()
    const controller = new AbortController()
    const slept = runtime.sleep(10, controller.signal)
    await runtime.advance(10)
    controller.abort(new Error('too late'))

    await expect(slept).resolves.toBeUndefined()
  })
})

describe('a microtask', () => {
  it('runs after the synchronous turn', async () => {
    const runtime = fakeRuntime()
    let ran = false
    runtime.microtask(() => (ran = true))

    expect(ran).toBe(false)
    await Promise.resolve()
    expect(ran).toBe(true)
  })
})

describe('randomness', () => {
  it('is the same for the same seed, and another for another', () => {
    const draw = (seed: number) => Array.from({ length: 8 }, seededRandom(seed))

    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(draw(seed)).toEqual(draw(seed))
        expect(draw(seed)).not.toEqual(draw(seed + 1))
      }),
    )
  })

  it('lies in [0, 1) and is spread over it', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const drawn = Array.from({ length: 1000 }, seededRandom(seed))
        expect(drawn.every((each) => each >= 0 && each < 1)).toBe(true)
        for (let tenth = 0; tenth < 10; tenth++) {
          expect(drawn.some((each) => Math.floor(each * 10) === tenth)).toBe(true)
        }
      }),
    )
  })

  it('is that of the seed in a runtime, and the same where none is given', () => {
    expect(fakeRuntime({ seed: 7 }).random()).toBe(seededRandom(7)())
    expect(fakeRuntime().random()).toBe(fakeRuntime().random())
  })
})
