/** The routes for many in workerd: two isolates, one log behind the real gateway. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { prewarmFrom } from '../../src/replicate/index.ts'
import { SentEvents } from './bulk/sse.ts'
import type { Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

let world: World
let a: Client
let b: Client
beforeAll(async () => {
  world = await startWorld({ one: 1, two: 2, three: 3 })
  ;[a, b] = await Promise.all([world.isolate(), world.isolate()])
})
afterAll(() => world.close())

async function follow(client: Client, after?: string) {
  const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after }
  const response = await fetch(`${client.url}/cache/rows/events`, { headers })
  expect(response.status).toBe(200)
  return new SentEvents(response)
}

describe('in workerd', () => {
  it('a stream tells what another isolate evicts, while no other request comes, and goes on after an id', async () => {
    const stream = await follow(a)
    await until(async () => stream.events.length > 0, 'it has begun')
    expect(stream.take()).toMatchObject({ event: 'begin' })
    const token = await b.evict('one')
    await until(async () => stream.events.length > 0, 'the eviction has come')
    expect(stream.take()).toMatchObject({ event: 'evict', id: token, data: { keys: ['one'] } })
    await stream.cancel()
    const next = await b.evict('two')
    const again = await follow(a, token)
    await until(async () => again.events.length > 1, 'the next eviction has come')
    expect(again.take()).toMatchObject({ event: 'resume', id: token })
    expect(again.take()).toMatchObject({ event: 'evict', id: next, data: { keys: ['two'] } })
    await again.cancel()
  })

  it('streams in several requests get what comes, whichever of them has polled', async () => {
    const streams = await Promise.all([1, 2, 3].map(() => follow(a)))
    await until(async () => streams.every(({ events }) => events.length > 0), 'they have begun')
    await b.evict('three')
    await until(async () => streams.every(({ events }) => events.length > 1), 'it has come to all')
    for (const { events } of streams)
      expect(events[1]).toMatchObject({ event: 'evict', data: { keys: ['three'] } })
    await Promise.all(streams.map((each) => each.cancel()))
  })

  it('a dump fills a cache elsewhere, which drops what is evicted afterwards', async () => {
    for (const key of ['one', 'two', 'three'])
      await until(async () => (await a.read(key)).cacheStatus.includes('hit'), `${key} is held`)
    const cache = createCache({ kafka: gateway({ url: world.gateway.url }) })
    const rows = cache.namespace<number>('rows')
    expect(await prewarmFrom(cache, { url: a.url, budget: '20s' })).toMatchObject({
      applied: 3,
      refused: 0,
      complete: true,
    })
    expect([rows.peek('one'), rows.peek('two'), rows.peek('three')]).toEqual([1, 2, 3])
    const token = await b.evict('one')
    expect(await rows.get('one', { after: token })).toBeUndefined()
    await cache.close()
  })
})
