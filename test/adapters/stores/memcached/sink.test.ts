import { inspect } from 'node:util'
import { Memcache } from 'memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  memcached,
  type MemcachedConnection,
  type MemcachedServer,
  memcachedSink,
  type MetaRequest,
} from '../../../../adapters/stores/memcached.ts'
import type { KedgeError } from '../../../../src/ports/errors.ts'
import type { Sink, SinkWrite } from '../../../../src/ports/sink.ts'
import { withoutMemcached } from '../../../store-servers/memcached.ts'
import { openWay, type Way } from './way.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value: string | null, major: number, ttlMs?: number): SinkWrite => ({
  key,
  value: value === null ? null : utf8(value),
  version: [major, 0],
  ttlMs,
})
const DAY_MS = 86_400_000

/** The connection of a process that stands still once, after a server's answer of that number. */
function standingStill(
  connection: MemcachedConnection,
  answer: number,
  then: () => void,
): MemcachedConnection {
  const answers = new Map<string, number>()
  const frozen = (server: MemcachedServer): MemcachedServer => ({
    id: server.id,
    weight: server.weight,
    async open(signal) {
      const session = await server.open(signal)
      return {
        async exchange(requests, inner) {
          const replies = await session.exchange(requests, inner)
          const count = (answers.get(server.id) ?? 0) + 1
          answers.set(server.id, count)
          if (count === answer) then()
          return replies
        },
      }
    },
  })
  const servers = new Map(connection.servers().map((server) => [server.id, frozen(server)]))
  return {
    name: connection.name,
    servers: () => [...servers.values()],
    serverOf: (key) => servers.get(connection.serverOf(key).id)!,
  }
}

