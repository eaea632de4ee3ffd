/** Every route of the worker with every token, and ways around: nothing is answered without one but the health. */
import { expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import { bearerAuth, createApp } from '../../worker/library.ts'

const NAMESPACES = ['a', '__proto__', 'constructor', '..x']

function worker() {
  const asked: string[] = []
  const origin = {
    read: async (namespace: string, key: string) => {
      asked.push(namespace)
      return { value: `${namespace}/${key}`, tags: [] }
    },
    write: async (namespace: string) => void asked.push(`written ${namespace}`),
  }
  const auth = bearerAuth({ read: ['r', 'all'], write: ['w', 'all'], evict: ['e', 'all'] })
  const app = createApp({ cache: createCache({ kafka: memory() }), auth, origin, namespaces: NAMESPACES })
  const status = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ) => {
    const init = { method, headers: { 'content-type': 'application/json', ...headers } }
    return (await app.request(path, { ...init, ...(body !== undefined && { body }) })).status
  }
  return { app, asked, status }
}

const ROUTES: readonly (readonly [method: string, path: string, scope: string, body: string | undefined])[] =
  [
    ['GET', '/cache/a/k', 'r', undefined],
    ['HEAD', '/cache/a/k', 'r', undefined],
    ['POST', '/cache/a/batch', 'r', '{"keys":["x"]}'],
    ['PUT', '/cache/a/k', 'w', '{"value":1}'],
    ['DELETE', '/cache/a/k', 'e', undefined],
    ['POST', '/evictions', 'e', '{"namespace":"a","keys":["k"]}'],
  ]

it.each(ROUTES)('%s %s is for the bearers of one scope alone', async (method, path, scope, body) => {
  const { status } = worker()
  for (const token of ['r', 'w', 'e', 'all', 'zzz', undefined]) {
    const shown = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const may = token === scope || token === 'all' ? 200 : 403
    const wanted = token === undefined || token === 'zzz' ? 401 : may
    expect([token, await status(method, path, shown, body)]).toEqual([token, wanted])
  }
})

it.each(['OPTIONS', 'PATCH', 'PROPFIND', 'QUERY', 'FOO'])('has no %s', async (method) => {
  const { status } = worker()
  for (const path of ['/cache/a/k', '/cache/a/batch', '/evictions', '/healthz'])
    expect(await status(method, path)).toBe(405)
})

it('takes the method of the request alone', async () => {
  const { status, asked } = worker()
  for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method'])
    expect(
      await status('GET', '/cache/a/k?_method=DELETE', { authorization: 'Bearer r', [name]: 'DELETE' }),
    ).toBe(200)
  expect(new Set(asked)).toEqual(new Set(['a']))
})

it.each([
  'Bearer\tr',
  'Bearer r, Bearer all',
  'Bearer rr',
  'Bearer R',
  'Bearer "r"',
  'Bearer r=',
  'Bearer r\u00A0',
  'r',
])('does not take %j for a token', async (authorization) => {
  expect(await worker().status('GET', '/cache/a/k', { authorization })).toBe(401)
})

it.each(['?token=r', '?access_token=r', '?authorization=Bearer%20r'])(
  'takes no token from %s or a cookie',
  async (query) => {
    const cookie = 'authorization=Bearer r; access_token=r'
    expect(await worker().status('GET', `/cache/a/k${query}`, { cookie })).toBe(401)
  },
)

const WAYS_AROUND = [
  '/cache/a/..%2fb%2fk',
  '/cache/a/%2e%2e',
  '/cache/a/%2e%2e%2fb',
  '/cache/a/.',
  '/cache/a/..',
  '/cache/a/%252e%252e',

  '/cache/a//k',
  '//cache/a/k',
  '/cache//a/k',
  '/cache/a/k/',
  '/cache/A/k',
  '/cache/a%2fk/x',
  '/cache/a%00/x',
  '/cache/a/%00',

  '/cache/a/%0d%0aX:1',
  '/cache/a/k%3fx',
  '/cache/a/k;x',
  '/cache/a/%ff',
  '/cache/a/%',
  '/cache/a/%ed%a0%80',
  '/CACHE/a/k',

  '/cache/\u0430/k',
  '/cache/a\\..\\b/k',
  '/cache/__proto__/k',
  '/cache/constructor/__proto__',
  '/cache/..x/k',
  '/cache/%2e%2ex/k',
  '/healthz/../cache/a/k',
  '/healthz%2f..%2fcache/a/k',
  '/cache/a/batch',
  `/cache/a/${'k'.repeat(513)}`,
]

it.each(WAYS_AROUND)(
  'answers %j to no client without a token, and with one leaves no namespace',
  async (path) => {
    const { asked, status } = worker()
    expect([401, 404, 405]).toContain(await status('GET', path))
    expect(asked).toEqual([])
    expect(await status('GET', path, { authorization: 'Bearer all' })).toBeLessThan(500)
    for (const namespace of asked) expect(NAMESPACES).toContain(namespace)
  },
)

it('is not changed by a value that names prototypes', async () => {
  const { status } = worker()
  const value = '{"value":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}'
  expect(await status('PUT', '/cache/a/p', { authorization: 'Bearer w' }, value)).toBe(200)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})
