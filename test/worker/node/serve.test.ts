/** `serve()` of `kedge/node`, over real sockets of the loopback. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCache } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { createApp, kedge, openToAll } from '../../../worker/index.ts'
import { serve } from '../../../worker/node.ts'
import type { ServeOptions } from '../../../worker/node.ts'

function world() {
  const log = new MemoryLog()
  let closed = 0
  const kafka = memory({ on: log })
  const cache = createCache({ kafka: { ...kafka, close: async () => void closed++ } })
  cache.namespace('users')
  return { log, cache, closed: () => closed }
}

async function started(options: Omit<ServeOptions, 'port'>) {
  const server = await serve({ ...options, port: 0 })
  onTestFinished(() => server.close())
  return server
}

/** A promise to be settled from outside. */
function gate<T = void>() {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => (open = resolve))
  return { open, opened }
}

const refused = (url: string) =>
  fetch(url).then(
    () => 'answered',
    () => 'refused',
  )

describe('serve()', () => {
  it('answers for the app, and follows the log without being asked', async () => {
    const { log, cache } = world()
    const { url } = await started({ app: createApp({ cache, auth: openToAll }), cache })
    const put = { method: 'PUT', body: '{"value":1}', headers: { 'content-type': 'application/json' } }
    expect((await fetch(`${url}/cache/users/7`, put)).status).toBe(200)
    expect((await fetch(`${url}/cache/users/7`)).status).toBe(200)
    const elsewhere = createCache({ kafka: memory({ on: log }) })
    await elsewhere.namespace('users').delete('7')
    while (cache.namespace('users').peek('7') !== undefined)
      await new Promise((resolve) => setImmediate(resolve))
    await elsewhere.close()
  })

  it('lets requests end when it stops, accepts no new ones, and then closes the cache and its log', async () => {
    const { cache, closed } = world()
    const [asked, answer] = [gate(), gate()]
    const app = new Hono().get('/slow', async (c) => {
      asked.open()
      await answer.opened
      return c.text(`closed: ${closed()}`)
    })
    const { url, close } = await started({ app, cache })
    const slow = fetch(`${url}/slow`)
    await asked.opened
    const closing = close()
    await expect.poll(() => refused(url)).toBe('refused')
    answer.open()
    expect(await (await slow).text()).toBe('closed: 0')
    await closing
    expect(closed()).toBe(1)
    await close()
    expect(closed()).toBe(1)
    await expect(cache.namespace('users').get('7')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('says on `/readyz` that it stops, while it is still drained', async () => {
    const { cache } = world()
    const app = createApp({ cache, auth: openToAll })
    // Longer than a slow machine needs for the requests below.
    const { url, close } = await started({ app, cache, drain: '3s' })
    await cache.sync()
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const closing = close()
    const told = await fetch(`${url}/readyz?a=b`)
    expect([told.status, await told.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'ERR_NOT_READY' }),
    ])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await closing
    expect(await refused(url)).toBe('refused')
  })

  it('cuts what does not end within the time of grace', async () => {
    const { cache, closed } = world()
    const asked = gate()
    const app = new Hono().get('/slow', () => {
      asked.open()
      return gate<Response>().opened
    })
    const { url, close } = await started({ app, cache, grace: 20 })
    const slow = refused(`${url}/slow`)
    await asked.opened
    await close()
    expect(await slow).toBe('refused')
    expect(closed()).toBe(1)
  })

  it('waits for work that requests have left behind before it closes the cache', async () => {
    const { cache, closed } = world()
    const work = gate()
    const seen: number[] = []
    const app = new Hono().use(kedge(cache)).get('/', (c) => {
      c.executionCtx.waitUntil(work.opened.then(() => void seen.push(closed())))
      c.executionCtx.waitUntil(Promise.reject(new Error('of no interest')))
      return c.text('ok')
    })
    const { url, close } = await started({ app, cache })
    expect(await (await fetch(url)).text()).toBe('ok')
    const closing = close()
    await expect.poll(() => refused(url)).toBe('refused')
    work.open()
    await closing
    expect([seen, closed()]).toEqual([[0], 1])
  })

  it('does not wait for work that does not end', async () => {
    const { cache, closed } = world()
    const app = new Hono().get('/', (c) => {
      c.executionCtx.waitUntil(gate().opened)
      return c.text('ok')
    })
    const { url, close } = await started({ app, cache, grace: 20 })
    await (await fetch(url)).text()
    await close()
    expect(closed()).toBe(1)
  })

  it('is not kept by a connection on which nothing is asked', async () => {
    const { cache } = world()
    const { port, close } = await started({ app: new Hono(), cache, grace: '10m' })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const ended = once(socket, 'close')
    await close()
    await ended
  })

  it('closes the cache also where onError throws', async () => {
    const { cache, closed } = world()
    let told = 0
    Object.assign(cache, { follow: async () => Promise.reject(new Error('no more')) })
    const onError = () => {
      told++
      throw new Error('nor here')
    }
    const { close } = await started({ app: createApp({ cache, auth: openToAll }), cache, onError })
    await close()
    expect({ told, closed: closed() }).toEqual({ told: 1, closed: 1 })
  })

  it('rejects where it cannot listen, and leaves the cache as it is', async () => {
    const { cache, closed } = world()
    const { port } = await started({ app: new Hono(), cache: world().cache })
    await expect(serve({ app: new Hono(), cache, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(closed()).toBe(0)
    await cache.close()
  })

  it.each([
    [{ app: {} }, '`app`'],
    [{ cache: undefined }, '`cache`'],
    [{ host: '' }, '`host`'],
    [{ port: 70_000 }, '`port`'],
    [{ maxConnections: 0 }, '`maxConnections`'],
    [{ drain: 'soon' }, '`drain`'],
    [{ grace: -1 }, '`grace`'],
    [{ signals: true }, '`signals`'],
  ])('refuses %j', async (wrong, quoted) => {
    const { cache } = world()
    const promise = serve({ app: new Hono(), cache, port: 0, ...wrong } as unknown as ServeOptions)
    await expect(promise).rejects.toThrow(TypeError)
    await expect(promise).rejects.toThrow(quoted)
  })
})
