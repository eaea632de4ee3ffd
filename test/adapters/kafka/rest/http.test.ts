import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { confluent, type ConfluentOptions } from '../../../../adapters/kafka/confluent.ts'
import { html, json, rejection, scriptedFetch, type Script, silence } from '../scripted-fetch.ts'

const url = 'https://proxy.example/rest'
const SECRET = 'sup3r-s3cret'

function asking(script: Script, options: Partial<ConfluentOptions> = {}) {
  const { fetch, seen } = scriptedFetch(script)
  const log = confluent({ url, fetch, ...options })
  return { log, seen, failed: () => rejection(log.offsets('t', { partitions: [0] })) }
}

describe('an answer that is no success', () => {
  it.each([
    [401, 'ERR_AUTH', false],
    [403, 'ERR_AUTH', false],
    [429, 'ERR_RATE_LIMITED', true],
    [413, 'ERR_TOO_LARGE', false],
    [405, 'ERR_UNSUPPORTED', false],
    [404, 'ERR_HTTP', false],
    [400, 'ERR_HTTP', false],
    [408, 'ERR_HTTP', true],
    [500, 'ERR_HTTP', true],
    [502, 'ERR_HTTP', true],
    [503, 'ERR_HTTP', true],
  ])('of status %i in HTML is %s, retryable: %s', async (status, code, retryable) => {
    expect(await asking(() => html(status)).failed()).toMatchObject({ name: 'KedgeError', code, retryable })
  })

  it.each([
    [404, 40_401, 'Topic not found.', 'ERR_UNKNOWN_TOPIC'],
    [404, 40_402, 'Partition not found.', 'ERR_UNKNOWN_TOPIC'],
    [404, 40_403, 'This server does not host this topic-partition.', 'ERR_UNKNOWN_TOPIC'],
    [404, 404, "Topic 'sb1' does not have partition with id 7", 'ERR_UNKNOWN_TOPIC'],
    [404, 404, 'Not Found', 'ERR_HTTP'],
    [500, 40_301, 'Not authorized', 'ERR_AUTH'],
    [503, 42_901, 'Slow down', 'ERR_RATE_LIMITED'],
  ])('of status %i with code %i "%s" is %s', async (status, error_code, message, code) => {
    const failed = await asking(() => json({ error_code, message }, status)).failed()
    expect(failed).toMatchObject({ code, message: expect.stringContaining(message) as unknown })
  })

  it('carries how long to wait, in seconds or by a date', async () => {
    vi.useFakeTimers({ now: Date.parse('2026-05-01T10:00:00Z') })
    const after = (value: string) => asking(() => html(429, { 'retry-after': value })).failed()
    expect(await after('3')).toMatchObject({ retryAfterMs: 3000 })
    expect(await after('0')).toMatchObject({ retryAfterMs: 0 })
    expect(await after('Fri, 01 May 2026 10:00:07 GMT')).toMatchObject({ retryAfterMs: 7000 })
    expect(await after('Fri, 01 May 2026 09:00:00 GMT')).toMatchObject({ retryAfterMs: 0 })
    expect(await after('999999999')).toMatchObject({ retryAfterMs: 86_400_000 })
    expect(await after('soon')).toMatchObject({ retryAfterMs: undefined })
    vi.useRealTimers()
  })

  it('carries how long to wait as Confluent Cloud writes it', async () => {
    const failed = await asking(() => html(429, { 'x-ratelimit-reset': '4' })).failed()
    expect(failed).toMatchObject({ code: 'ERR_RATE_LIMITED', retryAfterMs: 4000 })
  })

  it('is a redirect that is not followed', async () => {
    const { failed, seen } = asking(
      () => new Response(null, { status: 307, headers: { location: 'https://evil.example/' } }),
    )
    expect(await failed()).toMatchObject({ code: 'ERR_HTTP', retryable: false })
    expect(seen).toHaveLength(1)
    expect(seen[0]?.init.redirect).toBe('manual')
  })

  it('is a redirect that a browser hides', async () => {
    expect(await asking(() => Response.error()).failed()).toMatchObject({
      code: 'ERR_HTTP',
      retryable: false,
    })
  })

  it('is quoted short, on one line', async () => {
    const message = `first\nsecond\u202e${'x'.repeat(5000)}`
    const failed = (await asking(() => json({ message }, 500)).failed()) as Error
    expect(failed.message).toContain('first second x')
    expect(failed.message.length).toBeLessThan(300)
  })
})

