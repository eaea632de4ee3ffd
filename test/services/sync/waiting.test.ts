/** What a sync says while the store or the log is away, and when it gives up. */
import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import { world } from './world.ts'

const down = () => new KedgeError('ERR_NETWORK', 'connection refused', { retryable: true })

/** How a promise settles, and when. */
function outcome(promise: Promise<unknown>, now: () => number) {
  const seen: { at?: number; error?: unknown; value?: unknown } = {}
  promise.then(
    (value) => Object.assign(seen, { value, at: now() }),
    (error: unknown) => Object.assign(seen, { error, at: now() }),
  )
  return seen
}

describe('A step', () => {
  it.each(['store', 'log'] as const)('gives up when the %s has been away for so long', async (who) => {
    const at = world()
    at.put('a', '1')
    const { sync, sink, kafka, said } = at.make()
    if (who === 'store') sink.fail(down())
    else kafka.fail(down())
    const began = at.runtime.monotonic()
    const seen = outcome(sync.step({ giveUpAfter: '1m' }), () => at.runtime.monotonic())
    await at.runtime.advance(59_000)
    expect(seen).toEqual({})
    await at.runtime.advance(2000)
    expect(seen.error).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: `the ${who} has failed for 60 s: connection refused`,
    })
    expect(seen.at! - began).toBe(60_000)
    const waits = said(`${who}_waits`).map(({ downMs }) => downMs)
    expect(waits.slice(0, 5)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000])
    expect(said(`${who}_failed`)[0]).toMatchObject({ attempt: 1 })
    expect(at.runtime.sleeping).toBe(0)
  })

  it('does not wait for an answer for longer than that', async () => {
    const at = world()
    const { sync, sink } = at.make()
    sink.fail(down(), { times: 1 })
    const seen = outcome(sync.step({ giveUpAfter: '5s' }), () => at.runtime.monotonic())
    await at.runtime.advance(10)
    sink.pause()
    await at.runtime.advance(5000)
    expect(seen.error).toMatchObject({ message: 'the store has failed for 5 s: connection refused' })
  })

  it('goes on when the store is back before that, and counts from zero', async () => {
    const at = world()
    at.put('a', '1')
    const { sync, sink } = at.make()
    for (let lap = 0; lap < 3; lap++) {
      sink.fail(down())
      at.put('a', `${lap}`)
      const seen = outcome(sync.step({ giveUpAfter: '1m' }), () => at.runtime.monotonic())
      await at.runtime.advance(40_000)
      expect(seen).toEqual({})
      sink.fail()
      await at.runtime.advance(20_000)
      expect(seen.value).toMatchObject({ reached: true })
      expect(at.text('order:a')).toBe(`${lap}`)
    }
  })

  it('never gives up, and reports every ten seconds what it waits for', async () => {
    const at = world(3)
    for (let partition = 0; partition < 3; partition++) at.put('a', '1', partition)
    const { start, sink, said, stop } = at.make()
    sink.fail(down())
    start()
    await at.runtime.advance(600_500)
    expect(said('store_waits').map(({ downMs }) => downMs)).toEqual(
      Array.from({ length: 60 }, (_, n) => (n + 1) * 10_000),
    )
    sink.fail()
    await at.runtime.advance(40_000)
    expect(Object.keys(at.all())).toEqual(['order:a'])
    const before = said('store_waits').length
    sink.fail(down())
    for (let partition = 0; partition < 3; partition++) at.put('a', '2', partition)
    await at.runtime.advance(25_000)
    // Three partitions are written at once, and one line of them is enough.
    const downs = said('store_waits').slice(before)
    expect(downs).toHaveLength(2)
    expect(downs[1]!.downMs - downs[0]!.downMs).toBe(10_000)
    expect(await stop()).toBe('ended')
    expect(at.runtime.sleeping).toBe(0)
  })
})
