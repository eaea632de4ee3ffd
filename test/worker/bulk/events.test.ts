/** `GET /cache/:namespace/events`: what a client hears of evictions, and when it must begin anew. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCache } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { bearerAuth, createApp, openToAll } from '../../../worker/index.ts'
import { FakeCache } from '../fake-cache.ts'
import { appWorld } from './app-world.ts'
import type { SentEvents } from './sse.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const TOPIC = 'cache-evictions'

/** What came after the beginning. */
const told = ({ events }: SentEvents) =>
  events.filter(({ event }) => event !== 'begin').map(({ event, data }) => ({ event, ...data }))

describe.each([{ isolatesRequests: false }, { isolatesRequests: true }])(
  'a stream of evictions %o',
  (platform) => {
    it('begins where the log is, and tells what others evict, each with the token that reads after it', async () => {
      const { isolate, advance } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      await a.run(b.cache.sync())
      await a.run(b.users.delete('before'))
      const stream = await a.follow()
      expect(stream.take()).toEqual({
        event: 'begin',
        id: expect.stringMatching(/^k1\.0-1~/),
        data: { position: 1, log: expect.any(String) },
      })
      expect(stream.retryMs).toBe(2000)
      const token = await a.run(b.users.delete(['7', '8']))
      await advance(2000)
      expect(stream.take()).toEqual({ event: 'evict', id: token, data: { offset: 1, keys: ['7', '8'] } })
      await stream.cancel()
    })

    it('tells tags, prefixes, a namespace, everything, and versions of rows', async () => {
      const { isolate, advance } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      const stream = await a.follow()
      await a.run(b.users.invalidateTags(['team:7', 'team:8']))
      await a.run(b.users.invalidatePrefix('eu/'))
      await a.run(b.users.delete('7', { version: 3 }))
      await a.run(b.users.clear())
      await a.run(b.cache.clear())
      await advance(2500)
      expect(told(stream)).toEqual([
        { event: 'evict', offset: 0, tags: ['team:7', 'team:8'] },
        { event: 'evict', offset: 1, prefixes: ['eu/'] },
        { event: 'evict', offset: 2, keys: ['7'], version: 3 },
        { event: 'evict', offset: 3, all: true },
        { event: 'evict', offset: 4, all: true },
      ])
      await stream.cancel()
    })

    it('never tells what is of another namespace, and tells of garbage that everything is evicted', async () => {
      const { isolate, advance, log } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      const stream = await a.follow()
      await a.run(b.orders.delete('secret'))
      await a.run(b.orders.invalidateTags('secret'))
      log.append(TOPIC, { key: null, value: utf8('{"ns":"orders","key":"secret"}') })
      await advance(2500)
      expect(stream.events.map(({ event }) => event)).toEqual(['begin'])
      log.append(TOPIC, { key: null, value: utf8('garbage') })
      log.append(TOPIC, { key: utf8('7'), value: null })
      await advance(5000)
      expect(told(stream)).toEqual([
        { event: 'evict', offset: 3, all: true },
        { event: 'evict', offset: 4, keys: ['7'] },
      ])
      expect(JSON.stringify(stream.events)).not.toContain('secret')
      await stream.cancel()
    })

    it('tells what this isolate itself has evicted once, after the log has passed it', async () => {
      const { isolate, advance } = appWorld(platform)
      const a = isolate()
      const stream = await a.follow()
      const token = await a.run(a.users.delete('7'))
      await advance(2500)
      expect(told(stream)).toEqual([{ event: 'evict', offset: 0, keys: ['7'] }])
      expect(stream.lastId).toBe(token)
      await stream.cancel()
    })

    it('goes on after the id that its client has read, also at another server', async () => {
      const { isolate, advance } = appWorld(platform)
      const [a, b, c] = [isolate(), isolate(), isolate()]
      const first = await a.follow()
      const elsewhere = await c.follow()
      await a.run(b.users.delete('1'))
      await advance(2500)
      await first.cancel()
      await a.run(b.users.delete('2'))
      for (const server of [a, c]) {
        const again = await server.follow(first.lastId)
        await advance(2500)
        expect(again.events.map(({ event, id, data }) => [event, data['keys'] ?? id])).toEqual([
          ['resume', first.lastId],
          ['evict', ['2']],
        ])
        await again.cancel()
      }
      await elsewhere.cancel()
    })

    it.each([
      ['of another log', 'k1.0-1~zzzzzzz', 'log'],
      ['that names no log', 'k1.0-1', 'log'],
      ['that is none', 'nonsense', 'log'],
      ['beyond the end', 'beyond', 'gap'],
      ['older than what the server follows', 'before', 'gap'],
    ])('tells a client with an id %s to begin anew, once', async (_, id, because) => {
      const { isolate, advance } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      await a.run(b.cache.sync())
      const early = await a.run(b.users.delete('0'))
      await a.run(b.users.delete('1'))
      const sent = id === 'beyond' ? early.replace('0-1', '0-9') : id === 'before' ? early : id
      const stream = await a.follow(sent)
      await a.run(b.users.delete('2'))
      await advance(2500)
      expect(stream.events.map(({ event, data }) => [event, data['because'] ?? data['keys']])).toEqual([
        ['resync', because],
        ['evict', ['2']],
      ])
      expect(stream.events[0]).toMatchObject({
        id: expect.stringMatching(/^k1\.0-2~/),
        data: { position: 2 },
      })
      await stream.cancel()
    })

    it('never goes on where the log does not tell which one it is', async () => {
      const { isolate, advance } = appWorld(platform)
      const kafka = { capabilities: { identity: false } }
      const [a, b] = [isolate({ kafka }), isolate({ kafka })]
      await a.run(b.users.delete('0'))
      const stream = await a.follow()
      expect(stream.take()).toEqual({ event: 'begin', id: 'k1.0-1', data: { position: 1 } })
      await a.run(b.users.delete('1'))
      await advance(2500)
      expect(told(stream)).toEqual([{ event: 'evict', offset: 1, keys: ['1'] }])
      await stream.cancel()
      const again = await a.follow(stream.lastId)
      expect(again.take()).toMatchObject({ event: 'resync', data: { because: 'log' } })
      await again.cancel()
    })

    it('tells its client to begin anew when the log was made anew, and goes on from there', async () => {
      const { isolate, advance, log } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      const stream = await a.follow()
      await a.run(b.users.delete('1'))
      await advance(2500)
      log.recreateTopic(TOPIC)
      await advance(2500)
      await a.run(b.cache.sync())
      await a.run(b.users.delete('2'))
      await advance(2500)
      expect(stream.events.map(({ event, data }) => [event, data['because'] ?? data['keys']])).toEqual([
        ['begin', undefined],
        ['evict', ['1']],
        ['resync', 'reanchor'],
        ['evict', ['2']],
      ])
      await stream.cancel()
    })

    it('says by comments that it is there, and moves the id of its client on', async () => {
      const { isolate, advance } = appWorld(platform)
      const [a, b] = [isolate({ app: { bulk: { heartbeat: '5s' } } }), isolate()]
      const stream = await a.follow()
      await a.run(b.cache.sync())
      const token = await a.run(b.orders.delete('7'))
      await advance(12_000)
      expect(stream.comments).toEqual(['still here', 'still here'])
      expect(told(stream)).toEqual([])
      expect(stream.lastId).toBe(token)
      await stream.cancel()
    })

    it('says when freshness is not proved any more, and when it is again', async () => {
      const { isolate, advance } = appWorld(platform)
      const [a, b] = [isolate(), isolate()]
      const stream = await a.follow()
      a.kafka.pause()
      await advance(15_000)
      expect(told(stream).map(({ event }) => event)).toEqual(['unproved'])
      await a.run(b.users.delete('7'))
      a.kafka.resume()
      await advance(40_000)
      expect(told(stream).map(({ event }) => event)).toEqual(['unproved', 'evict', 'proved'])
      await stream.cancel()
    })
  },
)

