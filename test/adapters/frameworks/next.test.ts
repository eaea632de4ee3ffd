import { describe, expect, it } from 'vitest'
import {
  nextCacheHandler,
  type NextCacheEntry,
  type NextCacheHandlerOptions,
} from '../../../adapters/frameworks/next.ts'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { deferred } from '../../src/world.ts'

const PAGE = ['_N_T_/layout', '_N_T_/a/layout', '_N_T_/a/page', '_N_T_/a']
const OTHER = ['_N_T_/layout', '_N_T_/b/layout', '_N_T_/b/page', '_N_T_/b']

/** A process: its handler, after the beginning of a request. */
async function processOn(
  on: MemoryLog,
  options: NextCacheHandlerOptions = {},
  cacheOptions: Partial<CacheOptions> = {},
) {
  const kafka = memory({ on })
  const cache = createCache({ kafka, ...cacheOptions })
  const handler = nextCacheHandler(cache, options)
  await handler.refreshTags()
  /** The beginning of a request whose last proof is too old. */
  const request = async (): Promise<void> => {
    await cache.sync()
    await handler.refreshTags()
  }
  const read = async (key: string, softTags: string[] = PAGE): Promise<string | undefined> => {
    const found = await handler.get(key, softTags)
    return found && new Response(found.value).text()
  }
  /** As Next.js does: looks, and makes what it does not find. */
  const render = async (
    key: string,
    text: string,
    more: Partial<NextCacheEntry> = {},
    softTags: string[] = PAGE,
  ): Promise<string> => {
    const found = await read(key, softTags)
    if (found !== undefined) return found
    await handler.set(key, Promise.resolve(entry(text, more)))
    return text
  }
  return { cache, kafka, handler, request, read, render }
}

function entry(
  text: string | ReadableStream<Uint8Array>,
  more: Partial<NextCacheEntry> = {},
): NextCacheEntry {
  const value = typeof text === 'string' ? new Response(text).body! : text
  const timestamp = performance.timeOrigin + performance.now()
  return { value, tags: [], stale: 300, timestamp, expire: 3600, revalidate: 900, ...more }
}

const alone = (options?: NextCacheHandlerOptions) => processOn(new MemoryLog(), options)

async function pair() {
  const on = new MemoryLog()
  return { here: await processOn(on), there: await processOn(on) }
}