describe('an answer of status 200', () => {
  it('in HTML is not what was asked for, and may go away', async () => {
    expect(await asking(() => html(200)).failed()).toMatchObject({ code: 'ERR_PROTOCOL', retryable: true })
  })

  it.each([
    ['negative offsets', { beginning_offset: -1, end_offset: 2 }],
    ['fractions', { beginning_offset: 0, end_offset: 2.5 }],
    ['numbers beyond 2^53', { beginning_offset: 0, end_offset: 2 ** 60 }],
    ['an end before the beginning', { beginning_offset: 3, end_offset: 2 }],
    ['text', { beginning_offset: '0', end_offset: '2' }],
    ['null', null],
  ])('with %s is refused', async (_, body) => {
    expect(await asking(() => json(body)).failed()).toMatchObject({ code: 'ERR_PROTOCOL', retryable: false })
  })

  it('that was kept by a cache on the way is refused', async () => {
    const body = { beginning_offset: 0, end_offset: 2 }
    const fresh = asking(() => json(body, 200, { age: '0' }))
    const kept = asking(() => json(body, 200, { age: '12' }))
    expect(await fresh.failed()).toMatchObject({ resolved: [{ end: 2 }] })
    expect(await kept.failed()).toMatchObject({ code: 'ERR_PROTOCOL' })
    expect(kept.seen[0]?.headers.get('cache-control')).toBe('no-cache')
  })

  it('is read no further than its bound', async () => {
    let pulled = 0
    let cancelled = false
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            pulled++
            controller.enqueue(new Uint8Array(1000))
          },
          cancel() {
            cancelled = true
          },
        }),
      )
    const { failed } = asking(endless, { maxResponseBytes: 5000 })
    expect(await failed()).toMatchObject({ code: 'ERR_TOO_LARGE' })
    expect(pulled).toBeLessThan(10)
    expect(cancelled).toBe(true)
  })

  it('whose page of an error never ends is an error of its status', async () => {
    const endless = () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) }), {
        status: 502,
      })
    expect(await asking(endless).failed()).toMatchObject({ code: 'ERR_HTTP', retryable: true })
  })
})

describe('no answer', () => {
  it('because the network fails is retryable, with its cause', async () => {
    const cause = new TypeError('fetch failed')
    const failed = asking(() => {
      throw cause
    }).failed()
    expect(await failed).toMatchObject({ code: 'ERR_NETWORK', retryable: true, cause })
  })

  it('because the body breaks off is retryable', async () => {
    const broken = () =>
      new Response(
        new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) }),
      )
    expect(await asking(broken).failed()).toMatchObject({ code: 'ERR_NETWORK', retryable: true })
  })

  it('to an aborted call is the reason itself, whatever the transport throws', async () => {
    const controller = new AbortController()
    const reason = 'any value'
    const { log } = asking(() => {
      controller.abort(reason)
      throw new DOMException('The operation was aborted', 'AbortError')
    })
    expect(await rejection(log.offsets('t', { partitions: [0], signal: controller.signal }))).toBe(reason)
    const published = log.produce('t', [{ key: null, value: null }], { signal: controller.signal })
    expect(await rejection(published)).toBe(reason)
  })

  it('is not requested when the signal has aborted before', async () => {
    const { log, seen } = asking(() => json({}))
    const reason = new Error('too late')
    const signal = AbortSignal.abort(reason)
    expect(await rejection(log.offsets('t', { signal }))).toBe(reason)
    expect(seen).toEqual([])
  })
})

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('ends a call although the transport ignores its signal', async () => {
    const { failed, seen } = asking(silence, { requestTimeout: '2s' })
    const failing = failed()
    await vi.advanceTimersByTimeAsync(1999)
    expect(seen[0]?.init.signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await failing).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    expect(seen[0]?.init.signal?.aborted).toBe(true)
  })

  it('ends a body that trickles', async () => {
    const { failed } = asking(() => new Response(new ReadableStream({})), { requestTimeout: 100 })
    const failing = failed()
    await vi.advanceTimersByTimeAsync(100)
    expect(await failing).toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  it('leaves no timer behind', async () => {
    await asking(() => html(500)).failed()
    await asking(() => json({ beginning_offset: 0, end_offset: 0 })).failed()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of a publish says that the record may or may not be in the log', async () => {
    const { log } = asking(silence, { requestTimeout: 100 })
    const publishing = rejection(log.produce('t', [{ key: null, value: null }]))
    await vi.advanceTimersByTimeAsync(100)
    expect(await publishing).toMatchObject({
      code: 'ERR_PUBLISH',
      retryable: true,
      cause: { code: 'ERR_TIMEOUT' },
    })
  })
})