describe('the bounds of streams', () => {
  it('a client that is too slow for what is remembered must begin anew', async () => {
    const { isolate, advance, turn } = appWorld()
    const [a, b] = [isolate({ app: { bulk: { maxRemembered: 3 } } }), isolate()]
    const response = await a.ask('/cache/users/events')
    const reader = response.body!.getReader()
    const read = async () => new TextDecoder().decode((await a.run(reader.read())).value)
    expect(await read()).toContain('event: begin')
    for (let n = 0; n < 5; n++) await a.run(b.users.delete(`${n}`))
    await a.run(a.cache.sync())
    await advance(1000)
    await turn()
    expect(await read()).toMatch(/^event: resync\nid: k1\.0-5~\w+\ndata: \{.*"because":"gap"\}\n\n$/)
    await reader.cancel()
  })

  it('a client that takes nothing is cut, and gives its place back', async () => {
    const { isolate, advance } = appWorld()
    const a = isolate({ app: { bulk: { maxStreams: 1, stall: '10s' } } })
    const response = await a.ask('/cache/users/events')
    expect((await a.ask('/cache/users/events')).status).toBe(503)
    await advance(10_100)
    await expect(response.text()).rejects.toThrow('takes nothing')
    const next = await a.follow()
    expect(next.state).toBe('open')
    await next.cancel()
  })

  it('no more than so many at once, in all and for each credential', async () => {
    const { isolate } = appWorld()
    const auth = bearerAuth({ read: ['one', 'two'] })
    const a = isolate({ app: { auth, bulk: { maxStreams: 3, maxStreamsEach: 2 } } })
    const open = (token: string) =>
      a.ask('/cache/users/events', { headers: { authorization: `Bearer ${token}` } })
    const answers = [
      await open('one'),
      await open('one'),
      await open('one'),
      await open('two'),
      await open('two'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 200, 503])
    expect(await answers[2]!.json()).toMatchObject({ code: 'ERR_OVERLOADED' })
    expect(answers[2]!.headers.get('retry-after')).toBe('5')
    await answers[0]!.body!.cancel()
    expect((await open('one')).status).toBe(200)
  })

  it('a place that a vanished request has never given back is free after a while', async () => {
    const { isolate, runtime } = appWorld({ isolatesRequests: true })
    const a = isolate({ app: { bulk: { maxStreams: 1, stall: '10s', heartbeat: '10s' } } })
    // No client reads it, and its timers never fire: as in Workers, where a request is gone with all that belongs to it.
    await a.ask('/cache/users/events')
    runtime.stepClocks(20_001)
    expect((await a.ask('/cache/users/events')).status).toBe(200)
  })

  it('a stream ends after its life, and its client goes on with its id', async () => {
    const { isolate, advance } = appWorld()
    const [a, b] = [isolate({ app: { bulk: { streamLife: '60s' } } }), isolate()]
    const stream = await a.follow()
    await advance(47_000)
    expect(stream.state).toBe('open')
    await advance(14_000)
    expect(stream.state).toBe('ended')
    await a.run(b.users.delete('7'))
    const again = await a.follow(stream.lastId)
    await advance(2500)
    expect(again.events.map(({ event }) => event)).toEqual(['resume', 'evict'])
    await again.cancel()
  })

  it('ends cleanly when the server stops, and when the cache is closed it fails', async () => {
    const { isolate, turn, advance } = appWorld()
    const stop = new AbortController()
    const a = isolate({
      context: { waitUntil: () => {}, passThroughOnException: () => {}, props: {}, stopping: stop.signal },
    })
    const stream = await a.follow()
    stop.abort()
    await turn()
    expect(stream.state).toBe('ended')
    const b = isolate()
    const other = await b.follow()
    await b.run(b.cache.close())
    await advance(3000)
    expect(other.state).toBe('failed')
  })
})

