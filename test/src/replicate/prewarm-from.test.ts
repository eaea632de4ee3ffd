/** `prewarmFrom()`: what of a neighbour's dump is held, and what is not. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions } from '../../../src/index.ts'
import { KedgeError } from '../../../src/index.ts'
import { prewarmFrom } from '../../../src/replicate/index.ts'
import type { PrewarmFromOptions } from '../../../src/replicate/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

const TOPIC = 'cache-evictions'
const URL_OF = 'http://neighbour.example'
const utf8 = (text: string) => new TextEncoder().encode(text)

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}) => readyIn(at, options, kafka)
const beats = (count: number) => {
  for (let n = 0; n < count; n++) at.log.append(TOPIC, { key: null, value: utf8('{"v":1,"op":"beat"}') })
}
const evict = (keys: readonly string[], more: object = {}) =>
  at.log.append(TOPIC, {
    key: utf8('users'),
    value: utf8(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys, ...more })),
  })
const logId = () => at.log.offsets(TOPIC, 0).logId

interface Asked {
  readonly url: string
  readonly init: RequestInit
}

/** A neighbour that answers with these lines. */
function neighbour(lines: () => readonly unknown[], answer: { status?: number; piece?: number } = {}) {
  const asked: Asked[] = []
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    asked.push({ url, init })
    const text = lines()
      .map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
      .join('')
    const bytes = utf8(text)
    const { status = 200, piece = bytes.length } = answer
    let from = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (from < bytes.length) controller.enqueue(bytes.slice(from, (from += piece)))
        else controller.close()
      },
    })
    return new Response(body, { status })
  }
  return { asked, fetch }
}

const head = (more: object = {}) => ({ v: 1, op: 'dump', ns: 'users', log: logId(), position: 10, ...more })
const end = { v: 1, op: 'end', values: 1, omitted: 0, complete: true }
const put = (key: string, more: object = {}) => {
  const message = {
    v: 1,
    op: 'put',
    ns: 'users',
    key,
    value: `of ${key}`,
    ttl: 60_000,
    at: at.runtime.now(),
    asOf: 10,
    log: logId(),
  }
  return { ...message, position: 10, left: 60_000, ...more }
}

async function reader(options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}) {
  beats(10)
  return ready(options, kafka)
}

const fill = async (
  { cache }: Awaited<ReturnType<typeof reader>>,
  lines: readonly unknown[],
  options: Partial<PrewarmFromOptions> = {},
) =>
  at.run(
    prewarmFrom(cache, { url: URL_OF, fetch: neighbour(() => [head(), ...lines, end]).fetch, ...options }),
  )

