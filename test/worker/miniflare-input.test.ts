import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Ask, Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { EVICTIONS, startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

const ROOTLESS = new URL('./miniflare-rootless-worker.ts', import.meta.url)
const BINARY = 'application/vnd.kafka.binary.v2+json'
const BYSTANDERS = ['bystander', 'by/stander', '__proto__']

const PAUSE_MS = 50
/** Garbage evicts everything once a second. Tests of what it is need not wait for that: a test of the pause has it in full. */
const HASTY = {
  file: 'src/coherence/unreadable-records.ts',
  from: 'const PAUSE_MS = 1000\n',
  to: `const PAUSE_MS = ${PAUSE_MS}\n`,
}
// A read polls the log only for its token: the counts are up to date after it.
const BINDINGS = { MAX_STALENESS: '1h' }

let world: World
/** Waits for 50 ms after garbage, as {@link counting} does. */
let worker: Client
/** With bearer tokens. */
let guarded: Client
/** Counts what it refuses. */
let counting: Client
beforeAll(async () => {
  world = await startWorld(Object.fromEntries([...BYSTANDERS, 'victim'].map((key) => [key, key])))
  worker = await world.isolate({ bindings: BINDINGS, replacements: [HASTY] })
  guarded = await world.isolate({
    bindings: {
      ...BINDINGS,
      AUTH: '',
      READ_TOKENS: 'reader',
      WRITE_TOKENS: 'writer',
      EVICT_TOKENS: 'evicter',
    },
  })
  counting = await world.isolate({ entry: ROOTLESS, replacements: [HASTY] })
})
afterAll(() => world.close())

/** The token of the end of the log: a read with it sees all that is in the log. */
const endOfLog = (): string => `k1.0-${world.gateway.log.offsets(EVICTIONS, 0).end}`

const readsOf = (keys: readonly string[]): number[] => keys.map((key) => world.source.reads(key))

async function hold(client: Client, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await until(async () => {
      await client.read(key)
      const before = world.source.reads(key)
      return (await client.read(key)).status === 200 && world.source.reads(key) === before
    }, `${key} is held`)
  }
}

const TOO_LONG = 'x'.repeat(513)
const MANY = Array.from({ length: 1001 }, (_, nth) => `key-${nth}`)
const DEEP = '['.repeat(10_000)
const key = '/cache/rows/victim'
const batch = '/cache/rows/batch'
const evictions = '/evictions'
const put = (ask: Ask): Ask => ({ method: 'PUT', ...ask })
const post = (ask: Ask): Ask => ({ method: 'POST', ...ask })

