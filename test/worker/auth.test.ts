import { describe, expect, it } from 'vitest'
import { createApp } from '../../worker/app.ts'
import { bearerAuth } from '../../worker/auth.ts'
import { FakeCache } from './fake-cache.ts'

const auth = bearerAuth({
  read: ['reader', 'admin'],
  write: ['writer', 'admin'],
  evict: ['evictor', 'admin'],
})
const app = createApp({ cache: new FakeCache(), auth, namespaces: ['ns'] })
const json = { 'content-type': 'application/json' }

const calls: [scope: string, path: string, init: RequestInit][] = [
  ['read', '/cache/ns/key', {}],
  ['read', '/cache/ns/batch', { method: 'POST', headers: json, body: '{"keys":["a"]}' }],
  ['write', '/cache/ns/key', { method: 'PUT', headers: json, body: '{"value":1}' }],
  ['evict', '/cache/ns/key', { method: 'DELETE' }],
  ['evict', '/evictions', { method: 'POST', headers: json, body: '{"all":true}' }],
]
const bearer = { read: 'reader', write: 'writer', evict: 'evictor' } as Record<string, string>

function call(path: string, init: RequestInit, authorization?: string) {
  const headers = new Headers(init.headers)
  if (authorization !== undefined) headers.set('authorization', authorization)
  return app.request(path, { ...init, headers })
}

describe.each(calls)('the scope %s of %s, case %#', (scope, path, init) => {
  it('demands credentials', async () => {
    const answer = await call(path, init)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="kedge"')
    expect(await answer.json()).toMatchObject({ code: 'ERR_UNAUTHORIZED' })
  })

  it('refuses a token that is not listed', async () => {
    for (const token of ['unknown', 'reade', 'readerr', 'READER']) {
      const answer = await call(path, init, `Bearer ${token}`)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="kedge", error="invalid_token"')
      expect(await answer.text()).not.toContain(token)
    }
  })

  it('lets the bearer of the scope in, and a bearer of all scopes', async () => {
    expect((await call(path, init, `Bearer ${bearer[scope]}`)).status).not.toBeOneOf([401, 403])
    expect((await call(path, init, 'bearer admin')).status).not.toBeOneOf([401, 403])
  })

  it('refuses the bearers of other scopes with 403', async () => {
    for (const [other, token] of Object.entries(bearer)) {
      if (other === scope) continue
      const answer = await call(path, init, `Bearer ${token}`)
      expect(answer.status).toBe(403)
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer realm="kedge", error="insufficient_scope", scope="${scope}"`,
      )
      expect(await answer.json()).toMatchObject({ code: 'ERR_FORBIDDEN' })
    }
  })
})

describe('bearerAuth', () => {
  it.each(['Basic cmVhZGVy', 'reader', 'Bearer', 'Bearer a b', 'Bearer €', `Bearer ${'a'.repeat(5000)}`])(
    'refuses the header %#, which is no bearer token',
    async (header) => {
      await expect(auth.authorize('read', header)).rejects.toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="kedge", error="invalid_request"' },
      })
    },
  )

  it('closes a scope that has no tokens to every client', async () => {
    const readOnly = bearerAuth({ read: ['reader'] })
    const name = expect.stringMatching(/^token-[0-9a-f]{8}$/) as string
    await expect(readOnly.authorize('read', 'Bearer reader')).resolves.toEqual({ name, scopes: ['read'] })
    await expect(readOnly.authorize('evict', 'Bearer reader')).rejects.toMatchObject({ status: 403 })
  })

  it('is not satisfied with a digest that begins like the right one', async () => {
    const guesses = Array.from({ length: 1000 }, (_, at) => auth.authorize('read', `Bearer guess-${at}`))
    const outcomes = await Promise.allSettled(guesses)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([])
  })

  it('answers requests that come at once, each for itself', async () => {
    const fresh = bearerAuth({ read: ['a', 'b'] })
    const all = await Promise.allSettled(
      ['a', 'b', 'c'].map((token) => fresh.authorize('read', `Bearer ${token}`)),
    )
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  })

  it('refuses lists without tokens, and tokens that no header can carry, without quoting them', () => {
    expect(() => bearerAuth({})).toThrow(TypeError)
    expect(() => bearerAuth({ read: [] })).toThrow('`tokens`')
    expect(() => bearerAuth({ write: ['se cret'] })).toThrow('`tokens.write`')
    expect(() => bearerAuth({ write: ['se cret'] })).not.toThrow(/cret/)
  })

  it('leaves health and the interface description open', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json'])
      expect((await call(path, {})).status).toBe(200)
  })

  it('shows clients without credentials nothing of what exists', async () => {
    expect((await call('/cache/unknown/key', {})).status).toBe(401)
  })
})
