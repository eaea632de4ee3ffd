import { describe, expect, it } from 'vitest'
import { Semaphore } from '../../../src/runtime/semaphore.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { Clock } from '../../../src/runtime/clock.ts'

function slots(max: number) {
  const runtime = fakeRuntime()
  const places = new Semaphore(max, runtime, new Clock(runtime))
  const signal = new AbortController().signal
  return { runtime, places, signal }
}

describe('places for loads', () => {
  it('are as many as the limit says, and one more when one is given back', () => {
    const { places } = slots(2)
    const first = places.tryTake(1000)
    const second = places.tryTake(1000)

    expect([first, second]).toEqual([expect.any(Function), expect.any(Function)])
    expect(places.tryTake(1000)).toBeUndefined()
    first?.()
    expect(places.tryTake(1000)).toBeDefined()
    expect(places.tryTake(1000)).toBeUndefined()
  })

  it('are not more when one is given back twice', () => {
    const { places } = slots(2)
    const back = places.tryTake(1000)
    places.tryTake(1000)
    back?.()
    back?.()

    expect(places.tryTake(1000)).toBeDefined()
    expect(places.tryTake(1000)).toBeUndefined()
  })

  it('are free again when their lease is over, should their taker be gone', async () => {
    const { runtime, places } = slots(1)
    places.tryTake(1000)
    await runtime.advance(999)
    expect(places.tryTake(1000)).toBeUndefined()

    await runtime.advance(1)
    expect(places.tryTake(1000)).toBeDefined()
  })

  it('stay taken when an earlier taker gives back too late', async () => {
    const { runtime, places } = slots(1)
    const late = places.tryTake(1000)
    await runtime.advance(1000)
    places.tryTake(1000)
    late?.()

    expect(places.tryTake(1000)).toBeUndefined()
  })

  it('are leased over a freeze', () => {
    const { runtime, places } = slots(1)
    places.tryTake(1000)
    runtime.freeze(1000)

    expect(places.tryTake(1000)).toBeDefined()
  })
})

describe('waiting for a place', () => {
  it('takes no time where there is one', async () => {
    const { runtime, places, signal } = slots(1)

    expect(await places.take(1000, signal)).toEqual(expect.any(Function))
    expect(runtime.monotonic()).toBe(0)
    expect(places.tryTake(1000)).toBeUndefined()
  })

  it('ends within 50 ms of a place being given back', async () => {
    const { runtime, places, signal } = slots(1)
    const back = places.tryTake(60_000)
    let got: (() => void) | undefined
    void places.take(1000, signal).then((given) => (got = given))
    await runtime.advance(10_000)
    expect(got).toBeUndefined()

    back?.()
    await runtime.advance(50)
    await runtime.settle()
    expect(got).toBeDefined()
    expect(runtime.sleeping).toBe(0)
  })

  it('ends when a lease does', async () => {
    const { runtime, places, signal } = slots(1)
    places.tryTake(1000)
    let got = false
    void places.take(1000, signal).then(() => (got = true))
    await runtime.advance(1050)
    await runtime.settle()

    expect(got).toBe(true)
  })

  it('gives one place to one waiting caller, and later one to each', async () => {
    const { runtime, places, signal } = slots(2)
    let running = 0
    let most = 0
    let done = 0
    const load = async () => {
      const back = await places.take(60_000, signal)
      most = Math.max(most, ++running)
      await runtime.sleep(100)
      running--
      done++
      back()
    }
    for (let each = 0; each < 9; each++) void load()
    await runtime.advance(3000)

    expect([most, running, done]).toEqual([2, 0, 9])
    expect(runtime.sleeping).toBe(0)
  })

  it('rejects with the reason of its signal itself, and leaves no timer and no place taken', async () => {
    const { runtime, places } = slots(1)
    const back = places.tryTake(60_000)
    const controller = new AbortController()
    const reason = { why: 'enough' }
    const waited = places.take(1000, controller.signal)
    await runtime.advance(20)
    controller.abort(reason)

    await expect(waited).rejects.toBe(reason)
    expect(runtime.sleeping).toBe(0)
    back?.()
    expect(places.tryTake(1000)).toBeDefined()
  })
})