/** What is asked, and the status that it is refused with. */
const BAD: readonly (readonly [what: string, status: number, path: string, ask?: Ask])[] = [
  ['no such route', 404, '/'],
  ['no such route', 404, '/cache'],
  ['no such route', 404, '/cache/rows'],
  ['no such route', 404, '/cache/rows/a/b'],
  ['no such route', 404, '/evictions/rows', post({ body: {} })],
  ['no such namespace', 404, '/cache/others/victim'],
  ['no such namespace', 404, '/cache/others/victim', put({ body: { value: 1 } })],
  ['no such namespace', 404, '/cache/others/batch', post({ body: { keys: ['victim'] } })],
  ['no name of a namespace', 404, '/cache/%2e%2e%2f/victim'],
  ['a key that is no UTF-8', 400, '/cache/rows/%ff'],
  ['a key that is not percent-encoded', 400, '/cache/rows/%zz'],
  ['a key that is too long', 400, `/cache/rows/${TOO_LONG}`],
  ['a key that is too long', 400, `/cache/rows/${TOO_LONG}`, { method: 'DELETE' }],
  ['a path that leads out of the namespace', 404, '/cache/rows/%2e%2e'],
  ['a token that is none', 400, key, { after: 'k1.0-x' }],
  ['a token that is too long', 400, key, { after: `k1${'.0-1'.repeat(2500)}` }],
  ['a token out of range', 400, key, { after: 'k1.0-9999999999999999' }],
  ['another method', 405, key, post({ body: {} })],
  ['another method', 405, key, { method: 'PATCH' }],
  ['another method', 405, evictions],
  ['another method', 405, evictions, put({ body: { all: true } })],
  ['another method', 405, '/healthz', { method: 'DELETE' }],
  ['another method', 405, '/readyz', post({ body: {} })],
  ['another method', 405, '/openapi.json', put({ body: {} })],
  ['no body', 400, key, put({ headers: { 'content-type': 'application/json' } })],
  ['no body', 400, batch, post({ headers: { 'content-type': 'application/json' } })],
  ['no body', 400, evictions, post({ headers: { 'content-type': 'application/json' } })],
  ['another media type', 415, key, put({ raw: '{"value":1}', headers: { 'content-type': 'text/plain' } })],
  ['another media type', 415, evictions, post({ raw: 'all=true', headers: { 'content-type': 'text/csv' } })],
  ['a compressed body', 415, batch, post({ body: { keys: [] }, headers: { 'content-encoding': 'gzip' } })],
  ['no JSON', 400, key, put({ raw: '{"value":' })],
  ['no JSON', 400, batch, post({ raw: 'keys' })],
  ['no JSON', 400, evictions, post({ raw: '{all:true}' })],
  ['no UTF-8', 400, key, put({ raw: new Uint8Array([0x22, 0xff, 0x22]) })],
  ['too deep JSON', 400, key, put({ raw: `{"value":${DEEP}` })],
  ['too deep JSON', 400, evictions, post({ raw: DEEP })],
  ['too large a body', 413, key, put({ body: { value: 'x'.repeat(1_000_001) } })],
  ['too large a body', 413, evictions, post({ body: { namespace: 'rows', prefix: 'x'.repeat(1_000_001) } })],
  ['no value', 400, key, put({ body: {} })],
  ['a member that is unknown', 400, key, put({ body: { value: 1, tll: '1s' } })],
  ['what the origin says itself', 400, key, put({ body: { value: 1, ttl: '1s' } })],
  ['what the origin says itself', 400, key, put({ body: { value: 1, tags: ['a'] } })],
  ['a body of another shape', 400, key, put({ body: [1] })],
  ['no keys', 400, batch, post({ body: { keys: [] } })],
  ['too many keys', 400, batch, post({ body: { keys: MANY.slice(0, 101) } })],
  ['keys that are none', 400, batch, post({ body: { keys: [1, null, {}] } })],
  ['keys that are none', 400, batch, post({ body: { keys: [TOO_LONG] } })],
  ['keys that are none', 400, batch, post({ body: { keys: ['\ud800'] } })],
  ['no list', 400, batch, post({ body: { keys: 'victim' } })],
  ['nothing to evict', 400, evictions, post({ body: {} })],
  ['nothing to evict', 400, evictions, post({ body: { namespace: 'rows' } })],
  ['nothing to evict', 400, evictions, post({ body: { namespace: 'rows', keys: [] } })],
  ['not everything', 400, evictions, post({ body: { all: false } })],
  ['not everything', 400, evictions, post({ body: { all: 'true' } })],
  ['two at once', 400, evictions, post({ body: { namespace: 'rows', keys: ['victim'], tags: ['a'] } })],
  ['two at once', 400, evictions, post({ body: { namespace: 'rows', keys: ['victim'], all: true } })],
  ['too many keys', 400, evictions, post({ body: { namespace: 'rows', keys: MANY } })],
  ['tags that are none', 400, evictions, post({ body: { namespace: 'rows', tags: ['', 1] } })],
  ['an empty prefix', 400, evictions, post({ body: { namespace: 'rows', prefix: '' } })],
  ['a namespace that is none', 400, evictions, post({ body: { namespace: { $gt: '' }, all: true } })],
  ['null', 400, evictions, post({ raw: 'null' })],
]

