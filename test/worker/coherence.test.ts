/** The tour of the worker over the real cache: two isolates, one log in memory, one origin. */
import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import { fakeRuntime, memory, MemoryLog } from '../../src/testing/index.ts'
import { createApp } from '../../worker/app.ts'
import { openToAll } from '../../worker/auth.ts'
import { originOf } from './fake-origin.ts'

function world() {
  const runtime = fakeRuntime()
  const log = new MemoryLog({ now: () => runtime.now(), random: () => runtime.random() })
  const rows: Record<string, unknown> = { 'airports/KEF': 'Reykjavík', 'airports/AEY': 'Akureyri' }
  const source = originOf(rows, ['country:IS'])
  const isolate = () => {
    const kafka = memory({ on: log, runtime })
    const cache = createCache({ kafka, runtime, ttl: '5m', maxStaleness: '2s', maxOutage: '15s' })
    const app = createApp({ cache, auth: openToAll, origin: source.origin, namespaces: ['airports'] })
    const call = async (path: string, init: RequestInit = {}) => {
      const state = { settled: false }
      const answering = Promise.resolve(app.request(path, init)).finally(() => {
        state.settled = true
      })
      // Moves the clock within a bound: every timer fires.
      for (let turn = 0; turn < 100 && !state.settled; turn++) {
        await new Promise((resolve) => setImmediate(resolve))
        await runtime.settle()
        if (!state.settled) await runtime.advance(10)
      }
      return answering
    }
    const read = async (token?: string) => {
      const headers: Record<string, string> = token === undefined ? {} : { 'kedge-token': token }
      const answer = await call('/cache/airports/KEF', { headers })
      const body = (await answer.json()) as { value?: unknown }
      return { value: body.value, status: answer.headers.get('cache-status')?.replace(/; ttl=-?\d+/, '') }
    }
    const put = (value: unknown) =>
      call('/cache/airports/KEF', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      })
    return { kafka, call, read, put }
  }
  return { runtime, rows, source, a: isolate(), b: isolate() }
}

const MISS = 'kedge; fwd=miss; stored'
const HIT = 'kedge; hit'

async function warm(isolate: ReturnType<typeof world>['a']) {
  // The first contact with the log makes loads cacheable.
  expect((await isolate.call('/readyz')).status).toBe(200)
}

describe('two isolates of the worker', () => {
  it('read through: a miss, then hits', async () => {
    const { a, source } = world()
    await warm(a)
    expect(await a.read()).toEqual({ value: 'Reykjavík', status: MISS })
    expect(await a.read()).toEqual({ value: 'Reykjavík', status: HIT })
    expect(source.asked).toEqual(['GET /airports/KEF'])
  })

  it('see the change of the other at once with the token', async () => {
    const { a, b } = world()
    await warm(a)
    await warm(b)
    await b.read()
    const written = await a.put('Keflavík')
    const token = written.headers.get('kedge-token') ?? ''
    expect(await written.json()).toEqual({ token })
    expect(await b.read(token)).toEqual({ value: 'Keflavík', status: MISS })
  })

  it('see the change of the other after maxStaleness without it', async () => {
    const { a, b, runtime } = world()
    await warm(a)
    await warm(b)
    await b.read()
    await a.put('Keflavík')
    await runtime.advance(2001)
    expect((await b.read()).value).toBe('Keflavík')
  })

  it('evict by the tags that the origin gave', async () => {
    const { a, b } = world()
    await warm(a)
    await warm(b)
    await b.read()
    const answer = await a.call('/evictions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ namespace: 'airports', tags: ['country:IS'] }),
    })
    expect(await b.read(answer.headers.get('kedge-token') ?? '')).toEqual({
      value: 'Reykjavík',
      status: MISS,
    })
  })

  it('serve what they have while the log is away, say so, and then read past the cache', async () => {
    const { b, runtime, rows } = world()
    await warm(b)
    await b.read()
    b.kafka.fail(new Error('down'))
    await runtime.advance(3000)
    expect(await b.read()).toEqual({ value: 'Reykjavík', status: `${HIT}; detail=unreachable` })
    expect((await b.call('/readyz')).status).toBe(503)

    rows['airports/KEF'] = 'Keflavík'
    await runtime.advance(15_000)
    expect(await b.read()).toEqual({ value: 'Keflavík', status: 'kedge; fwd=bypass' })

    b.kafka.fail()
    await runtime.advance(5000)
    await warm(b)
    await b.read()
    expect((await b.read()).status).toBe(HIT)
  })

  it('say that an eviction was not acknowledged', async () => {
    const { a } = world()
    await warm(a)
    a.kafka.fail(new Error('down'), { on: 'produce' })
    const answer = await a.put('Keflavík')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it('answer a batch from the cache and the origin', async () => {
    const { a, source } = world()
    await warm(a)
    await a.read()
    const answer = await a.call('/cache/airports/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys: ['AEY', 'KEF', 'XXX'] }),
    })
    expect(await answer.json()).toEqual({
      values: { AEY: 'Akureyri', KEF: 'Reykjavík' },
      missing: ['XXX'],
    })
    expect(source.asked).toEqual(['GET /airports/KEF', 'GET /airports/AEY', 'GET /airports/XXX'])
  })
})
