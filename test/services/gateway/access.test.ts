/** What the bearer of a credential may do: roles, topics, groups. */
import { describe, expect, it } from 'vitest'
import { createGateway, memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { AuthOptions, Role } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { answer, base64, BINARY, Clock, JSON_FORMAT, V2 } from './harness.ts'

const V3 = '/v3/clusters/kedge-memory/topics'
const JSON_TYPE = 'application/json'
const RECORD = { records: [{ value: base64('x') }] }
const FORBIDDEN = { error_code: 40301, message: expect.stringMatching(/^Not authorized/) }

const AUTH: AuthOptions = {
  users: { ann: 'päss' },
  credentials: (['read', 'write', 'admin'] as Role[]).map((role) => ({
    token: role,
    name: role,
    roles: [role],
    topics: ['cache-*'],
    groups: ['kedge-*'],
  })),
}

function gateway(auth: AuthOptions = AUTH) {
  const log = new MemoryLog({ topics: { 'cache-evictions': 1, 'cache-updates': 1, payroll: 1 } })
  log.append('payroll', { key: null, value: new TextEncoder().encode('secret'), partition: 0 })
  const app = createGateway({
    cluster: memoryCluster(log),
    auth,
    upstash: true,
    runtime: new Clock().runtime,
  })
  const as =
    (token: string | undefined) =>
    async (method: string, path: string, body?: unknown, type = body === undefined ? '' : JSON_TYPE) =>
      app.request(path, {
        method,
        headers: {
          accept: `${BINARY}, ${V2}, */*`,
          ...(token !== undefined && { authorization: token.includes(' ') ? token : `Bearer ${token}` }),
          ...(type !== '' && { 'content-type': type }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
  return { log, app, as }
}

interface Ask {
  readonly method: string
  readonly path: (topic: string) => string
  readonly body?: (topic: string) => unknown
  readonly type?: string
  readonly roles: readonly Role[]
}

const ANY: readonly Role[] = ['read', 'write', 'admin']
const at = (topic: string) => ({ topic, partition: 0, offset: 0 })

/** Every route that names a topic, and the roles that suffice for it. */
const ROUTES: readonly Ask[] = [
  { method: 'GET', path: (t) => `/topics/${t}`, roles: ANY },
  { method: 'GET', path: (t) => `/topics/${t}/partitions`, roles: ANY },
  { method: 'GET', path: (t) => `/topics/${t}/partitions/0`, roles: ANY },
  { method: 'GET', path: (t) => `/topics/${t}/partitions/0/offsets`, roles: ANY },
  { method: 'GET', path: (t) => `${V3}/${t}`, roles: ANY },
  { method: 'GET', path: (t) => `${V3}/${t}/partitions`, roles: ANY },
  { method: 'GET', path: (t) => `${V3}/${t}/partitions/0/offset`, roles: ANY },
  { method: 'POST', path: () => '/offsets/latest', body: at, roles: ANY },
  {
    method: 'GET',
    path: (t) => `/topics/${t}/partitions/0/records?offset=0&timeout=0&max_bytes=100`,
    roles: ['read'],
  },
  { method: 'POST', path: () => '/fetch', body: (t) => ({ ...at(t), timeout: 0 }), roles: ['read'] },
  { method: 'POST', path: (t) => `/topics/${t}`, body: () => RECORD, type: BINARY, roles: ['write'] },
  {
    method: 'POST',
    path: (t) => `/topics/${t}/partitions/0`,
    body: () => RECORD,
    type: BINARY,
    roles: ['write'],
  },
  {
    method: 'POST',
    path: (t) => `${V3}/${t}/records`,
    body: () => ({ value: { type: 'STRING', data: 'x' } }),
    roles: ['write'],
  },
  { method: 'POST', path: (t) => `/produce/${t}`, body: () => ({ value: 'x' }), roles: ['write'] },
  { method: 'POST', path: () => '/produce', body: (t) => [{ topic: t, value: 'x' }], roles: ['write'] },
  { method: 'DELETE', path: (t) => `${V3}/${t}`, roles: ['admin'] },
]
const named = ({ method, path }: Ask) => `${method} ${path('{topic}')}`
const CASES = ROUTES.flatMap((ask) => ANY.map((role) => [named(ask), role, ask] as const))

describe('the role', () => {
  it.each(CASES)('for %s, shown %s', async (_name, role, { method, path, body, type, roles }) => {
    const { as, log } = gateway()
    const ask = async (topic: string) => as(role)(method, path(topic), body?.(topic), type)
    const got = await ask('cache-evictions')
    expect(got.status < 300 ? 'may' : await answer(got)).toEqual(
      roles.includes(role)
        ? 'may'
        : [
            403,
            path('t').startsWith('/produce') || path('t') === '/fetch'
              ? { error: FORBIDDEN.message, status: 403 }
              : expect.objectContaining(FORBIDDEN),
          ],
    )
    // With any role, no topic of another name: there or not.
    for (const topic of ['payroll', 'nothing', 'xcache-evictions', 'cache']) {
      const other = await ask(topic)
      expect([403, 404]).toContain(other.status)
      expect(await other.text()).not.toContain('secret')
    }
    expect(log.offsets('payroll', 0).end).toBe(1)
    expect(log.describe('nothing')).toBeUndefined()
  })

  it('for creating topics is admin, on topics of its own', async () => {
    const { as, log } = gateway()
    for (const role of ['read', 'write'])
      expect((await as(role)('POST', V3, { topic_name: 'cache-x' })).status).toBe(403)
    expect((await as('admin')('POST', V3, { topic_name: 'evil' })).status).toBe(403)
    expect((await as('admin')('POST', V3, { topic_name: 'cache-x' })).status).toBe(201)
    expect([log.describe('cache-x')?.partitions, log.describe('evil')]).toEqual([1, undefined])
  })

  it('shows in lists of topics only those of its own', async () => {
    const { app, as } = gateway()
    expect(await (await as('read')('GET', '/topics')).json()).toEqual(['cache-evictions', 'cache-updates'])
    const { data } = (await (await as('write')('GET', V3)).json()) as { data: { topic_name: string }[] }
    expect(data.map(({ topic_name: name }) => name)).toEqual(['cache-evictions', 'cache-updates'])
    const headers = { authorization: 'Bearer admin', 'content-type': JSON_TYPE }
    expect(await (await app.request('/topics', { headers })).json()).toEqual({
      'cache-evictions': 1,
      'cache-updates': 1,
    })
  })

  it('of a user or token without roles is read and write, and never admin', async () => {
    const { as } = gateway()
    const ann = as(`Basic ${base64('ann:päss')}`)
    expect((await ann('POST', '/topics/payroll', RECORD, BINARY)).status).toBe(200)
    expect((await ann('DELETE', `${V3}/payroll`)).status).toBe(403)
    expect((await ann('POST', V3, { topic_name: 'evil' })).status).toBe(403)
  })

  it('of everybody without credentials is read and write on the topics that are given', async () => {
    const { as } = gateway({ topics: ['cache-*'] })
    const anybody = as(undefined)
    expect((await anybody('POST', '/topics/cache-evictions', RECORD, BINARY)).status).toBe(200)
    expect((await anybody('POST', '/topics/payroll', RECORD, BINARY)).status).toBe(403)
    expect((await anybody('DELETE', `${V3}/cache-evictions`)).status).toBe(403)
  })
})

it('is nothing without a credential, whatever the method and the path', async () => {
  const { app, log } = gateway()
  const records = '/topics/payroll/partitions/0/records?offset=0&timeout=0&max_bytes=9'
  const paths = ['/', '/topics', '/topics/payroll', '/topics/payroll/partitions/0/offsets', records]
  paths.push('/v3/clusters', '/kafka/v3/clusters', '/produce/payroll/x', '//topics', '/topics/', '/%74opics')
  paths.push(
    '/healthz/../topics',
    '/healthz%2f..%2ftopics',
    '/readyz/',
    '/TOPICS',
    '/topics;x',
    '/.%2ftopics',
    '/nowhere',
  )
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const body = method === 'POST' ? { body: '{}' } : {}
      const got = await app.request(path, { method, headers: { 'content-type': BINARY }, ...body })
      expect([401, 404, 405]).toContain(got.status)
    }
  }
  expect(log.offsets('payroll', 0).end).toBe(1)
})

describe('a consumer instance', () => {
  const make = async (ask: ReturnType<ReturnType<typeof gateway>['as']>, group = 'kedge-a', name = 'one') =>
    (
      await ask(
        'POST',
        `/consumers/${group}`,
        { name, 'auto.offset.reset': 'earliest', 'fetch.min.bytes': 0 },
        V2,
      )
    ).status
  const one = '/consumers/kedge-a/instances/one'

  it('subscribes to, and is assigned, topics that its maker may read, and no others', async () => {
    const { as } = gateway()
    const reader = as('read')
    expect(await make(reader)).toBe(200)
    expect(await answer(await reader('POST', `${one}/subscription`, { topics: ['payroll'] }, V2))).toEqual([
      403,
      FORBIDDEN,
    ])
    const both = { topics: ['cache-evictions', 'payroll'] }
    expect((await reader('POST', `${one}/subscription`, both, V2)).status).toBe(403)
    const partitions = { partitions: [{ topic: 'payroll', partition: 0 }] }
    expect(await answer(await reader('POST', `${one}/assignments`, partitions, V2))).toEqual([403, FORBIDDEN])
    expect(await (await reader('GET', `${one}/assignments`)).json()).toEqual({ partitions: [] })
    const offsets = { offsets: [{ topic: 'payroll', partition: 0, offset: 0 }] }
    expect((await reader('POST', `${one}/offsets`, offsets, V2)).status).toBe(403)
    expect((await reader('GET', `${one}/offsets?partitions=payroll:0`)).status).toBe(403)
    expect((await reader('POST', `${one}/subscription`, { topics: ['cache-evictions'] }, V2)).status).toBe(
      204,
    )
    expect((await reader('POST', `${one}/offsets`, offsets, V2)).status).toBe(403)
  })

  it('is made only by a reader, in a group of its own', async () => {
    const { as } = gateway()
    expect(await make(as('read'), 'billing')).toBe(403)
    expect(await make(as('write'))).toBe(403)
    expect(await make(as('admin'))).toBe(403)
    expect(await make(as('read'))).toBe(200)
  })

  it('is there for its maker alone', async () => {
    const { as } = gateway({
      credentials: [
        { token: 'a', name: 'a', topics: ['payroll'] },
        { token: 'b', name: 'b', topics: ['cache-*'] },
        { token: 'a2', name: 'a', topics: ['payroll'] },
      ],
    })
    const [a, b, again] = [as('a'), as('b'), as('a2')]
    expect(await make(a)).toBe(200)
    await a('POST', `${one}/assignments`, { partitions: [{ topic: 'payroll', partition: 0 }] }, V2)
    for (const [method, path] of [
      ['GET', `${one}/records`],
      ['GET', `${one}/assignments`],
      ['DELETE', one],
    ] as const)
      expect((await b(method, path)).status).toBe(404)
    // One of the same name is another's, and no hint at the first.
    expect(await make(b)).toBe(200)
    expect(await (await b('GET', `${one}/assignments`)).json()).toEqual({ partitions: [] })
    // A token that replaces another has the same name.
    expect(await (await again('GET', `${one}/records`)).json()).toHaveLength(1)
  })

  it('cannot be made where no group is allowed', async () => {
    const { as } = gateway({ credentials: [{ token: 't', groups: [] }] })
    expect(await make(as('t'))).toBe(403)
  })
})

it.each([
  [{ roles: ['owner'] }, /`roles`.*"owner"/],
  [{ roles: [] }, /`roles`/],
  [{ topics: ['a b'] }, /`topics`.*"a b"/],
  [{ topics: [''] }, /`topics`/],
  [{ groups: ['(a+)+'] }, /`groups`/],
  [{ credentials: [{}] }, /`credentials` must each have/],
  [
    { credentials: [{ token: 'top-secret', user: 'u', password: 'p' }] },
    /`credentials` must each have(?!.*top-secret)/,
  ],
  [{ credentials: [{ user: 'u' }] }, /`credentials` must each have/],
  [{ credentials: [{ token: '' }] }, /`token`/],
  [{ credentials: [{ token: 'top-secret', topic: ['cache-*'] }] }, /no `topic`(?!.*top-secret)/],
  [{ credentials: [{ user: 'u:v', password: 'p' }] }, /`user`/],
  [{ credentials: [{ user: 'u', password: 'scrypt:14:8:5:x' }] }, /`password`/],
  [
    { credentials: [{ user: 'u', password: `scrypt:30:8:1:${'a'.repeat(22)}:${'a'.repeat(43)}` }] },
    /`password`/,
  ],
  [{ credentials: [{ token: 't', name: 'a\nb' }] }, /`name`/],
])('refuses %j', async (auth, message) => {
  await expect(startGateway({ auth: auth as AuthOptions })).rejects.toThrow(message)
  await expect(startGateway({ auth: auth as AuthOptions })).rejects.toBeInstanceOf(TypeError)
})

it.each([
  ['*', ['a', 'a.b', ''], []],
  ['cache-*', ['cache-', 'cache-x', 'cache-x-y'], ['cache', 'xcache-a', 'Cache-a']],
  ['a.b', ['a.b'], ['axb', 'a.bc']],
  ['*-log', ['x-log', '-log'], ['x-logs']],
  ['a*b*c', ['abc', 'a-b-c'], ['ab', 'acb']],
  ['********b', ['aab'], ['a'.repeat(200)]],
])('takes %j for the topics %j and not for %j', async (pattern, right, wrong) => {
  const { principalNamed } = await import('../../../services/gateway/access.ts')
  const { mayTopic } = principalNamed('a', { topics: [pattern] })
  expect(right.map((name) => mayTopic(name))).toEqual(right.map(() => true))
  expect(wrong.map((name) => mayTopic(name))).toEqual(wrong.map(() => false))
})

it('asks as before for JSON where JSON is asked for', async () => {
  const { as } = gateway()
  expect(
    (await as('write')('POST', '/topics/cache-evictions', { records: [{ value: 1 }] }, JSON_FORMAT)).status,
  ).toBe(200)
})