describe('who may open a stream, and where', () => {
  it('needs the scope read, a namespace that is served, and a log that was reached', async () => {
    const { isolate } = appWorld()
    const a = isolate({ app: { auth: bearerAuth({ read: ['r'], evict: ['e'] }) } })
    const status = async (path: string, token?: string) =>
      (await a.ask(path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status
    expect(await status('/cache/users/events')).toBe(401)
    expect(await status('/cache/users/events', 'e')).toBe(403)
    expect(await status('/cache/others/events', 'r')).toBe(404)
    const away = isolate()
    away.kafka.pause()
    const answer = await away.ask('/cache/users/events')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  })

  it('leaves a key of that name to those who ask for JSON', async () => {
    const { isolate } = appWorld()
    const a = isolate()
    await a.run(a.cache.sync())
    for (const key of ['events', 'dump']) {
      await a.run(a.users.set(key, 'a value'))
      const answer = await a.ask(`/cache/users/${key}`, {
        headers: { accept: 'application/json, text/plain, */*' },
      })
      expect(await answer.json()).toMatchObject({ key, value: 'a value' })
    }
  })

  it('answers HEAD without a stream, has headers that no cache may keep, and takes no other method', async () => {
    const { isolate } = appWorld()
    const a = isolate({ app: { bulk: { maxStreams: 1, maxDumps: 1 } } })
    for (const [path, type] of [
      ['events', 'text/event-stream; charset=utf-8'],
      ['dump', 'application/x-ndjson; charset=utf-8'],
    ]) {
      for (let n = 0; n < 2; n++) {
        const head = await a.ask(`/cache/users/${path}`, { method: 'HEAD' })
        expect([head.status, head.headers.get('content-type'), head.headers.get('cache-control')]).toEqual([
          200,
          type,
          'no-store',
        ])
      }
      expect((await a.ask(`/cache/users/${path}`, { method: 'POST' })).status).toBe(405)
    }
  })

  it('is not there where the app has none of it, and says so where the cache cannot', async () => {
    const { isolate } = appWorld()
    const off = isolate({ app: { bulk: false } })
    expect(await (await off.ask('/cache/users/events')).json()).toMatchObject({ code: 'ERR_NO_VALUE' })
    const app = createApp({ cache: new FakeCache(), auth: openToAll, namespaces: ['users'] })
    for (const path of ['events', 'dump'])
      expect((await app.request(`/cache/users/${path}`)).status).toBe(501)
  })

  it('takes no stream where the platform sends answers whole', async () => {
    const { isolate } = appWorld()
    const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {}, buffers: true }
    const a = isolate({ context })
    expect((await a.ask('/cache/users/events')).status).toBe(501)
  })

  it.each([
    [{ maxStreams: 0 }, 'bulk.maxStreams'],
    [{ heartbeat: 'soon' }, 'bulk.heartbeat'],
    [{ stall: 0 }, 'bulk.stall'],
    [{ streams: 1 }, 'bulk.streams'],
    [true, 'bulk'],
  ])('refuses wrong options: %o', (bulk, named) => {
    const cache = createCache({ kafka: memory() })
    onTestFinished(() => cache.close())
    const make = () => createApp({ cache, auth: openToAll, bulk: bulk as never })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`\`${named}\``)
  })
})