describe('bad input to the worker', () => {
  let reads: number[]
  let end: string
  beforeEach(async () => {
    await hold(worker, [...BYSTANDERS, 'victim'])
    reads = readsOf([...BYSTANDERS, 'victim'])
    end = endOfLog()
  })

  const cases = BAD.map(([what, status, path, ask = {}]) => ({
    title: `${what}: ${status} for ${ask.method ?? 'GET'} ${path.slice(0, 40)}`,
    status,
    path,
    ask,
  }))
  it.for(cases)('$title', async ({ status, path, ask }) => {
    const answer = await worker.ask(path, ask)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ status, code: expect.stringMatching(/^ERR_/) as unknown })
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/)
    // Nothing was evicted, written or loaded, and the isolate is the one that it was.
    expect(endOfLog()).toBe(end)
    for (const bystander of [...BYSTANDERS, 'victim'])
      expect(await worker.read(bystander)).toMatchObject({ value: bystander })
    expect(readsOf([...BYSTANDERS, 'victim'])).toEqual(reads)
  })

  it('without the right bearer token: 401 or 403', async () => {
    const as = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } })
    expect((await guarded.ask(key)).status).toBe(401)
    expect((await guarded.ask(key, as('somebody'))).status).toBe(401)
    expect((await guarded.ask(key, { headers: { authorization: 'Basic cmVhZGVyOg==' } })).status).toBe(401)
    expect((await guarded.ask(key, as('reader'))).status).toBe(200)
    expect((await guarded.ask(key, { ...as('reader'), method: 'DELETE' })).status).toBe(403)
    expect((await guarded.ask(key, { ...as('reader'), ...put({ body: { value: 1 } }) })).status).toBe(403)
    expect((await guarded.ask(evictions, { ...as('writer'), ...post({ body: { all: true } }) })).status).toBe(
      403,
    )
    expect(endOfLog()).toBe(end)
  })
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** Values that no reader understands. */
const GARBAGE: readonly (readonly [what: string, value: Uint8Array])[] = [
  ['no UTF-8', new Uint8Array([0xff, 0xfe, 0x00])],
  ['half of a JSON text', text('{"v":1,"op":"evict"')],
  ['JSON that nests a hundred thousand levels', text('['.repeat(100_000))],
  ['a gzip that inflates to ten megabytes', gzipSync(new Uint8Array(10_000_000))],
  ['half of a gzip', gzipSync(text('{"v":1,"op":"clear"}')).subarray(0, 15)],
  ['a megabyte of JSON', text(JSON.stringify('x'.repeat(1_000_010)))],
  ['a text', text('"clear"')],
  ['a number', text('42')],
  ['null', text('null')],
  ['a list', text('[{"v":1,"op":"clear"}]')],
  ['a simple message whose key is none', text('{"key":{"toString":1}}')],
  ['an unknown version', text('{"v":2,"op":"clear","ns":"rows/../others"}')],
  ['an unknown operation', text('{"v":1,"op":"drop table"}')],
  ['an eviction of nothing', text('{"v":1,"op":"evict","keys":["victim"]}')],
  ['too many keys', text(JSON.stringify({ v: 1, op: 'evict', ns: ['rows'], keys: MANY }))],
  ['a prototype', text('{"__proto__":{"op":"clear","v":1},"constructor":1}')],
]

