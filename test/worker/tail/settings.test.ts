/** The variables of the tail: what they say, what is refused, and whom the deployed worker asks. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import { memory } from '../../../src/testing/index.ts'
import { readBindings } from '../../../worker/bindings.ts'
import { createDeployment } from '../../../worker/deployment.ts'
import type { TailNamespace } from '../../../worker/tail.ts'
import { refusalOf } from '../refused-bindings.ts'

const SECRET = `${'A'.repeat(43)}=`
const GATEWAY = { KAFKA_REST_URL: 'https://kafka.test', KAFKA_FLAVOR: 'gateway', AUTH: 'open' }
const namespace: TailNamespace = { getByName: () => ({ fetch: () => Promise.reject(new Error('away')) }) }
const OBJECT = { ...GATEWAY, TAIL: 'durable-object', KEDGE_TAIL: namespace }

describe('the tail of the bindings', () => {
  it('is none where none is named: a namespace that is bound, and not used now, does no harm', () => {
    expect(readBindings({ ...GATEWAY, KEDGE_TAIL: namespace }).tail).toBeUndefined()
  })

  it('is a Durable Object of the region of the isolate, without a store', () => {
    expect(readBindings(OBJECT).tail).toEqual({
      kind: 'durable-object',
      topic: 'cache-evictions',
      store: undefined,
      namespace,
      region: undefined,
      shards: undefined,
    })
  })

  it.each(['requests', undefined])(
    'is an object that asks its log by requests where that is %s',
    (upstream) => {
      expect(readBindings({ ...OBJECT, TAIL_UPSTREAM: upstream }).tail).toMatchObject({ socket: undefined })
    },
  )

  it('is an object that follows the gateway by a socket, with its credential', () => {
    const { tail } = readBindings({ ...OBJECT, TAIL_UPSTREAM: 'socket', KAFKA_TOKEN: 'read-token' })
    expect(tail).toMatchObject({
      kind: 'durable-object',
      socket: { url: 'https://kafka.test', auth: { token: 'read-token' } },
    })
  })

  it('is one of several, in a region, with a store', () => {
    const { tail } = readBindings({
      ...OBJECT,
      EVICTIONS_TOPIC: 'shop.evictions',
      TAIL_REGION: 'oc',
      TAIL_SHARDS: '7',
      TAIL_STORE: 'cache-api',
      TAIL_SECRET: SECRET,
      TIER_PREFIX: 'shop',
    })
    expect(tail).toEqual({
      kind: 'durable-object',
      topic: 'shop.evictions',
      store: { name: 'shop-tail', secret: SECRET },
      namespace,
      region: 'oc',
      shards: 7,
    })
  })

  it('is the gateway, with its credential', () => {
    const { tail } = readBindings({ ...GATEWAY, TAIL: 'gateway', KAFKA_TOKEN: 'read-token' })
    expect(tail).toEqual({
      kind: 'gateway',
      topic: 'cache-evictions',
      store: undefined,
      url: 'https://kafka.test',
      auth: { token: 'read-token' },
    })
  })

  it.each([
    [{ TAIL: 'relay' }, "`TAIL` must be one of 'durable-object', 'gateway'."],
    [{ TAIL: 'durable-object' }, '`KEDGE_TAIL`, a Durable Object namespace, is needed with `TAIL`'],
    [{ TAIL: 'durable-object', KEDGE_TAIL: 'name' }, '`KEDGE_TAIL` must be a Durable Object namespace.'],
    [{ ...OBJECT, TAIL_REGION: 'eu' }, "`TAIL_REGION` must be one of 'wnam', 'enam'"],
    [{ ...OBJECT, TAIL_SHARDS: '0' }, '`TAIL_SHARDS` must be a positive whole number.'],
    [{ ...OBJECT, TAIL_STORE: 'kv' }, "`TAIL_STORE` must be one of 'cache-api'."],
    [{ ...OBJECT, TAIL_STORE: 'cache-api' }, '`TAIL_STORE` and `TAIL_SECRET` go together'],
    [{ ...OBJECT, TAIL_SECRET: SECRET }, '`TAIL_STORE` and `TAIL_SECRET` go together'],
    [
      { ...OBJECT, TAIL_STORE: 'cache-api', TAIL_SECRET: 'short-secret' },
      '`TAIL_SECRET` must be base64 of 32 to 256 bytes.',
    ],
    [{ TAIL: 'gateway', KAFKA_FLAVOR: 'confluent' }, '`TAIL` gateway needs `KAFKA_FLAVOR` gateway.'],
    [{ TAIL: 'gateway', TAIL_REGION: 'oc' }, '`TAIL_REGION` is for `TAIL` durable-object.'],
    [{ TAIL: 'gateway', TAIL_SHARDS: '2' }, '`TAIL_SHARDS` is for `TAIL` durable-object.'],
    [{ ...OBJECT, TAIL_UPSTREAM: 'ws' }, "`TAIL_UPSTREAM` must be one of 'requests', 'socket'."],
    [
      { ...OBJECT, TAIL_UPSTREAM: 'socket', KAFKA_FLAVOR: 'confluent' },
      '`TAIL_UPSTREAM` socket needs `KAFKA_FLAVOR` gateway.',
    ],
    [{ TAIL: 'gateway', TAIL_UPSTREAM: 'socket' }, '`TAIL_UPSTREAM` is for `TAIL` durable-object.'],
    [{ TAIL_UPSTREAM: 'socket' }, '`TAIL_UPSTREAM` needs `TAIL`.'],
    [{ TAIL_STORE: 'cache-api' }, '`TAIL_STORE` needs `TAIL`.'],
    [{ TAIL_SECRET: SECRET }, '`TAIL_SECRET` needs `TAIL`.'],
    [{ TAIL_REGION: 'oc' }, '`TAIL_REGION` needs `TAIL`.'],
    [{ TAIL_SHARDS: '2' }, '`TAIL_SHARDS` needs `TAIL`.'],
  ])('is refused: %#', (env, says) => {
    const refusal = refusalOf({ ...GATEWAY, ...env })
    expect(refusal).toContain(says)
    expect(refusal).not.toContain(SECRET)
    expect(refusal).not.toContain('short-secret')
  })
})

describe('the deployed worker', () => {
  const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  /** A namespace that notes which object is asked, and whether it is to be made somewhere. */
  function noted() {
    const asked: [name: string, hint: string | undefined][] = []
    const state = new TailState({ log: memory() })
    const noting: TailNamespace = {
      getByName(name, options) {
        asked.push([name, options?.locationHint])
        return { fetch: (url) => answerTail(state, new Request(url)) }
      },
    }
    return { asked, env: { ...OBJECT, KEDGE_TAIL: noting } }
  }

  /** A request that needs a proof of freshness, from a client there. */
  function ready(cf?: object): Request {
    return Object.assign(new Request('https://worker.test/readyz'), { cf })
  }

  it('asks the object of the region where its first request came from, and never polls the log', async () => {
    vi.stubGlobal('fetch', () => {
      throw new Error('polled')
    })
    const { asked, env: bound } = noted()
    // Each request then needs a proof of its own.
    const env = { ...bound, MAX_STALENESS: '0', REFRESH_AFTER: '0' }
    const worker = createDeployment()
    await worker.fetch(ready({ continent: 'EU', longitude: '21.0' }), env, context)
    const questions = asked.length
    await worker.fetch(ready({ continent: 'OC', longitude: '151.2' }), env, context)
    expect(asked.length).toBeGreaterThan(questions)
    expect(new Set(asked.map(([name]) => name))).toEqual(new Set(['cache-evictions:eeur:0']))
    expect(new Set(asked.map(([, hint]) => hint))).toEqual(new Set(['eeur']))
  })

  it('asks the object of the region that is named, wherever its requests come from', async () => {
    const { asked, env } = noted()
    const named = { ...env, TAIL_REGION: 'apac', EVICTIONS_TOPIC: 'shop.evictions' }
    await createDeployment().fetch(ready({ continent: 'EU', longitude: '2.3' }), named, context)
    expect(asked[0]).toEqual(['shop.evictions:apac:0', 'apac'])
  })

  it('asks one object for all where its request does not say where it comes from', async () => {
    const { asked, env } = noted()
    await createDeployment().fetch(ready(), env, context)
    expect(asked[0]).toEqual(['cache-evictions:any:0', undefined])
  })

  it('names the variable that is refused only beside others', async () => {
    const answer = await createDeployment().fetch(ready(), { ...OBJECT, TAIL_SHARDS: '5000' }, context)
    expect(answer.status).toBe(500)
    expect(await answer.text()).toContain('`TAIL_SHARDS` is refused')
  })

  it('asks the gateway for its proof where that is the tail, with the credential', async () => {
    const sent: Request[] = []
    vi.stubGlobal('fetch', async (input: string | URL | Request, init?: RequestInit) => {
      sent.push(new Request(input, init))
      throw new TypeError('away')
    })
    const env = { ...GATEWAY, TAIL: 'gateway', KAFKA_TOKEN: 'read-token' }
    await createDeployment().fetch(ready(), env, context)
    expect(sent.length).toBeGreaterThan(0)
    for (const { url, headers } of sent) {
      expect(url).toMatch(/^https:\/\/kafka\.test\/tail\/cache-evictions\/0\?/)
      expect(headers.get('authorization')).toBe('Bearer read-token')
    }
  })

  it('writes its heartbeat to the log itself, and asks the object of the first request that comes after', async () => {
    const sent: string[] = []
    vi.stubGlobal('fetch', async (input: string | URL | Request) => {
      sent.push(new Request(input).url)
      return Response.json({ offsets: [{ partition: 0, offset: 7, error_code: null, error: null }] })
    })
    const { asked, env } = noted()
    const worker = createDeployment()
    await worker.scheduled({}, env, context)
    expect(sent).toEqual(['https://kafka.test/topics/cache-evictions'])
    expect(asked).toEqual([])
    await worker.fetch(ready({ continent: 'SA' }), env, context)
    expect(asked[0]).toEqual(['cache-evictions:sam:0', 'sam'])
  })
})