describe.skipIf(withoutMemcached() !== undefined)('a topic in three servers of Memcached', () => {
  let way: Way
  let sink: Sink
  const text = async (key: string) => (await way.get(key))?.toString()
  const write = (next: number, ...writes: SinkWrite[]) =>
    sink.write('orders', { epoch: 'e1', partition: 0, next, writes })
  // Keys that differ in a digit stand close together on the ring.
  const keys = Array.from({ length: 200 }, (_, at) => `key:${Math.imul(at, 2_654_435_761) >>> 0}`)

  beforeAll(async () => {
    way = await openWay(3)
  })
  afterAll(() => way?.stop())
  beforeEach(async () => {
    await way.wipe()
    sink = memcachedSink(way.connection)
    await sink.begin('orders', 'e1', 'topic-1')
  })

  it('spreads keys over the servers as every client with the same nodes does, with flags 0', async () => {
    await write(1, ...keys.map((key) => put(key, `value of ${key}`, 1)))
    const used = new Set(keys.map((key) => way.serverOf(key)))
    expect(used.size).toBe(3)
    for (const key of keys) expect(await text(key)).toBe(`value of ${key}`)
    expect(await way.serverOf('key:0').command('get key:0\r\n')).toMatch(/^VALUE key:0 0 14\r\n/)
  })

  it('keeps a life of more than 30 days, which the server would take for a time in 1970', async () => {
    const lives = [29 * DAY_MS, 30 * DAY_MS, 31 * DAY_MS, 365 * DAY_MS, 40_000 * DAY_MS, undefined]
    await write(1, ...lives.map((ttl, at) => put(`life:${at}`, 'x', 1, ttl)))
    const left = await Promise.all(
      lives.map(async (_, at) => {
        const answer = await way.serverOf(`life:${at}`).command(`mg life:${at} t\r\n`)
        return Number(/ t(-?\d+)/.exec(answer)?.[1])
      }),
    )
    for (const [at, days] of [29, 30, 31, 365].entries()) {
      expect(Math.abs((left[at] ?? 0) - days * 86_400)).toBeLessThan(10)
    }
    expect(left.slice(4)).toEqual([-1, -1])
  })

  it.each([1, 2, 3])(
    'lets no value live longer because the process stood still after answer %d of a write',
    async (answer) => {
      await write(1, put('short', 'old', 1))
      const frozenMs = 20_000
      const clock = Date.now.bind(Date)
      const frozen = standingStill(way.connection, answer, () => {
        vi.spyOn(Date, 'now').mockImplementation(() => clock() + frozenMs)
      })
      sink = memcachedSink(frozen)
      const writes = [
        put('long', 'x', 2, 90 * DAY_MS),
        put('hour', 'x', 2, 3_600_000),
        put('short', 'x', 2, 10_000),
      ]
      await sink.write('orders', { epoch: 'e1', partition: 0, next: 2, writes })
      const left = async (key: string) =>
        Number(/ t(-?\d+)/.exec(await way.serverOf(key).command(`mg ${key} t\r\n`))?.[1])
      // The server's clock went on by itself, and a life beyond 30 days ends at a time of that clock.
      expect(Math.abs((await left('long')) - 90 * 86_400)).toBeLessThanOrEqual(4)
      expect(Math.abs((await left('hour')) - (3600 - frozenMs / 1000))).toBeLessThanOrEqual(4)
      expect(await text('short')).toBeUndefined()
    },
  )

  it('refuses keys that no `get` could name, says why, and writes the rest', async () => {
    const bad = ['', 'a b', 'line\nbreak', 'tab\t', '\u0000', 'x'.repeat(251), 'é'.repeat(126), '\ud800']
    const good = ['x'.repeat(250), 'é'.repeat(125), 'a:b/c', '日本']
    const outcome = await write(1, ...[...bad, ...good].map((key) => put(key, key, 1)))
    expect(outcome).toMatchObject({ outcome: 'written', written: 4 })
    expect(outcome.refused.map(({ index }) => index)).toEqual(bad.map((_, at) => at))
    for (const key of good) expect(await text(key)).toBe(key)
    // The companions of the longest keys do not fit beside them as they are.
    expect(await write(2, put(good[0]!, 'older', 0))).toMatchObject({ superseded: 1 })
  })

  it('refuses a value that does not fit, and leaves no older one in its place', async () => {
    await write(1, put('sent', 'old', 1), put('not sent', 'old', 1), put('unsent', 'old', 1))
    const outcome = await write(
      2,
      put('sent', 'x'.repeat(1_048_576), 2),
      put('unsent', 'x'.repeat(1_048_577), 2),
      put('fits', 'x'.repeat(1_000_000), 2),
    )
    expect(outcome).toMatchObject({ outcome: 'written', written: 1 })
    expect(outcome.refused).toEqual([
      { index: 0, reason: 'SERVER_ERROR object too large for cache' },
      { index: 1, reason: 'the value is larger than 1048576 bytes' },
    ])
    expect([await text('sent'), await text('unsent')]).toEqual([undefined, undefined])
    expect((await text('fits'))?.length).toBe(1_000_000)
    expect(await write(3, put('unsent', 'older', 1))).toMatchObject({ superseded: 1 })
  })

  it('notices one of the servers that was wiped', async () => {
    await write(5, ...keys.map((key) => put(key, 'x', 4)))
    await way.servers[1]!.wipe()
    expect((await write(6, put('key:1', 'y', 5))).outcome).toBe('wiped')
    expect(await sink.state('orders')).toBeUndefined()
    await sink.begin('orders', 'e2', undefined)
    const again = { epoch: 'e2', partition: 0, next: 5, writes: keys.map((key) => put(key, 'again', 1)) }
    expect(await sink.write('orders', again)).toMatchObject({ outcome: 'written', written: 200 })
    for (const key of keys) expect(await text(key)).toBe('again')
  })

  it('notices one of the servers that was killed and came back empty, with the same client', async () => {
    await write(5, ...keys.map((key) => put(key, 'x', 4)))
    const server = way.servers[2]!
    server.kill()
    const down = await write(6, ...keys.map((key) => put(key, 'y', 5))).catch((error: unknown) => error)
    expect(down).toMatchObject({ code: 'ERR_NETWORK', retryable: true })
    // No other server has got the keys of the server that is down.
    await server.restart()
    for (const key of keys) {
      for (const other of way.servers) {
        if (other !== way.serverOf(key)) expect(await other.get(key)).toBeUndefined()
      }
    }
    expect((await write(6, put('key:1', 'y', 5))).outcome).toBe('wiped')
  })

  it('notices a server that is taken out, and one that is put in', async () => {
    const nodes = way.servers.map(({ host, port }) => `${host}:${port}`)
    const client = new Memcache({ nodes })
    try {
      const changing = memcachedSink(memcached(client))
      const batch = { epoch: 'e1', partition: 0, next: 5, writes: [put('a', 'x', 4)] }
      expect((await changing.write('orders', batch)).outcome).toBe('written')
      await client.removeNode(nodes[2]!)
      expect((await changing.write('orders', batch)).outcome).toBe('wiped')
      expect(await changing.state('orders')).toBeUndefined()
      await changing.begin('orders', 'e2', undefined)
      expect((await changing.write('orders', { ...batch, epoch: 'e2' })).outcome).toBe('written')
      await client.addNode(nodes[2]!)
      expect((await changing.write('orders', { ...batch, epoch: 'e2' })).outcome).toBe('wiped')
      expect(await changing.state('orders')).toBeUndefined()
    } finally {
      await client.disconnect()
    }
  })

  it('writes nothing for an epoch whose markers are of other servers', async () => {
    await write(5, put('a', 'x', 4))
    const fewer = memcachedSink(
      memcached({ ...way.connection, hash: { getNodesByKey: () => [] }, getNodes: () => [] }),
    )
    expect(await fewer.state('orders')).toBeUndefined()
  })

  it('takes foreign bytes in the place of a version or a marker for none', async () => {
    await write(5, put('a', 'x', 4))
    await way.serverOf('a').command('set kedge:v:a 0 0 7\r\ngarbage\r\n')
    expect((await write(6, put('a', 'y', 3))).outcome).toBe('written')
    expect(await text('a')).toBe('y')
    for (const garbage of ['', '[]', '{"epoch":"e1"}', 'x'.repeat(100_000)]) {
      await way.servers[0]!.command(`set kedge:sync:orders 0 0 ${garbage.length}\r\n${garbage}\r\n`)
      expect(await sink.state('orders')).toBeUndefined()
    }
    await sink.begin('orders', 'e2', undefined)
    expect((await sink.state('orders'))?.epoch).toBe('e2')
  })

  it('takes back a value that arrives after a newer one was written and deleted', async () => {
    let arrive = () => {}
    const arrival = new Promise<void>((resolve) => (arrive = resolve))
    const slow: Sink = memcachedSink(
      held(way.another, ({ verb, key }) => verb === 'ms' && key === 'a', arrival),
    )
    const late = slow.write('orders', { epoch: 'e1', partition: 0, next: 1, writes: [put('a', 'older', 1)] })
    // It has seen that there is no such key, and has left a marker for it.
    await expect.poll(() => way.serverOf('a').get('kedge:v:a')).toBeDefined()
    await write(2, put('a', 'newer', 2))
    await write(3, put('a', null, 3))
    arrive()
    expect(await late).toMatchObject({ outcome: 'written', written: 0, superseded: 1 })
    expect(await text('a')).toBeUndefined()
  })

  it('deletes what came in after it had found nothing to delete', async () => {
    let [add, raise] = [() => {}, () => {}]
    const adding = new Promise<void>((resolve) => (add = resolve))
    const raising = new Promise<void>((resolve) => (raise = resolve))
    let [adds, looks] = [0, 0]
    const writer = memcachedSink(
      held(
        way.another,
        ({ verb, key }) => verb === 'ms' && key === 'a',
        adding,
        () => adds++,
      ),
    )
    const deleter = memcachedSink(
      held(
        way.connect(),
        ({ verb, key }) => verb === 'ms' && key === 'kedge:v:a',
        raising,
        () => looks++,
      ),
    )
    const batch = { epoch: 'e1', partition: 0, next: 1 }
    const writing = writer.write('orders', { ...batch, writes: [put('a', 'x', 1)] })
    await expect.poll(() => adds).toBe(1)
    const deleting = deleter.write('orders', { ...batch, writes: [put('a', null, 2)] })
    await expect.poll(() => looks).toBe(1)
    add()
    expect(await writing).toMatchObject({ written: 1 })
    raise()
    expect(await deleting).toMatchObject({ written: 1 })
    expect(await text('a')).toBeUndefined()
  })

  it('ends calls by their deadline while a server stands still, and goes on when it does', async () => {
    const quick = memcachedSink(way.connect(), { timeout: 300 })
    await write(5, put('a', 'x', 4))
    const batch = { epoch: 'e1', partition: 0, next: 6, writes: keys.map((key) => put(key, 'y', 5)) }
    await way.servers[0]!.pause()
    const late = await quick.write('orders', batch).catch((error: unknown) => error)
    expect(late).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    way.servers[0]!.resume()
    expect((await memcachedSink(way.connect()).write('orders', batch)).outcome).toBe('written')
    for (const key of keys) expect(await text(key)).toBe('y')
  })
})

