/** The worker as it is deployed, with its bindings; what it would reach over the network is answered here. */
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import worker from '../src/index.ts'

/** Requests of the worker, by method and path. */
let asked: string[]
let end: number
beforeEach(() => {
  asked = []
  end = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const { origin, pathname } = new URL(request.url)
    asked.push(`${request.method} ${pathname}`)
    if (origin === new URL(env.PRODUCTS_URL).origin)
      return Response.json({ name: 'Tea', price: 3, category: 'drinks' })
    expect(request.headers.get('authorization')).toBe('Bearer kafka-token')
    if (request.method === 'POST') {
      const offsets = [{ partition: 0, offset: end++, error_code: null, error: null }]
      return Response.json({ offsets }, { headers: { 'content-type': 'application/vnd.kafka.v2+json' } })
    }
    return Response.json({ beginning_offset: 0, end_offset: end })
  })
})

it('answers with a product, and asks Kafka what is no longer valid', async () => {
  const answer = await exports.default.fetch('https://shop.example/products/1')
  expect(await answer.json()).toMatchObject({ name: 'Tea' })
  expect(asked).toContain('GET /products/1')
  expect(asked).toContain('GET /topics/cache-evictions/partitions/0/offsets')
})

it('writes a heartbeat when its cron fires', async () => {
  const context = createExecutionContext()
  await worker.scheduled(createScheduledController({ cron: '17 */6 * * *' }), env)
  await waitOnExecutionContext(context)
  expect(asked).toEqual(['POST /topics/cache-evictions'])
})
