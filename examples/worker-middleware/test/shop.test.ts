/** The app on a log in this process: two isolates, and a clock that the test moves. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createCache } from 'kedge'
import { fakeRuntime, memory, MemoryLog } from 'kedge/testing'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createShop, declare, type Product } from '../src/shop.ts'

const TEA: Product = { name: 'Tea', price: 3, category: 'drinks' }

let products: Map<string, Product>
let reads: number
let runtime: ReturnType<typeof fakeRuntime>
let log: MemoryLog
beforeEach(() => {
  products = new Map([['1', TEA]])
  reads = 0
  runtime = fakeRuntime({ isolatesRequests: true })
  log = new MemoryLog()
  // The service that has the products.
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const id = new URL(request.url).pathname.split('/').at(-1) ?? ''
    if (request.method === 'PUT') products.set(id, await request.json())
    else reads++
    const product = products.get(id)
    return product === undefined ? new Response(null, { status: 404 }) : Response.json(product)
  })
})

/** Lets time pass until there is an answer: a sleep ends only when the clock reaches its end. */
async function passing<T>(work: T | Promise<T>): Promise<T> {
  let settled = false
  const end = () => void (settled = true)
  const answering = Promise.resolve(work)
  answering.then(end, end)
  while (!settled) {
    await runtime.advance(1)
    await new Promise((resolve) => setTimeout(resolve))
  }
  return answering
}

/** An isolate of its own, beside others on the same log. */
function isolate() {
  const kafka = memory({ on: log, runtime })
  const cache = declare(createCache({ kafka, runtime, maxStaleness: '2s', maxOutage: '30s' }))
  const shop = createShop(() => cache)
  const ask = async (path: string, init: RequestInit = {}) => {
    const context = createExecutionContext()
    const answer = await passing(shop.request(path, init, env, context))
    await passing(waitOnExecutionContext(context))
    return answer
  }
  const price = async (headers: Record<string, string> = {}) =>
    ((await (await ask('/products/1', { headers })).json()) as Product).price
  const put = (product: Product) =>
    ask('/products/1', {
      method: 'PUT',
      headers: { authorization: 'Bearer shop-token', 'content-type': 'application/json' },
      body: JSON.stringify(product),
    })
  return { kafka, cache, ask, price, put }
}

describe('the shop', () => {
  it('reads a product once', async () => {
    const { cache, price } = isolate()
    await cache.sync()
    expect([await price(), await price()]).toEqual([3, 3])
    expect(reads).toBe(1)
  })

  it('shows a change everywhere within `maxStaleness`', async () => {
    const [here, there] = [isolate(), isolate()]
    await Promise.all([here.cache.sync(), there.cache.sync()])
    expect(await there.price()).toBe(3)
    expect((await here.put({ ...TEA, price: 4 })).status).toBe(204)
    expect(await here.price()).toBe(4)
    // The other isolate has not asked since: it may know nothing of it for two seconds, and not for longer.
    expect(await there.price()).toBe(3)
    await runtime.advance(2001)
    expect(await there.price()).toBe(4)
  })

  it('shows it at once to a client with the token of the change', async () => {
    const [here, there] = [isolate(), isolate()]
    await Promise.all([here.cache.sync(), there.cache.sync()])
    expect(await there.price()).toBe(3)
    const token = (await here.put({ ...TEA, price: 4 })).headers.get('kedge-token')
    expect(await there.price({ 'kedge-token': token! })).toBe(4)
  })

  it('forgets a category as one', async () => {
    const { cache, ask, price } = isolate()
    await cache.sync()
    await price()
    products.set('1', { ...TEA, price: 5 })
    const headers = { authorization: 'Bearer shop-token' }
    expect((await ask('/categories/drinks', { method: 'DELETE', headers })).status).toBe(204)
    expect(await price()).toBe(5)
  })

  it('serves what it holds for `maxOutage` while Kafka is out of reach, and reads past the cache from then on', async () => {
    const { kafka, cache, price } = isolate()
    await cache.sync()
    await price()
    kafka.fail(new Error('out of reach'))
    products.set('1', { ...TEA, price: 6 })
    await runtime.advance(20_000)
    expect(await price()).toBe(3)
    await runtime.advance(20_000)
    expect(await price()).toBe(6)
  })

  it('says 503 when an eviction is not acknowledged, so that the change is sent again', async () => {
    const { kafka, cache, put } = isolate()
    await cache.sync()
    kafka.fail(new Error('out of reach'), { on: 'produce' })
    expect((await put({ ...TEA, price: 7 })).status).toBe(503)
  })

  it('refuses a write without the token', async () => {
    const { ask } = isolate()
    expect((await ask('/products/1', { method: 'PUT' })).status).toBe(401)
  })
})