async function produce(records: readonly object[], type = BINARY): Promise<Response> {
  return fetch(`${world.gateway.url}/topics/${EVICTIONS}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: JSON.stringify({ records }),
  })
}

const refusedBy = async (client: Client): Promise<number> =>
  ((await client.ask('/stats')).body as { refused: number }).refused

/** Until such a record evicts at once again. */
async function calm(): Promise<void> {
  const agoMs = async (client: Client, path: string): Promise<number> => {
    const { unreadable } = (await client.ask(path)).body as { unreadable?: { agoMs: number } }
    return unreadable?.agoMs ?? Infinity
  }
  await until(
    async () =>
      (await agoMs(worker, '/readyz')) > PAUSE_MS && (await agoMs(counting, '/freshness')) > PAUSE_MS,
    'the garbage before is old enough',
  )
}

describe('garbage in the log', () => {
  beforeEach(calm)

  it.for(GARBAGE)('%s is counted, and evicts everything: its meaning is unknown', async ([, value]) => {
    const clients = [worker, counting]
    for (const client of clients) await hold(client, [...BYSTANDERS, 'victim'])
    const [reads, refused] = [readsOf([...BYSTANDERS, 'victim']), await refusedBy(counting)]
    const response = await produce([{ key: base64(text('victim')), value: base64(value) }])
    expect(await response.json()).toMatchObject({ offsets: [{ error_code: null }] })
    for (const client of clients) {
      for (const each of [...BYSTANDERS, 'victim'])
        expect(await client.read(each, { after: endOfLog() })).toMatchObject({ status: 200, value: each })
    }
    expect(readsOf([...BYSTANDERS, 'victim'])).toEqual(reads.map((count) => count + clients.length))
    expect(await refusedBy(counting)).toBe(refused + 1)
  })

  it('evicts everything whatever its key, and the process lives', async () => {
    const clients = [worker, counting]
    const keys = [null, base64(new Uint8Array([0xff, 0xfe])), '', base64(text('victim'))]
    for (const recordKey of keys) {
      await calm()
      for (const client of clients) await hold(client, BYSTANDERS)
      const reads = readsOf(BYSTANDERS)
      await produce([{ key: recordKey, value: base64(text('?')) }])
      for (const client of clients) {
        for (const each of BYSTANDERS)
          expect(await client.read(each, { after: endOfLog() })).toMatchObject({ value: each })
      }
      expect(readsOf(BYSTANDERS)).toEqual(reads.map((count) => count + clients.length))
    }
  })

  it('of another namespace touches nothing here', async () => {
    await hold(worker, BYSTANDERS)
    const reads = readsOf(BYSTANDERS)
    await produce([
      { value: base64(text('{"v":1,"op":"clear","ns":"others"}')) },
      { value: base64(text('{"v":3,"op":"whatever","ns":"others"}')) },
      { value: base64(text('{"v":1,"op":"beat"}')) },
    ])
    for (const each of BYSTANDERS) await worker.read(each, { after: endOfLog() })
    expect(readsOf(BYSTANDERS)).toEqual(reads)
  })

  it('by the hundred costs one load of each key', async () => {
    // As it is deployed: while a hundred pieces are read, no second passes.
    const deployed = await world.isolate({ bindings: BINDINGS })
    await hold(deployed, BYSTANDERS)
    const reads = readsOf(BYSTANDERS)
    const small = GARBAGE.filter(([, value]) => value.length < 1000)
    const records = Array.from({ length: 500 }, (_, nth) => ({
      key: base64(text(`victim-${nth % 7}`)),
      value: base64(small[nth % small.length]![1]),
    }))
    expect((await produce(records)).status).toBe(200)
    for (const each of BYSTANDERS)
      expect(await deployed.read(each, { after: endOfLog() })).toMatchObject({ value: each })
    expect(readsOf(BYSTANDERS)).toEqual(reads.map((count) => count + 1))
  })
})

describe('bad input to the gateway', () => {
  it.for([
    ['no JSON', 'POST', `/topics/${EVICTIONS}`, BINARY, '{"records":'],
    ['no records', 'POST', `/topics/${EVICTIONS}`, BINARY, '{"records":[]}'],
    ['no list', 'POST', `/topics/${EVICTIONS}`, BINARY, '{"records":{"value":"AA=="}}'],
    ['no base64', 'POST', `/topics/${EVICTIONS}`, BINARY, '{"records":[{"value":"?"}]}'],
    ['another media type', 'POST', `/topics/${EVICTIONS}`, 'text/plain', '{"records":[{"value":"AA=="}]}'],
    ['no such topic', 'POST', '/topics/..%2f', BINARY, '{"records":[{"value":"AA=="}]}'],
    [
      'no such partition',
      'POST',
      `/topics/${EVICTIONS}/partitions/7`,
      BINARY,
      '{"records":[{"value":"AA=="}]}',
    ],
    ['no number', 'GET', `/topics/${EVICTIONS}/partitions/x/offsets`, BINARY, undefined],
    ['no such offset', 'GET', `/topics/${EVICTIONS}/partitions/0/records?offset=-1`, BINARY, undefined],
  ] as const)('%s: 4xx, and the log is as it was', async ([, method, path, type, body]) => {
    const end = endOfLog()
    const response = await fetch(`${world.gateway.url}${path}`, {
      method,
      headers: { 'content-type': type },
      ...(body !== undefined && { body }),
    })
    expect(Math.floor(response.status / 100)).toBe(4)
    expect(endOfLog()).toBe(end)
    expect((await fetch(`${world.gateway.url}/healthz`)).status).toBe(200)
  })
})