describe('what a neighbour holds', () => {
  it('is held here, with what is left of its time, its tags and its version', async () => {
    const made = await reader()
    const lines = [put('1', { left: 5000, tags: ['t'] }), put('2', { version: 4 })]
    expect(await fill(made, lines)).toMatchObject({ values: 2, applied: 2, refused: 0, complete: true })
    expect([made.users.peek('1'), made.users.peek('2')]).toEqual(['of 1', 'of 2'])
    expect(made.cache.stats()).toMatchObject({ updatesApplied: 2, refused: 0 })
    evict(['2'], { version: 4 })
    evict(['x'])
    await at.run(made.cache.sync())
    expect(made.users.peek('2')).toBe('of 2')
    await at.runtime.advance(4000)
    await at.run(made.cache.sync())
    expect(made.users.peek('1')).toBe('of 1')
    await at.runtime.advance(1000)
    await at.run(made.cache.sync())
    expect(made.users.peek('1')).toBeUndefined()
  })

  it('is asked for with the position of this isolate and the token, without following redirects', async () => {
    const made = await reader()
    const { asked, fetch } = neighbour(() => [head(), end])
    await at.run(prewarmFrom(made.cache, { url: `${URL_OF}/base/`, token: 'secret', fetch }))
    expect(asked.map(({ url }) => url)).toEqual([`${URL_OF}/base/cache/users/dump`])
    expect(asked[0]!.init).toMatchObject({ redirect: 'manual', signal: expect.any(AbortSignal) })
    const headers = new Headers(asked[0]!.init.headers)
    expect(headers.get('kedge-token')).toMatch(/^k1\.0-10~\w+$/)
    expect(headers.get('authorization')).toBe('Bearer secret')
  })

  it('is held though its as-of lies below the horizon here, where the neighbour has applied all since', async () => {
    const made = await reader()
    const known = put('known', { asOf: 3, position: 10 })
    const unknown = put('unknown', { asOf: 3, position: 9 })
    expect(await fill(made, [known, unknown])).toMatchObject({ applied: 1, refused: 1 })
    expect([made.users.peek('known'), made.users.peek('unknown')]).toEqual(['of known', undefined])
    expect(made.of('refuse').map(({ key, reason }) => [key, reason])).toEqual([['unknown', 'horizon']])
  })

  it('is refused where an eviction has met it that the neighbour had not applied', async () => {
    const made = await reader()
    const { fetch } = neighbour(() => {
      // Both are in the log by the time that the lines arrive.
      evict(['1'])
      at.log.append(TOPIC, {
        key: utf8('users'),
        value: utf8('{"v":1,"op":"evict","ns":"users","tags":["t"]}'),
      })
      return [head(), put('1'), put('2', { tags: ['t'] }), put('3'), end]
    })
    expect(await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 1,
      refused: 2,
    })
    expect(['1', '2', '3'].map((key) => made.users.peek(key))).toEqual([undefined, undefined, 'of 3'])
    expect(made.of('refuse').map(({ reason }) => reason)).toEqual(['fenced', 'fenced'])
  })

  it('does not replace what is newer here', async () => {
    const made = await reader()
    beats(2)
    await at.run(made.cache.sync())
    await at.run(made.users.getOrSet('1', () => 'newer'))
    await fill(made, [put('1', { asOf: 11 })])
    expect(made.users.peek('1')).toBe('newer')
  })

  it.each([
    ['of another log', () => put('1', { log: 'another' })],
    ['of a log that the first line does not name', () => put('1', { log: undefined })],
    ['from beyond the end of the log', () => put('1', { asOf: 11 })],
    ['of another namespace', () => put('1', { ns: 'orders' })],
    ['without an as-of', () => put('1', { asOf: undefined })],
    ['without a position', () => put('1', { position: undefined })],
    [
      'with more time left than it had',
      () => put('1', { left: 60_001, ttl: 1000, at: at.runtime.now() - 5000 }),
    ],
    ['with no time left', () => put('1', { left: 0 })],
    ['without a time', () => put('1', { left: undefined })],
    ['that is no JSON', () => '{"v":1'],
    ['that is no object', () => '[]'],
    ['that is a simple message', () => ({ key: '1', value: 1, ttl: 1000 })],
    ['that is a deletion', () => ({ v: 1, op: 'del', ns: 'users', key: '1', asOf: 10 })],
    ['that is nested too deep', () => `${'['.repeat(600)}${']'.repeat(600)}`],
    ['that is longer than a message', () => put('1', { value: 'x'.repeat(2000) })],
  ])('is refused and counted, and the lines beside it are held: a line %s', async (_, line) => {
    const made = await reader({ maxMessageBytes: 1500 })
    expect(await fill(made, [put('0'), line(), put('2')])).toMatchObject({
      values: 3,
      applied: 2,
      refused: 1,
      complete: true,
    })
    expect(made.users.peek('1')).toBeUndefined()
    expect([made.users.peek('0'), made.users.peek('2')]).toEqual(['of 0', 'of 2'])
    expect(made.cache.stats()).toMatchObject({ refused: 1, entries: 2 })
  })

  it('lives no longer than it would there, however far apart the clocks of both are', async () => {
    for (const aheadMs of [-3_600_000, -4000, 0, 4000]) {
      at = world()
      const made = await reader()
      await fill(made, [put('1', { at: at.runtime.now() + aheadMs - 50_000, left: 10_000 })])
      await at.runtime.advance(9999)
      await at.run(made.cache.sync())
      await at.runtime.advance(1)
      expect(made.users.peek('1'), `${aheadMs}`).toBeUndefined()
    }
  })

  it('stands by the schema of the namespace here', async () => {
    beats(10)
    const isolate = at.isolate()
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'string' ? { value } : { issues: [{ message: 'no' }] },
      },
    } as const
    const users = isolate.cache.namespace<string>('users', { schema })
    await at.run(isolate.cache.sync())
    const { fetch } = neighbour(() => [head(), put('1', { value: 1 }), put('2'), end])
    expect(await at.run(prewarmFrom(isolate.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 1,
      refused: 1,
    })
    expect([users.peek('1'), users.peek('2')]).toEqual([undefined, 'of 2'])
  })
})