describe('a handler for the caches of Next.js', () => {
  it('gives what was set, each time in a stream of its own, with all that belongs to it', async () => {
    const { handler, read } = await alone()
    expect(await handler.get('k', PAGE)).toBeUndefined()
    const made = entry('<p>', { tags: ['t'], stale: 1, expire: 3, revalidate: 2 })
    const { timestamp } = made
    await handler.set('k', Promise.resolve(made))
    const [first, second] = [await handler.get('k', PAGE), await handler.get('k', PAGE)]
    expect(first).toMatchObject({ tags: ['t'], stale: 1, expire: 3, revalidate: 2, timestamp })
    expect(first!.value).not.toBe(second!.value)
    const reader = first!.value.getReader()
    ;(await reader.read()).value!.fill(0)
    expect(await new Response(second!.value).text()).toBe('<p>')
    expect(await read('k')).toBe('<p>')
  })

  it('holds a value without bytes, and one under a key of any length', async () => {
    const { render, read } = await alone()
    await render('empty', '')
    expect(await read('empty')).toBe('')
    await render('k'.repeat(5000), 'long')
    expect(await read('k'.repeat(5000))).toBe('long')
  })

  it('serves to every path what one of them made', async () => {
    const { render } = await alone()
    await render('k', 'made by a')
    expect(await render('k', 'made by b', {}, OTHER)).toBe('made by a')
  })

  it('lets a read wait for the entry that is being set', async () => {
    const { handler, read } = await alone()
    await read('k')
    const pending = deferred<NextCacheEntry>()
    const set = handler.set('k', pending.promise)
    const waiting = read('k')
    await new Promise((resolve) => setTimeout(resolve))
    pending.resolve(entry('late'))
    expect(await waiting).toBe('late')
    await set
  })

  it('evicts by tag in this process before updateTags resolves', async () => {
    const { handler, render, read } = await alone()
    await render('k', 'old', { tags: ['user:7'] })
    await render('other', 'kept', { tags: ['user:8'] })
    await handler.updateTags(['user:7'])
    expect(await read('k')).toBeUndefined()
    expect(await read('other')).toBe('kept')
  })

  it('evicts by tag in another process by its next request', async () => {
    const { here, there } = await pair()
    await there.render('k', 'old', { tags: ['user:7'] })
    await here.handler.updateTags(['user:7'], { expire: 3600 })
    await there.request()
    expect(await there.render('k', 'new', { tags: ['user:7'] })).toBe('new')
    expect(await there.read('k')).toBe('new')
  })

  it('applies an eviction by a service that is not Next.js', async () => {
    const { here, there } = await pair()
    await here.render('k', 'old', { tags: ['user:7'] })
    await there.cache.namespace('next').invalidateTags('user:7')
    await here.request()
    expect(await here.read('k')).toBeUndefined()
  })

  it('serves a path that was revalidated nothing that was made before, and other paths what they have', async () => {
    const { here, there } = await pair()
    await there.render('k', 'old')
    await here.handler.updateTags(['_N_T_/b'])
    await there.request()
    expect(await there.read('k', OTHER)).toBeUndefined()
    expect(await there.read('k', PAGE)).toBe('old')
    await there.handler.set('k', Promise.resolve(entry('new')))
    expect([await there.read('k', OTHER), await there.read('k', PAGE)]).toEqual(['new', 'old'])
    await here.handler.updateTags(['_N_T_/layout'])
    await there.request()
    expect([await there.read('k', OTHER), await there.read('k', PAGE)]).toEqual([undefined, undefined])
  })

  it('serves nothing to a request with a path that is evicted while the request runs', async () => {
    const { here, there } = await pair()
    await there.render('k', 'old')
    await here.handler.updateTags(['_N_T_/a'])
    await there.cache.sync()
    expect(await there.read('k')).toBeUndefined()
    await there.handler.set('k', Promise.resolve(entry('made across it')))
    await there.request()
    expect(await there.read('k')).toBeUndefined()
  })

  it('does not hold what was made across an eviction of its tag', async () => {
    const { here, there } = await pair()
    expect(await there.read('k')).toBeUndefined()
    const made = entry('old', { tags: ['user:7'] })
    await here.handler.updateTags(['user:7'])
    await there.request()
    await there.handler.set('k', Promise.resolve(made))
    expect(await there.read('k')).toBeUndefined()
  })

  it('does not take an entry for that of a read which came after it was begun', async () => {
    const { here, there } = await pair()
    await there.read('k')
    const slow = entry('old', { tags: ['user:7'] })
    await there.handler.set('k', Promise.resolve(entry('also old', { tags: ['user:7'] })))
    await here.handler.updateTags(['user:7'])
    await there.request()
    expect(await there.read('k')).toBeUndefined()
    await there.handler.set('k', Promise.resolve(slow))
    expect(await there.read('k')).toBeUndefined()
  })

  it('does not hold a value whose key was not read before', async () => {
    const { handler, read } = await alone()
    await handler.set('k', Promise.resolve(entry('x')))
    expect(await read('k')).toBeUndefined()
  })

  it.each([{ expire: 0 }, { revalidate: 0 }, { revalidate: -1 }])(
    'does not hold an entry of %o',
    async (life) => {
      const { render, read } = await alone()
      await render('k', 'x', life)
      expect(await read('k')).toBeUndefined()
    },
  )

  it('does not hold an entry that is too large, and reads no more of it than that', async () => {
    const { handler, read, render } = await alone({ maxEntryBytes: 8 })
    await read('k')
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>(
      { pull: (controller) => (pulled++, controller.enqueue(new Uint8Array(4))) },
      { highWaterMark: 0 },
    )
    await handler.set('k', Promise.resolve(entry(endless)))
    expect(pulled).toBe(3)
    expect(await read('k')).toBeUndefined()
    expect(await render('k', 'fits')).toBe('fits')
  })

  it('holds the next entry where one was not made, or broke off half-way', async () => {
    const { handler, read, render } = await alone()
    const half = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(4))
        controller.error(new Error('gone'))
      },
    })
    for (const broken of [async () => Promise.reject(new Error('down')), async () => entry(half)]) {
      expect(await read('k')).toBeUndefined()
      await handler.set('k', broken())
      expect(await read('k')).toBeUndefined()
    }
    await render('k', 'whole')
    expect(await read('k')).toBe('whole')
  })

  it('judges soft tags itself, and serves nothing where one is none of a path', async () => {
    const { handler, render, read } = await alone()
    expect(await handler.getExpiration(PAGE)).toBe(Infinity)
    await render('k', 'x')
    expect(await read('k', ['something'])).toBeUndefined()
  })

  it('rejects updateTags where Kafka is away, and neither reads nor sets', async () => {
    const { kafka, handler, render, read } = await alone()
    await render('k', 'x', { tags: ['t'] })
    kafka.fail('unreachable')
    await expect(handler.updateTags(['t'])).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(await read('k')).toBeUndefined()
    await handler.refreshTags()
    expect(await render('other', 'made')).toBe('made')
  })

  it('lets pages be made where Kafka was never reached', async () => {
    const kafka = memory()
    kafka.fail('unreachable')
    const handler = nextCacheHandler(createCache({ kafka, onUnreachable: 'throw' }))
    await handler.refreshTags()
    expect(await handler.get('k', PAGE)).toBeUndefined()
    await handler.set('k', Promise.resolve(entry('x')))
    expect(await handler.get('k', PAGE)).toBeUndefined()
  })

  it.each([
    [{ maxTtl: 0 }, '`maxTtl`'],
    [{ maxEntryBytes: 0 }, '`maxEntryBytes`'],
    [{ namespace: 7 }, '`namespace`'],
    [{ swr: '1m' }, '`swr`'],
  ])('refuses the options %o', (options, quoted) => {
    const cache = createCache({ kafka: memory() })
    expect(() => nextCacheHandler(cache, options as never)).toThrow(TypeError)
    expect(() => nextCacheHandler(cache, options as never)).toThrow(quoted)
  })
})
