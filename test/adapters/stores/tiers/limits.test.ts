import { describe, expect, it } from 'vitest'
import { cacheApi, type CacheLike } from '../../../../adapters/stores/cache-api.ts'
import { type KVItemLike, type KVNamespaceLike, workersKv } from '../../../../adapters/stores/workers-kv.ts'
import type { TierWrite } from '../../../../src/ports/tier.ts'

const PLACE = { namespace: 'users', partition: 0, logId: 'log-1' }
const write = (key: string, more: Partial<TierWrite> = {}): TierWrite => ({
  key,
  bytes: new TextEncoder().encode(key),
  asOf: 5,
  version: undefined,
  ttlMs: 600_000,
  ...more,
})

/** A namespace that keeps what it is given, and counts how it is called. */
class FakeNamespace implements KVNamespaceLike {
  readonly items = new Map<string, KVItemLike>()
  readonly reads: number[] = []
  readonly options: unknown[] = []
  readonly puts: { expirationTtl: number; metadata: unknown }[] = []
  failure: Error | undefined

  async getWithMetadata(keys: string[], options: unknown) {
    if (this.failure) throw this.failure
    this.reads.push(keys.length)
    this.options.push(options)
    return new Map(keys.map((key) => [key, this.items.get(key) ?? null]))
  }

  async put(key: string, value: string, options: { expirationTtl: number; metadata: unknown }) {
    if (this.failure) throw this.failure
    this.puts.push(options)
    this.items.set(key, { value, metadata: options.metadata })
  }

  async delete(key: string) {
    this.items.delete(key)
  }
}

describe('workersKv()', () => {
  const keys = Array.from({ length: 250 }, (_, at) => `k${at}`)

  it('asks for a hundred keys at once, and for fewer where they could be too large together', async () => {
    const namespace = new FakeNamespace()
    await workersKv(namespace).getMany(PLACE, [...keys, ...keys])
    expect(namespace.reads).toEqual([100, 100, 50])
    expect(namespace.options[0]).toEqual({ type: 'text', cacheTtl: 60 })
    namespace.reads.length = 0
    await workersKv(namespace, { maxValueBytes: 10_000_000, cacheTtl: '5m' }).getMany(PLACE, keys.slice(0, 4))
    expect(namespace.reads).toEqual([1, 1, 1, 1])
    expect(namespace.options.at(-1)).toEqual({ type: 'text', cacheTtl: 300 })
  })

  it('does not write what lives for less than KV takes, is too large, or has a log of too long a name', async () => {
    const namespace = new FakeNamespace()
    const tier = workersKv(namespace, { maxValueBytes: 1000 })
    const large = new Uint8Array(1001)
    await tier.setMany(PLACE, [write('a', { ttlMs: 59_999 }), write('b', { bytes: large }), write('c')])
    await tier.setMany({ ...PLACE, logId: 'x'.repeat(1010) }, [write('d')])
    await tier.setMany({ ...PLACE, logId: 'ü'.repeat(200) }, [write('e')])
    expect([...namespace.items.keys()]).toEqual(['kedge:t:users:c'])
    await tier.setMany(PLACE, [write('f', { ttlMs: 60_001 })])
    expect(namespace.puts.map(({ expirationTtl }) => expirationTtl)).toEqual([600, 61])
  })

  it('keeps bytes that are no text, and a byte order mark', async () => {
    const namespace = new FakeNamespace()
    const tier = workersKv(namespace)
    const all = [[0xff, 0xfe, 0], [0xef, 0xbb, 0xbf, 0x61], [0x62], []].map((bytes) => Uint8Array.from(bytes))
    await tier.setMany(
      PLACE,
      all.map((bytes, at) => write(`k${at}`, { bytes })),
    )
    const { items } = await tier.getMany(PLACE, ['k0', 'k1', 'k2', 'k3'])
    expect([...items.values()].map(({ bytes }) => [...bytes])).toEqual(all.map((bytes) => [...bytes]))
  })

  it('counts what is no value of its own', async () => {
    const namespace = new FakeNamespace()
    const tier = workersKv(namespace)
    const metadata = '["k1",5,null,null]'
    const theirs: KVItemLike[] = [
      { value: 'x', metadata },
      { value: 'b*', metadata },
      { value: 'tx', metadata: null },
      { value: 'tx', metadata: { asOf: 5 } },
      { value: 'tx', metadata: '["k1","5",null,null]' },
    ]
    for (const [at, item] of theirs.entries()) namespace.items.set(`kedge:t:users:k${at}`, item)
    expect((await tier.getMany(PLACE, keys)).items.size).toBe(0)
    expect(tier.ignored).toBe(theirs.length)
  })

  it('says of a failure whether it passes, in the words of KV', async () => {
    const namespace = new FakeNamespace()
    const tier = workersKv(namespace)
    namespace.failure = new Error('KV PUT failed: 429 Too Many Requests')
    await expect(tier.setMany(PLACE, [write('a')])).rejects.toMatchObject({
      code: 'ERR_RATE_LIMITED',
      retryable: true,
      message: expect.stringContaining('429 Too Many Requests') as string,
    })
    namespace.failure = new Error('Network connection lost.')
    await expect(tier.getMany(PLACE, ['a'])).rejects.toMatchObject({ code: 'ERR_NETWORK', retryable: true })
  })

  it('refuses wrong options by name', () => {
    const namespace = new FakeNamespace()
    expect(() => workersKv(namespace, { cacheTtl: '29s' })).toThrow('`cacheTtl` must be at least 30 seconds')
    expect(() => workersKv(namespace, { timeout: 0 })).toThrow('`timeout`')
    expect(() => workersKv(namespace, { prefix: 'a b' })).toThrow('`prefix`')
    expect(() => workersKv(namespace, { what: 1 } as object)).toThrow(
      '`what` is not an option of workersKv()',
    )
    expect(() => workersKv({} as FakeNamespace)).toThrow('`namespace`')
  })
})