describe('credentials', () => {
  const offsets = () => json({ beginning_offset: 0, end_offset: 0 })

  it('are Basic, in UTF-8', async () => {
    const { failed, seen } = asking(offsets, { auth: { username: 'jö', password: 'päß' } })
    await failed()
    const sent = seen[0]?.headers.get('authorization') ?? ''
    const bytes = Uint8Array.from(atob(sent.replace('Basic ', '')), (char) => char.charCodeAt(0))
    expect(new TextDecoder().decode(bytes)).toBe('jö:päß')
  })

  it('are a bearer token, asked for before every request where it is a function', async () => {
    let turn = 0
    const { failed, seen } = asking(offsets, { auth: { token: async () => `token-${++turn}` } })
    await failed()
    await failed()
    expect(seen.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ])
  })

  it('that cannot be had are an error of their own, and nothing is sent', async () => {
    const cause = new Error('vault is sealed')
    const failing = asking(offsets, { auth: { token: () => Promise.reject(cause) } })
    expect(await failing.failed()).toMatchObject({ code: 'ERR_AUTH', retryable: true, cause })
    expect(failing.seen).toEqual([])
    const forged = asking(offsets, { auth: { token: () => 'x\r\nx-admin: 1' } })
    expect(await forged.failed()).toMatchObject({ code: 'ERR_AUTH' })
    expect(forged.seen).toEqual([])
  })

  it('never appear in messages, not even when the other side repeats them', async () => {
    const echo: Script = ({ headers }) =>
      json(
        { message: `bad ${SECRET} in ${headers.get('authorization')} and ${headers.get('cf-access')}` },
        401,
      )
    for (const auth of [{ username: 'me', password: SECRET }, { token: SECRET }]) {
      const failed = (await asking(echo, { auth, headers: { 'cf-access': 'hush-hush' } }).failed()) as Error
      expect(failed.message).not.toContain(SECRET)
      expect(failed.message).not.toContain(btoa(`me:${SECRET}`))
      expect(failed.message).not.toContain('hush-hush')
      expect(failed.message).toContain('***')
    }
  })

  it('stay with the address that they were given for', async () => {
    const { fetch, seen } = scriptedFetch(offsets)
    const auth = { token: SECRET }
    const log = confluent({
      url,
      auth,
      headers: { 'x-own': '1' },
      read: { url: 'https://other.example' },
      fetch,
    })
    await log.offsets('t', { partitions: [0] })
    await rejection(log.produce('t', [{ key: null, value: null }]))
    expect(
      seen.map(({ origin, headers }) => [origin, headers.get('authorization'), headers.get('x-own')]),
    ).toEqual([
      ['https://other.example', null, null],
      ['https://proxy.example', `Bearer ${SECRET}`, '1'],
    ])
  })
})

describe('the transport', () => {
  const original = globalThis.fetch
  afterEach(() => {
    globalThis.fetch = original
  })

  it("is the platform's, looked up at each call", async () => {
    const log = confluent({ url })
    const { fetch, seen } = scriptedFetch(() => json({ beginning_offset: 1, end_offset: 2 }))
    globalThis.fetch = fetch
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 1, end: 2 }])
    expect(seen[0]?.path).toBe('/rest/topics/t/partitions/0/offsets')
  })

  it('encodes names of topics, and refuses those that would climb', async () => {
    const { log, seen } = asking(() => json({ beginning_offset: 0, end_offset: 0 }))
    await log.offsets('a/b?c', { partitions: [0] })
    expect(seen[0]?.path).toBe('/rest/topics/a%2Fb%3Fc/partitions/0/offsets')
    for (const name of ['..', '.', '']) {
      expect(await rejection(log.offsets(name, { partitions: [0] }))).toMatchObject({
        code: 'ERR_UNSUPPORTED',
      })
    }
    expect(seen).toHaveLength(1)
  })
})
