import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway } from '../../../services/gateway/index.ts'
import { answer, BINARY, bytes, harness, JSON_FORMAT, until, V2 } from './harness.ts'
import type { Harness } from './harness.ts'

const at = (name: string) => `/consumers/g/instances/${name}`
const value = (text: string) => ({ key: null, value: bytes(text) })
const fill = (h: Harness, partition: number, count: number) => {
  for (let i = 0; i < count; i++) h.log.append('t', { ...value('1'), partition })
}

async function create(h: Harness, name: string, options: Record<string, unknown> = {}): Promise<void> {
  const usual = { name, 'fetch.min.bytes': 0, 'auto.offset.reset': 'earliest', 'auto.commit.enable': 'false' }
  expect((await h.post('/consumers/g', { ...usual, ...options }, V2)).status).toBe(200)
}
const subscribe = async (h: Harness, name: string, topics = ['t']) =>
  expect((await h.post(`${at(name)}/subscription`, { topics }, V2)).status).toBe(204)
async function member(h: Harness, name: string, options: Record<string, unknown> = {}): Promise<void> {
  await create(h, name, options)
  await subscribe(h, name)
}
const remove = async (h: Harness, name: string) =>
  expect((await h.app.request(at(name), { method: 'DELETE' })).status).toBe(204)

/** What a poll returned, as `partition:offset`. */
async function poll(h: Harness, name: string, query = '?timeout=1'): Promise<string[]> {
  const polling = h.get(`${at(name)}/records${query}`, { accept: BINARY })
  // Where there is nothing, the poll waits for the clock.
  let settled = false
  void polling.then(() => (settled = true))
  await until(() => settled || h.log.waiting > 0 || h.clock.sleeping > 0)
  if (!settled) h.clock.advance(1)
  const records = (await (await polling).json()) as { partition: number; offset: number }[]
  return records.map(({ partition, offset }) => `${partition}:${offset}`).toSorted()
}
const commit = (h: Harness, name: string, body?: unknown) =>
  body === undefined
    ? h.app.request(`${at(name)}/offsets`, { method: 'POST' })
    : h.post(`${at(name)}/offsets`, body, V2)
const committed = async (h: Harness, name: string, query = '?partitions=t:0,t:1') =>
  answer(await h.get(`${at(name)}/offsets${query}`))
const assigned = async (h: Harness, name: string) => {
  const { partitions } = (await (await h.get(`${at(name)}/assignments`)).json()) as {
    partitions: { partition: number }[]
  }
  return partitions.map(({ partition }) => partition)
}