/** A cache whose `match` may throw for some URLs. */
class FakeCache implements CacheLike {
  readonly responses = new Map<string, Response>()
  failsFor: (url: string) => boolean = () => false

  async match(url: string) {
    if (this.failsFor(url)) throw new Error('Cache lookup failed')
    const response = this.responses.get(url)
    if (!response) return undefined
    // A body of its own: cancelling a clone's waits for the other one's.
    const { status, headers } = response
    const body = new Uint8Array(await response.clone().arrayBuffer())
    return new Response(body, { status, headers })
  }

  async put(url: string, response: Response) {
    this.responses.set(url, response)
  }

  async delete(url: string) {
    return this.responses.delete(url)
  }
}

describe('cacheApi()', () => {
  it('misses what cannot be read, and fails when nothing can', async () => {
    const cache = new FakeCache()
    const tier = cacheApi(cache)
    await tier.setMany(PLACE, [write('a'), write('b')])
    cache.failsFor = (url) => url.endsWith('a')
    expect([...(await tier.getMany(PLACE, ['a', 'b'])).items.keys()]).toEqual(['b'])
    cache.failsFor = () => true
    await expect(tier.getMany(PLACE, ['a', 'b'])).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      retryable: true,
    })
  })

  it('stores and removes what it can where another item fails, and says that one did', async () => {
    const cache = new FakeCache()
    const tier = cacheApi(cache)
    cache.failsFor = (url) => url.endsWith('a')
    const failed = { code: 'ERR_NETWORK', retryable: true }
    await expect(tier.setMany(PLACE, [write('a'), write('b')])).rejects.toMatchObject(failed)
    expect([...cache.responses.keys()]).toEqual(['https://kedge.invalid/t:users:b'])
    await expect(tier.deleteMany(PLACE, ['a', 'b'], 5)).rejects.toMatchObject(failed)
    expect(cache.responses.size).toBe(0)
  })

  it('keeps values below its origin, for as long as they live, in whole seconds', async () => {
    const cache = new FakeCache()
    const tier = cacheApi(() => Promise.resolve(cache), { origin: 'https://cache.example' })
    await tier.setMany(PLACE, [write('a/b?c', { ttlMs: 1500 }), write('d', { ttlMs: 1e12 })])
    const kept = [...cache.responses].map(([url, { headers }]) => [url, headers.get('cache-control')])
    expect(kept).toEqual([
      ['https://cache.example/t:users:a%2Fb%3Fc', 'public, max-age=2'],
      ['https://cache.example/t:users:d', 'public, max-age=31536000'],
    ])
  })

  it('reads no more than a value may have, and counts what is none', async () => {
    const cache = new FakeCache()
    const head = '["k1",5,null,null]'
    const at = (key: string) => `https://kedge.invalid/t:users:${key}`
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    })
    cache.match = (url) => Promise.resolve(cache.responses.get(url))
    cache.responses.set(at('endless'), new Response(endless, { headers: { 'x-kedge-item': head } }))
    cache.responses.set(at('theirs'), new Response('x'))
    cache.responses.set(at('failed'), new Response('x', { status: 404, headers: { 'x-kedge-item': head } }))
    cache.responses.set(at('none'), new Response(null, { headers: { 'x-kedge-item': head } }))
    const tier = cacheApi(cache, { maxValueBytes: 5000 })
    const { items } = await tier.getMany(PLACE, ['endless', 'theirs', 'failed', 'none'])
    expect([...items.keys()]).toEqual(['none'])
    expect(tier.ignored).toBe(3)
  })

  it('refuses wrong options by name', () => {
    const cache = new FakeCache()
    for (const origin of [
      'x',
      'https://a.example/',
      'https://a.example/b',
      'ftp://a',
      'https://u:p@a.example',
    ]) {
      expect(() => cacheApi(cache, { origin })).toThrow('`origin`')
    }
    expect(() => cacheApi(cache, { maxValueBytes: 0 })).toThrow('`maxValueBytes`')
    expect(() => cacheApi(cache, { what: 1 } as object)).toThrow('`what` is not an option of cacheApi()')
    expect(() => cacheApi({} as FakeCache)).toThrow('`cache`')
  })
})