describe('nothing of a dump is held', () => {
  it('where freshness cannot be proved after it', async () => {
    const made = await reader()
    const { fetch } = neighbour(() => {
      made.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { times: 100 })
      return [head(), put('1'), end]
    })
    const result = await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))
    expect(result).toMatchObject({ applied: 0, complete: false, error: { code: 'ERR_UNREACHABLE' } })
    expect(made.cache.stats().entries).toBe(0)
  })

  it.each([{ identity: true }, { identity: false }])(
    'where the log was made anew meanwhile %o',
    async (capabilities) => {
      const made = await reader({}, { capabilities })
      const was = capabilities.identity ? { log: logId() } : { log: undefined }
      const line = put('1', was)
      const { fetch } = neighbour(() => {
        at.log.recreateTopic(TOPIC)
        for (let n = 0; n < 30; n++) evict(['x'])
        return [head(was), line, end]
      })
      const result = await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))
      expect(result).toMatchObject({ values: 1, applied: 0, refused: 1 })
      expect(made.users.peek('1')).toBeUndefined()
    },
  )

  it('where a log that does not tell which it is was made anew meanwhile, up to the as-of of a value', async () => {
    const made = await reader({}, { capabilities: { identity: false } })
    for (let n = 0; n < 20; n++) evict(['x'])
    const none = { log: undefined }
    const { fetch } = neighbour(() => {
      at.log.recreateTopic(TOPIC)
      for (let n = 0; n < 20; n++) evict(['1'])
      return [head(none), put('1', { ...none, asOf: 20, position: 30 }), end]
    })
    const result = await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))
    expect(result).toMatchObject({ values: 1, applied: 0, refused: 1 })
  })

  it('of a neighbour without identity that is beyond the end here', async () => {
    const made = await reader({}, { capabilities: { identity: false } })
    const none = { log: undefined }
    const { fetch } = neighbour(() => [head(none), put('1', { ...none, asOf: 3, position: 500 }), end])
    expect(await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 0,
      refused: 1,
    })
  })

  it.each([
    ['no head', () => [put('1'), end]],
    ['the head of another namespace', () => [head({ ns: 'orders' }), put('1'), end]],
    ['nothing', () => []],
    ['a page', () => ['<html>', '</html>']],
  ])('that begins with %s', async (_, lines) => {
    const made = await reader()
    const result = await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch: neighbour(lines).fetch }))
    expect(result).toMatchObject({ applied: 0, complete: false, error: { code: 'ERR_PROTOCOL' } })
    expect(made.of('background_error')).toHaveLength(1)
  })

  it.each([
    [401, 'ERR_AUTH'],
    [302, 'ERR_HTTP'],
    [503, 'ERR_HTTP'],
  ])('that is answered with %i', async (status, code) => {
    const made = await reader()
    const { fetch } = neighbour(() => [head(), put('1'), end], { status })
    expect(await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 0,
      error: { code },
    })
  })
})

