/** What workerd's clocks are: `src/runtime/clock.ts` rests on it. */
import { Miniflare } from 'miniflare'
import { afterAll, describe, expect, it } from 'vitest'

const worker = new Miniflare({
  modules: true,
  compatibilityDate: '2026-01-01',
  script: `
    export default {
      async fetch() {
        const read = () => [Date.now(), performance.now(), Date.now()]
        const first = read()
        await scheduler.wait(20)
        return Response.json([first, read()])
      },
    }`,
})

afterAll(() => worker.dispose())

describe('the clocks of workerd', () => {
  it('are one in a request: performance.now() is Date.now(), so that both step back together', async () => {
    const readings = (await (await worker.dispatchFetch('http://worker/')).json()) as [
      number,
      number,
      number,
    ][]
    expect(readings).toHaveLength(2)
    // Outside of Cloudflare the clock moves on while code runs: a reading lies between its neighbours.
    for (const [before, monotonic, after] of readings) {
      expect(Number.isInteger(monotonic)).toBe(true)
      expect(monotonic).toBeGreaterThanOrEqual(before)
      expect(monotonic).toBeLessThanOrEqual(after)
    }
    expect(readings[1]![0]).toBeGreaterThan(readings[0]![0])
  })
})
