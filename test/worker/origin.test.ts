import { describe, expect, it } from 'vitest'
import { httpOrigin } from '../../worker/origin.ts'
import { fakeOrigin } from './fake-origin.ts'

const never = new AbortController().signal

/** A `fetch` that answers only when it is aborted. */
const hanging = (_method: string, _path: string, init: RequestInit): Promise<Response> =>
  new Promise((_resolve, reject) => {
    init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))
  })

describe('httpOrigin', () => {
  it('reads past every cache on the way, and follows no redirect', async () => {
    const { origin, requests } = fakeOrigin(() => Response.json({ value: 1 }))
    await origin.read('ns', 'a/b?c', never)
    expect(requests[0]?.url).toBe('http://origin.test/v1/ns/a%2Fb%3Fc')
    expect(requests[0]?.init).toMatchObject({ method: 'GET', cache: 'no-store', redirect: 'manual' })
  })

  it('takes tags, and more than it knows', async () => {
    const { origin } = fakeOrigin(() => Response.json({ value: null, tags: ['a'], etag: 'x' }))
    expect(await origin.read('ns', 'k', never)).toEqual({ value: null, tags: ['a'] })
  })

  it('counts from its own clock until an answer without a Date expires', async () => {
    const headers = { expires: 'Tue, 01 Jan 2030 00:01:00 GMT' }
    const now = () => Date.parse('Tue, 01 Jan 2030 00:00:50 GMT')
    const { origin } = fakeOrigin(() => Response.json(1, { headers }), { format: 'plain', now })
    expect(await origin.read('ns', 'k', never)).toEqual({ value: 1, tags: [], ttl: 10_000 })
  })

  it('knows no value where the origin answers 404', async () => {
    const { origin } = fakeOrigin(() => new Response('<html>', { status: 404 }))
    expect(await origin.read('ns', 'k', never)).toBeUndefined()
  })

  it('shows its token to the origin', async () => {
    const { origin, requests } = fakeOrigin(() => Response.json({ value: 1 }), { token: 'secret' })
    await origin.read('ns', 'k', never)
    expect(new Headers(requests[0]?.init.headers).get('authorization')).toBe('Bearer secret')
  })

  it('gives a read up when its time is over', async () => {
    const deadline = () => AbortSignal.abort(new DOMException('late', 'TimeoutError'))
    const { origin } = fakeOrigin(
      (method, path, init) => {
        init.signal?.throwIfAborted()
        return hanging(method, path, init)
      },
      { deadline },
    )
    await expect(origin.read('ns', 'k', never)).rejects.toMatchObject({
      status: 504,
      code: 'ERR_ORIGIN_TIMEOUT',
    })
    await expect(origin.write('ns', 'k', 1)).rejects.toMatchObject({ status: 504, maybeCommitted: true })
  })

  it('gives a read up when its time is over while the body arrives', async () => {
    const limit = new AbortController()
    const { origin } = fakeOrigin(
      () => {
        const body = new ReadableStream({
          pull: (controller) => controller.error(new DOMException('late', 'TimeoutError')),
        })
        return new Response(body, { headers: { 'content-type': 'application/json' } })
      },
      { deadline: () => limit.signal },
    )
    await expect(origin.read('ns', 'k', never)).rejects.toMatchObject({ status: 504 })
  })

  it('rejects with the reason of its caller', async () => {
    const { origin } = fakeOrigin(hanging)
    const caller = new AbortController()
    const read = origin.read('ns', 'k', caller.signal)
    const reason = new Error('enough')
    caller.abort(reason)
    await expect(read).rejects.toBe(reason)
  })

  it.each([
    ['no JSON', '{"value":'],
    ['no value', '{}'],
    ['tags that are none', '{"value":1,"tags":"a"}'],
    ['an empty tag', '{"value":1,"tags":[""]}'],
    ['too many tags', JSON.stringify({ value: 1, tags: Array.from({ length: 101 }, () => 'a') })],
    ['nesting without end', '['.repeat(10_000)],
    ['more than its limit', JSON.stringify({ value: 'x'.repeat(2000) })],
  ])('refuses an answer with %s', async (_what, body) => {
    const { origin } = fakeOrigin(
      () => new Response(body, { headers: { 'content-type': 'application/json' } }),
      { maxBytes: 1000 },
    )
    await expect(origin.read('ns', 'k', never)).rejects.toMatchObject({ status: 502, code: 'ERR_ORIGIN' })
  })

  it.each([401, 403, 418])('takes the refusal %i of a write for its own failure', async (status) => {
    const { origin } = fakeOrigin(() => new Response('', { status }))
    await expect(origin.write('ns', 'k', 1)).rejects.toMatchObject({ status: 502, maybeCommitted: false })
  })

  it('passes on the Retry-After of an origin', async () => {
    const answer = (after: string) => new Response('', { status: 429, headers: { 'retry-after': after } })
    const asks = (after: string) => fakeOrigin(() => answer(after)).origin.write('ns', 'k', 1)
    await expect(asks('30')).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '30' } })
    await expect(asks('tomorrow')).rejects.toMatchObject({ headers: { 'retry-after': '1' } })
  })

  it.each(['.', '..'])('has no address for the key %s', async (key) => {
    const { origin, asked } = fakeOrigin(() => Response.json({ value: 1 }))
    await expect(origin.read('ns', key, never)).rejects.toMatchObject({ status: 400 })
    await expect(origin.write('ns', key, 1)).rejects.toMatchObject({ status: 400 })
    await expect(origin.read(key, 'k', never)).rejects.toMatchObject({ status: 400 })
    expect(asked).toEqual([])
  })

  it.each(['', 'origin', 'ftp://a', 'http://u:p@a', 'http://a?b', 'http://a#b'])(
    'refuses the address %s, without quoting it',
    (url) => {
      expect(() => httpOrigin({ url })).toThrow('`url`')
      expect(() => httpOrigin({ url })).not.toThrow('u:p')
    },
  )
})