/** A connection whose requests of one kind wait for `gate`. */
function held(
  connection: MemcachedConnection,
  kind: (request: MetaRequest) => boolean,
  gate: Promise<void>,
  onHeld: () => void = () => undefined,
): MemcachedConnection {
  const serverOf = (server: MemcachedServer): MemcachedServer => ({
    id: server.id,
    weight: server.weight,
    async open(signal) {
      const session = await server.open(signal)
      return {
        async exchange(requests, ends) {
          if (requests.some(kind)) {
            onHeld()
            await gate
          }
          return session.exchange(requests, ends)
        },
      }
    },
  })
  const servers = new Map(connection.servers().map((server) => [server.id, serverOf(server)]))
  return {
    name: connection.name,
    servers: () => [...servers.values()],
    serverOf: (key) => servers.get(connection.serverOf(key).id)!,
  }
}

describe.skipIf(withoutMemcached() !== undefined)('a server of Memcached', () => {
  it('that demands credentials gets them, and an error never holds them', async () => {
    const auth = { username: 'kedge', password: 'correct-horse' }
    const way = await openWay(1, { auth }, { auth })
    try {
      await memcachedSink(way.connection).begin('s', 'e', undefined)
      expect((await memcachedSink(way.another).state('s'))?.epoch).toBe('e')
      for (const options of [{}, { auth: { username: 'kedge', password: 'wrong-horse' } }]) {
        const refused = memcachedSink(way.connect(options)).state('s')
        const error = await refused.catch((reason: unknown) => reason as KedgeError)
        expect(error).toMatchObject({ code: 'ERR_AUTH', retryable: false })
        expect(inspect(error, { depth: 9 })).not.toContain('horse')
      }
    } finally {
      await way.stop()
    }
  })

  it('that demands no credentials does not store them where others could read them', async () => {
    const way = await openWay(1, {}, { auth: { username: 'kedge', password: 'correct-horse' } })
    try {
      await memcachedSink(way.connection).begin('s', 'e', undefined)
      expect(await way.servers[0]!.get('kedge:auth')).toBeUndefined()
    } finally {
      await way.stop()
    }
  })

  it('that is full and forgets nothing is an error that passes', async () => {
    const way = await openWay(1, { args: ['-m', '4', '-M'] })
    try {
      const sink = memcachedSink(way.connection)
      await sink.begin('s', 'e', undefined)
      const value = 'x'.repeat(100_000)
      const writes = Array.from({ length: 100 }, (_, at) => put(`k${at}`, value, 1))
      const full = await sink
        .write('s', { epoch: 'e', partition: 0, next: 1, writes })
        .catch((error: unknown) => error)
      expect(full).toMatchObject({ code: 'ERR_OVERLOADED', retryable: true })
      expect((await sink.state('s'))?.positions.size).toBe(0)
    } finally {
      await way.stop()
    }
  })
})

describe('options of the sink', () => {
  it('are refused by name where they are wrong or unknown', () => {
    const client = { hash: { getNodesByKey: () => [] }, getNodes: () => [] }
    const connection = memcached(client)
    expect(() => memcachedSink(connection, { prefix: 'a b' })).toThrow('`prefix`')
    expect(() => memcachedSink(connection, { timeout: 'soon' as '1s' })).toThrow('`timeout`')
    expect(() => memcachedSink(connection, { tombstoneTtl: 0 })).toThrow('`tombstoneTtl`')
    expect(() => memcachedSink(connection, { what: 1 } as object)).toThrow('`what` is not an option')
    expect(() => memcachedSink({} as typeof connection)).toThrow('`connection`')
    expect(() => memcached({} as typeof client)).toThrow('`client`')
    expect(() => memcached(client, { maxBytes: 0 })).toThrow('`maxBytes`')
    const auth = { username: 'a b', password: 'secret word' }
    expect(() => memcached(client, { auth })).toThrow(/^`auth\.username`: must not be empty or hold spaces$/)
  })
})