describe('a consumer instance that subscribes', () => {
  it('reads all partitions, commits what it was given, and is followed where it stopped', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 2)
    fill(h, 1, 1)
    await member(h, 'a')
    expect(await answer(await h.get(`${at('a')}/subscription`))).toEqual([200, { topics: ['t'] }])
    expect(await assigned(h, 'a')).toEqual([0, 1])
    expect(await poll(h, 'a')).toEqual(['0:0', '0:1', '1:0'])
    expect(await committed(h, 'a')).toEqual([200, { offsets: [] }])
    expect(await answer(await commit(h, 'a'))).toEqual([200, []])
    expect(await committed(h, 'a')).toEqual([
      200,
      {
        offsets: [
          { topic: 't', partition: 0, offset: 2, metadata: '' },
          { topic: 't', partition: 1, offset: 1, metadata: '' },
        ],
      },
    ])
    fill(h, 1, 1)
    await remove(h, 'a')
    await member(h, 'b')
    expect(await poll(h, 'b')).toEqual(['1:1'])
    expect(h.errors).toEqual([])
  })

  it('commits the offsets it names, each of the last record that was dealt with', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 3)
    await member(h, 'a')
    await poll(h, 'a')
    const offsets = [{ topic: 't', partition: 0, offset: 1, metadata: 'half' }]
    expect((await commit(h, 'a', { offsets })).status).toBe(200)
    const stored = { offsets: [{ topic: 't', partition: 0, offset: 2, metadata: 'half' }] }
    expect(await committed(h, 'a')).toEqual([200, stored])
    expect(await committed(h, 'a', '')).toEqual([200, stored])
    await remove(h, 'a')
    await member(h, 'b')
    expect(await poll(h, 'b')).toEqual(['0:2'])
  })

  it('commits automatically what its client got: with a later poll after five seconds, and at its end', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 1)
    await member(h, 'a', { 'auto.commit.enable': 'true' })
    expect(await poll(h, 'a')).toEqual(['0:0'])
    expect(await committed(h, 'a')).toEqual([200, { offsets: [] }])
    h.clock.advance(5000)
    fill(h, 0, 1)
    expect(await poll(h, 'a')).toEqual(['0:1'])
    expect(await committed(h, 'a')).toMatchObject([200, { offsets: [{ offset: 1 }, { offset: 0 }] }])
    await remove(h, 'a')
    await member(h, 'b')
    expect(await committed(h, 'b')).toMatchObject([200, { offsets: [{ offset: 2 }, { offset: 0 }] }])
  })

  it('gives up nothing uncommitted without auto.commit.enable: the next one reads it again', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 1)
    await member(h, 'a')
    expect(await poll(h, 'a')).toEqual(['0:0'])
    await remove(h, 'a')
    await member(h, 'b')
    expect(await poll(h, 'b')).toEqual(['0:0'])
  })

  it('shares the partitions with the others of its group, and takes over theirs when they go', async () => {
    const h = harness({ topics: { t: 3 } })
    for (const partition of [0, 1, 2]) fill(h, partition, 1)
    await member(h, 'a', { 'auto.commit.enable': true })
    await member(h, 'b', { 'auto.commit.enable': true })
    expect([await assigned(h, 'a'), await assigned(h, 'b')]).toEqual([[0, 1], [2]])
    expect([await poll(h, 'a'), await poll(h, 'b')]).toEqual([['0:0', '1:0'], ['2:0']])
    for (const partition of [0, 1, 2]) fill(h, partition, 1)
    await remove(h, 'a')
    expect(await poll(h, 'b')).toEqual(['0:1', '1:1', '2:1'])
  })

  it('lets a member beyond the number of partitions wait, and gives it those that become free', async () => {
    const h = harness({ topics: { t: 1 } })
    await member(h, 'a')
    await member(h, 'b')
    const waiting = h.get(`${at('b')}/records?timeout=1000`, { accept: BINARY })
    await until(() => h.clock.sleeping > 0)
    await remove(h, 'a')
    await until(() => h.log.waiting > 0)
    fill(h, 0, 1)
    expect(await (await waiting).json()).toMatchObject([{ partition: 0, offset: 0 }])
  })

  it('returns nothing of what went to another while it waited, and commits nothing of it', async () => {
    const h = harness({ topics: { t: 2 } })
    // Waits out its timeout: what comes is held back until then.
    await member(h, 'a', { 'auto.commit.enable': true, 'fetch.min.bytes': -1 })
    const polling = h.get(`${at('a')}/records`, { accept: BINARY })
    await until(() => h.log.waiting > 0)
    fill(h, 0, 1)
    fill(h, 1, 1)
    await until(() => h.log.waiting > 0)
    await member(h, 'b')
    await until(() => h.log.waiting > 0)
    h.clock.advance(1000)
    expect(await (await polling).json()).toMatchObject([{ partition: 0, offset: 0 }])
    expect(await poll(h, 'b')).toEqual(['1:0'])
  })

  it('gets an error for a commit to a partition that has moved to another member, and reads on', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 1)
    await member(h, 'a')
    expect(await poll(h, 'a')).toEqual(['0:0'])
    await member(h, 'b')
    const message = expect.stringContaining('What was not committed is read again.')
    expect(await answer(await commit(h, 'a'))).toEqual([409, { error_code: 40903, message }])
    expect(await committed(h, 'b')).toEqual([200, { offsets: [] }])
    expect(await poll(h, 'a')).toEqual(['0:0'])
    expect((await commit(h, 'a')).status).toBe(200)
    expect(await committed(h, 'b')).toMatchObject([200, { offsets: [{ partition: 0, offset: 1 }] }])
  })

  it('leaves its group when the gateway stops, and commits what its client got', async () => {
    const stopping = new AbortController()
    const h = harness({ topics: { t: 1 } }, { stopping: stopping.signal })
    fill(h, 0, 1)
    await member(h, 'a', { 'auto.commit.enable': true })
    expect(await poll(h, 'a')).toEqual(['0:0'])
    stopping.abort()
    const committedThen = await h.cluster.groups!.committed('g', [{ topic: 't', partition: 0 }])
    expect(committedThen).toEqual([{ topic: 't', partition: 0, offset: 1 }])
    expect((await h.post('/consumers/g', { name: 'b' }, V2)).status).toBe(503)
    expect((await h.get(`${at('a')}/subscription`)).status).toBe(404)
  })

  it('hands on its partitions after the idle time without a call', async () => {
    const h = harness({ topics: { t: 2 } })
    await member(h, 'a')
    h.clock.advance(200_000)
    await member(h, 'b')
    expect(await assigned(h, 'b')).toEqual([1])
    h.clock.advance(200_000)
    expect(await assigned(h, 'b')).toEqual([0, 1])
    expect((await h.get(`${at('a')}/subscription`)).status).toBe(404)
  })

  it.each([
    ['earliest', 200, [{ offset: 0 }]],
    ['latest', 200, []],
    ['none', 500, { error_code: 50002 }],
  ])('begins by auto.offset.reset where nothing is committed: %s', async (reset, status, body) => {
    const h = harness({ topics: { t: 1 } })
    fill(h, 0, 1)
    await member(h, 'a', { 'auto.offset.reset': reset, 'fetch.min.bytes': 0 })
    const polling = h.get(`${at('a')}/records?timeout=1`, { accept: BINARY })
    if (reset === 'latest') {
      await until(() => h.log.waiting > 0)
      h.clock.advance(1)
    }
    expect(await answer(await polling)).toMatchObject([status, body])
  })

  it('may seek within its partitions, past a record that is not JSON too', async () => {
    const h = harness({ topics: { t: 1 } })
    for (const text of ['1', 'x', '2']) h.log.append('t', value(text))
    await member(h, 'a', { format: 'json' })
    const read = () => h.get(`${at('a')}/records?timeout=1`, { accept: JSON_FORMAT })
    expect(await answer(await read())).toMatchObject([200, [{ offset: 0 }]])
    expect((await read()).status).toBe(408)
    const offsets = [{ topic: 't', partition: 0, offset: 2 }]
    expect((await h.post(`${at('a')}/positions`, { offsets }, V2)).status).toBe(204)
    expect(await answer(await read())).toMatchObject([200, [{ offset: 2 }]])
    const others = { offsets: [{ topic: 't', partition: 1, offset: 2 }] }
    expect((await h.post(`${at('a')}/positions`, others, V2)).status).toBe(409)
  })

  it('follows a topic that is made later, and begins again with one that is recreated', async () => {
    const h = harness({ autoCreate: false })
    await member(h, 'a', { 'auto.commit.enable': true })
    expect(await poll(h, 'a')).toEqual([])
    h.log.createTopic('t', { partitions: 1 })
    fill(h, 0, 2)
    expect(await poll(h, 'a')).toEqual(['0:0', '0:1'])
    await remove(h, 'a')
    h.log.recreateTopic('t')
    fill(h, 0, 1)
    await member(h, 'b')
    expect(await poll(h, 'b')).toEqual(['0:0'])
  })

  it('changes its topics with another subscription, and has none after it was ended', async () => {
    const h = harness({ topics: { t: 1, u: 2 } })
    await member(h, 'a')
    await subscribe(h, 'a', ['u'])
    expect(await assigned(h, 'a')).toEqual([0, 1])
    expect((await h.app.request(`${at('a')}/subscription`, { method: 'DELETE' })).status).toBe(204)
    expect(await answer(await h.get(`${at('a')}/subscription`))).toEqual([200, { topics: [] }])
    expect(await answer(await h.get(`${at('a')}/records`, { accept: BINARY }))).toMatchObject([
      409,
      { error_code: 40903 },
    ])
    expect(
      (await h.post(`${at('a')}/assignments`, { partitions: [{ topic: 't', partition: 0 }] }, V2)).status,
    ).toBe(204)
  })

  it('cannot have partitions by hand as well, in either order', async () => {
    const h = harness({ topics: { t: 1 } })
    const partitions = [{ topic: 't', partition: 0 }]
    await member(h, 'a')
    const refused = [409, { error_code: 40903, message: expect.stringContaining('mutually exclusive') }]
    expect(await answer(await h.post(`${at('a')}/assignments`, { partitions }, V2))).toEqual(refused)
    await create(h, 'b')
    await h.post(`${at('b')}/assignments`, { partitions }, V2)
    expect(await answer(await h.post(`${at('b')}/subscription`, { topics: ['t'] }, V2))).toEqual(refused)
  })

  it('ends a poll that waits when it is deleted', async () => {
    const h = harness({ topics: { t: 1 } })
    await member(h, 'a')
    const polling = h.get(`${at('a')}/records`, { accept: BINARY })
    await until(() => h.log.waiting > 0)
    await remove(h, 'a')
    expect(await answer(await polling)).toMatchObject([404, { error_code: 40403 }])
  })
})

