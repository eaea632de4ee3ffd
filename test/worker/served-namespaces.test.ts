/** Which namespaces a worker serves, when strangers name them: attack 16 of the security review. */
import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import type { Cache } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import { createApp } from '../../worker/app.ts'
import type { AppOptions } from '../../worker/app-options.ts'
import { bearerAuth } from '../../worker/auth.ts'
import { ServedNamespaces } from '../../worker/served-namespaces.ts'

const TOPIC = 'cache-evictions'

function build(options: Partial<AppOptions> = {}, declare: (cache: Cache) => void = () => undefined) {
  const kafka = memory({ topics: { [TOPIC]: 1 } })
  const cache = createCache({ kafka, maxEntries: 10_000, maxBytes: 32_000_000 })
  declare(cache)
  const auth = bearerAuth({ read: ['r'], write: ['w'], evict: ['e'] })
  const app = createApp({ cache, auth, ...options })
  const ask = (method: string, path: string, token: string, body?: unknown) =>
    app.request(path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const put = async (namespace: string, key = 'k') =>
    (await ask('PUT', `/cache/${namespace}/${key}`, 'w', { value: namespace })).status
  const get = async (namespace: string, key = 'k') =>
    (await ask('GET', `/cache/${namespace}/${key}`, 'r')).status
  const codeOf = async (namespace: string) =>
    ((await (await ask('GET', `/cache/${namespace}/k`, 'r')).json()) as { code: string }).code
  return { app, cache, kafka, ask, put, get, codeOf, end: () => kafka.log.offsets(TOPIC, 0).end }
}

describe('without a list of namespaces', () => {
  it('a reader who names two thousand shuts out no lawful one, and pushes out none that holds something', async () => {
    const { ask, put, get, codeOf } = build()
    expect(await put('lawful')).toBe(200)
    for (let at = 0; at < 2000; at++) expect(await codeOf(`junk${at}`)).toBe('ERR_NO_VALUE')

    expect(await get('lawful')).toBe(200)
    expect(await put('later')).toBe(200)
    expect(await get('later')).toBe(200)
    const evicted = await ask('POST', '/evictions', 'e', { namespace: 'another', all: true })
    expect(evicted.status).toBe(200)
  })

  it('of two thousand that hold something, those used last are kept', async () => {
    const { put, get, cache } = build()
    for (let at = 0; at < 2000; at++) {
      expect(await put(`ns${at}`)).toBe(200)
      expect(await get('ns0')).toBe(200)
    }
    expect(cache.stats().entries).toBeLessThanOrEqual(100)
    expect(cache.stats().entries).toBeGreaterThanOrEqual(50)
    expect([await get('ns1999'), await get('ns1980'), await get('ns1')]).toEqual([200, 200, 404])
  })

  it('no client pushes out a namespace that the program has declared', async () => {
    const { put, get, cache } = build({}, (own) => void own.namespace('own'))
    expect(await put('own')).toBe(200)
    const held = cache.namespace<string>('own')
    for (let at = 0; at < 300; at++) await put(`ns${at}`)
    expect(await get('own')).toBe(200)
    expect(await held.get('k')).toBe('own')
  })

  it('one that gave its place away begins anew, and its evictions reach what it holds then', async () => {
    const { ask, put, get } = build()
    await put('first')
    for (let at = 0; at < 300; at++) await put(`ns${at}`)
    expect(await get('first')).toBe(404)
    await put('first')
    expect(await get('first')).toBe(200)
    expect((await ask('DELETE', '/cache/first/k', 'e')).status).toBe(200)
    expect(await get('first')).toBe(404)
  })

  it('one that gave its place away while its origin committed is evicted for its writer all the same', async () => {
    const { cache } = build()
    const served = new ServedNamespaces(cache)
    const scope = cache.for({ waitUntil: () => undefined })
    await cache.sync()
    let row = 'old'
    const writer = served.open(scope, 'users')
    for (let at = 0; at < 120; at++) served.open(cache, `ns${at}`)
    expect(await served.open(cache, 'users').getOrSet('7', () => row)).toBe('old')
    row = 'new'
    await writer.delete('7')
    expect(await served.open(cache, 'users').get('7')).toBeUndefined()
    expect(await served.open(scope, 'users').getOrSet('7', () => row)).toBe('new')
  })
})

describe('an eviction of a namespace that the worker does not serve', () => {
  it.each([
    { namespace: 'other', keys: ['k'] },
    { namespace: 'other', tags: ['t'] },
    { namespace: 'other', prefix: 'p' },
    { namespace: 'other', all: true },
  ])('is published: %j', async (body) => {
    const { ask, end, codeOf } = build({ namespaces: ['listed'] })
    const before = end()
    const answer = await ask('POST', '/evictions', 'e', body)
    expect([answer.status, end()]).toEqual([200, before + 1])
    expect(await answer.json()).toEqual({ token: expect.stringMatching(/^k1\.0-/) })
    expect(await codeOf('other')).toBe('ERR_UNKNOWN_NAMESPACE')
  })

  it('is published by DELETE, too, and a value of it is still not taken', async () => {
    const { ask, end } = build({ namespaces: ['listed'] })
    const before = end()
    expect((await ask('DELETE', '/cache/other/k', 'e')).status).toBe(200)
    expect(end()).toBe(before + 1)
    expect((await ask('PUT', '/cache/other/k', 'w', { value: 1 })).status).toBe(404)
  })

  it('goes on for as many names as there are', async () => {
    const { ask, get, put } = build({ namespaces: ['listed'] })
    await put('listed')
    for (let at = 0; at < 1200; at++)
      expect((await ask('DELETE', `/cache/other${at}/k`, 'e')).status).toBe(200)
    expect(await get('listed')).toBe(200)
  })
})