describe('the bounds of a fill', () => {
  it('lines may be cut anywhere on their way', async () => {
    const made = await reader()
    const { fetch } = neighbour(() => [head(), put('1', { value: 'é€😀' }), put('2'), end], { piece: 7 })
    expect(await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 2,
      complete: true,
    })
    expect(made.users.peek('1')).toBe('é€😀')
  })

  it('a dump that is cut is used as far as it came, and is not complete', async () => {
    const made = await reader()
    const { fetch } = neighbour(() => [head(), put('1')])
    expect(await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch }))).toMatchObject({
      applied: 1,
      complete: false,
    })
  })

  it('no more values and bytes than it may take, and it says so', async () => {
    const made = await reader()
    const lines = Array.from({ length: 50 }, (_, n) => put(`${n}`))
    const few = await fill(made, lines, { maxValues: 10 })
    expect(few).toMatchObject({ values: 10, applied: 10, complete: false })
    const { fetch } = neighbour(() => [head(), ...lines, end], { piece: 100 })
    const small = await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch, maxBytes: 2000 }))
    expect(small.complete).toBe(false)
    expect(small.bytes).toBeLessThan(2100)
  })

  it('a neighbour that says nothing more is left when the time is over, and so are namespaces that come after', async () => {
    const made = await reader()
    made.cache.namespace('orders')
    let isCancelled = false
    const fetch = async (): Promise<Response> =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(utf8(`${JSON.stringify(head())}\n`)),
          cancel: () => void (isCancelled = true),
        }),
      )
    const filling = prewarmFrom(made.cache, { url: URL_OF, fetch, budget: '1s' })
    expect(await at.run(filling)).toMatchObject({
      applied: 0,
      complete: false,
      error: { code: 'ERR_TIMEOUT' },
    })
    await at.runtime.settle()
    expect(isCancelled).toBe(true)
  })

  it('rejects with the reason of the signal', async () => {
    const made = await reader()
    const stop = new AbortController()
    const fetch = () => new Promise<Response>(() => {})
    const filling = prewarmFrom(made.cache, { url: URL_OF, fetch, signal: stop.signal })
    await at.runtime.advance(100)
    stop.abort('enough')
    await expect(filling).rejects.toBe('enough')
  })

  it('fills all namespaces that were declared but those that keep to themselves, or those that are named', async () => {
    const made = await reader()
    made.cache.namespace('orders')
    made.cache.namespace('sessions', { without: ['replicate'] })
    const { asked, fetch } = neighbour(() => [head(), end])
    await at.run(prewarmFrom(made.cache, { url: URL_OF, fetch, namespaces: ['sessions'] }))
    await at.run(
      prewarmFrom(made.cache, {
        url: URL_OF,
        fetch: async (url, init) => {
          asked.push({ url, init })
          return neighbour(() => [head({ ns: url.split('/').at(-2) }), end]).fetch(url, init)
        },
      }),
    )
    expect(asked.map(({ url }) => url.split('/').at(-2))).toEqual(['sessions', 'users', 'orders'])
  })

  it.each([
    [{}, 'url'],
    [{ url: 'ftp://x' }, 'url'],
    [{ url: 'http://user:secret@x' }, 'url'],
    [{ url: 'http://x?token=secret' }, 'url'],
    [{ url: URL_OF, token: 'two words' }, 'token'],
    [{ url: URL_OF, maxValues: 0 }, 'maxValues'],
    [{ url: URL_OF, budget: 'soon' }, 'budget'],
    [{ url: URL_OF, namespaces: ['nobody'] }, 'namespaces'],
    [{ url: URL_OF, limit: 1 }, 'limit'],
  ])('refuses wrong options: %o', async (options, named) => {
    const { cache } = await reader()
    const filling = prewarmFrom(cache, options as never)
    await expect(filling).rejects.toThrow(TypeError)
    await expect(filling).rejects.toThrow(`\`${named}`)
    await expect(filling).rejects.not.toThrow('secret')
  })
})