describe('a consumer instance with partitions by hand', () => {
  it('commits for its group, and begins where the group stopped', async () => {
    const h = harness({ topics: { t: 2 } })
    fill(h, 0, 2)
    const partitions = [{ topic: 't', partition: 0 }]
    await create(h, 'a', { 'auto.commit.enable': true })
    await h.post(`${at('a')}/assignments`, { partitions }, V2)
    expect(await poll(h, 'a')).toEqual(['0:0', '0:1'])
    await remove(h, 'a')
    fill(h, 0, 1)
    await create(h, 'b')
    await h.post(`${at('b')}/assignments`, { partitions }, V2)
    expect(await poll(h, 'b')).toEqual(['0:2'])
  })

  it('cannot commit for a group that has members', async () => {
    const h = harness({ topics: { t: 1 } })
    await member(h, 'a')
    await create(h, 'b')
    const offsets = [{ topic: 't', partition: 0, offset: 0 }]
    expect(await answer(await commit(h, 'b', { offsets }))).toMatchObject([409, { error_code: 40903 }])
  })
})

describe('the types of consumer requests', () => {
  it.each([BINARY, JSON_FORMAT])('may be those of records, as kafka-rest has it: %s', async (type) => {
    const h = harness()
    const headers = { 'content-type': type, accept: type }
    const init = { method: 'POST', headers, body: '{"name":"a"}' }
    const created = await h.app.request('/consumers/g', init)
    expect([created.status, created.headers.get('content-type')]).toEqual([200, type])
  })
})

