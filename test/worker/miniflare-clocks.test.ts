/** What workerd's clocks are: `src/runtime/clock.ts` rests on it. */
import { Miniflare } from 'miniflare'
import { afterAll, describe, expect, it } from 'vitest'

const worker = new Miniflare({
  modules: true,
  compatibilityDate: '2026-01-01',
  script: `
    export default {
      async fetch() {
        const first = [Date.now(), performance.now()]
        await scheduler.wait(20)
        return Response.json([first, [Date.now(), performance.now()]])
      },
    }`,
})

afterAll(() => worker.dispose())

describe('the clocks of workerd', () => {
  it('are one in a request: performance.now() is Date.now(), so that both step back together', async () => {
    const readings = (await (await worker.dispatchFetch('http://worker/')).json()) as [number, number][]
    expect(readings).toHaveLength(2)
    for (const [wall, monotonic] of readings) expect(monotonic).toBe(wall)
    expect(readings[1]![0]).toBeGreaterThan(readings[0]![0])
  })
})