describe('what of API v2 is not had', () => {
  it.each([
    ['POST', `${at('a')}/subscription`, { topic_pattern: 't.*' }, 'topics'],
    ['GET', `${at('a')}/topics/t`, undefined, 'records'],
    ['GET', '/topics/t/partitions/0/messages?offset=0', undefined, 'records'],
    ['POST', '/consumers/g', { format: 'protobuf' }, 'binary or json'],
  ])('is 501 and says what to do: %s %s', async (method, path, body, word) => {
    const h = harness({ topics: { t: 1 } })
    await create(h, 'a')
    const init =
      body === undefined
        ? { method }
        : { method, headers: { 'content-type': V2 }, body: JSON.stringify(body) }
    expect(await answer(await h.app.request(path, init))).toEqual([
      501,
      { error_code: 501, message: expect.stringContaining(word) },
    ])
  })

  it('is one broker, as partitions say', async () => {
    expect(await answer(await harness().get('/brokers'))).toEqual([200, { brokers: [0] }])
  })

  it.each([
    ['subscription', {}, 422],
    ['subscription', { topics: [] }, 422],
    ['subscription', { topics: Array.from({ length: 300 }, (_, n) => `t${n}`) }, 413],
    ['offsets', { offsets: [{ topic: 't', partition: 0, offset: -1 }] }, 422],
    ['offsets', { offsets: [{ topic: 't', partition: 0, offset: Number.MAX_SAFE_INTEGER }] }, 422],
    ['offsets', { offsets: [{ topic: 't', partition: 0, offset: 0, metadata: 'x'.repeat(5000) }] }, 422],
    ['offsets', { offsets: [{ topic: 't', partition: 9, offset: 0 }] }, 404],
  ])('is refused: %s of %j', async (path, body, status) => {
    const h = harness({ topics: { t: 1 } })
    await create(h, 'a')
    expect((await h.post(`${at('a')}/${path}`, body, V2)).status).toBe(status)
    expect((await h.post(`${at('a')}/${path}`, '{}', 'text/plain')).status).toBe(415)
    expect(h.errors).toEqual([])
  })
})

describe('committed offsets over a socket', () => {
  let gateway: RunningGateway | undefined
  afterEach(() => gateway?.close())

  it('are asked for by a GET with a body, as kafka-rest has it, and committed by a POST without one', async () => {
    gateway = await startGateway({ memory: { topics: { t: 2 } } })
    const { url, log } = gateway
    log.append('t', value('1'))
    const call = (method: string, path: string, body?: unknown) =>
      new Promise<[number | undefined, unknown]>((resolve, reject) => {
        const text = body === undefined ? '' : JSON.stringify(body)
        const type = body === undefined ? {} : { 'content-type': V2 }
        const headers = { accept: BINARY, 'content-length': Buffer.byteLength(text), ...type }
        const sent = request(`${url}${path}`, { method, headers })
        sent.on('error', reject)
        sent.on('response', (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const said = Buffer.concat(chunks).toString()
            resolve([response.statusCode, said === '' ? undefined : JSON.parse(said)])
          })
        })
        sent.end(text)
      })
    await call('POST', '/consumers/g', { name: 'a', 'auto.offset.reset': 'earliest', 'fetch.min.bytes': 0 })
    await call('POST', `${at('a')}/subscription`, { topics: ['t'] })
    expect(await call('GET', `${at('a')}/records`)).toMatchObject([200, [{ offset: 0 }]])
    const accepted = await fetch(`${url}${at('a')}/offsets`, { method: 'POST' })
    expect([accepted.status, await accepted.json()]).toEqual([200, []])
    const partitions =
      log.offsets('t', 0).end === 1 ? [{ topic: 't', partition: 0 }] : [{ topic: 't', partition: 1 }]
    expect(await call('GET', `${at('a')}/offsets`, { partitions })).toMatchObject([
      200,
      { offsets: [{ ...partitions[0], offset: 1, metadata: '' }] },
    ])
    expect(await call('GET', `${at('a')}/offsets`, { partitions: 7 })).toMatchObject([422, {}])
  })
})
