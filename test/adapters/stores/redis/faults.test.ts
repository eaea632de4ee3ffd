import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ioredis, nodeRedis, redisSink, redisTier } from '../../../../adapters/stores/redis.ts'
import { slotOf } from '../../../../adapters/stores/redis/slot.ts'
import type { KedgeError } from '../../../../src/ports/errors.ts'
import type { Sink, SinkWrite } from '../../../../src/ports/sink.ts'
import { type RedisServer, startRedis, withoutRedis } from '../../../store-servers/redis.ts'
import { openWay, type Way, WAYS } from './connections.ts'

const put = (key: string, value: string, major: number): SinkWrite => ({
  key,
  value: new TextEncoder().encode(value),
  version: [major, 0],
  ttlMs: undefined,
})
const batch = (next: number, ...writes: SinkWrite[]) => ({ epoch: 'e1', partition: 0, next, writes })
const failure = (work: Promise<unknown>): Promise<KedgeError> =>
  work.then(
    () => expect.fail('it must reject'),
    (error: unknown) => error as KedgeError,
  )

/** Until it no longer fails with an error that is worth another try. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error as KedgeError).retryable) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const reason = withoutRedis()

describe.skipIf(reason !== undefined).each(WAYS)('Redis in trouble, over %s', (name) => {
  let way: Way
  let sink: Sink
  beforeAll(async () => {
    way = await openWay(name)
  })
  afterAll(() => way?.stop())
  beforeEach(async () => {
    await way.wipe()
    sink = redisSink(way.connection, { timeout: 1500 })
    await retried(() => sink.begin('s', 'e1', undefined))
    await sink.write('s', batch(1, put('a', 'A', 0)))
  })

  it('a server that stands still lets calls end by their deadline, and goes on where it stood', async () => {
    for (const server of way.servers) server.pause()
    const error = await failure(sink.write('s', batch(2, put('a', 'B', 1))))
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    for (const server of way.servers) server.resume()
    const outcome = await retried(() => sink.write('s', batch(2, put('a', 'B', 1))))
    expect(outcome).toMatchObject({ outcome: 'written', written: 1 })
    expect(String(await way.raw('GET', 'a'))).toBe('B')
  })

  it('memory that is full is worth another try', async () => {
    for (const server of way.servers) await server.command('CONFIG', 'SET', 'maxmemory', '1')
    const error = await failure(sink.write('s', batch(2, put('a', 'B', 1))))
    expect(error).toMatchObject({ code: 'ERR_OVERLOADED', retryable: true })
    for (const server of way.servers) await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect((await sink.state('s'))?.positions.get(0)).toBe(1)
    expect(await sink.write('s', batch(2, put('a', 'B', 1)))).toMatchObject({
      outcome: 'written',
      written: 1,
    })
  })

  it('a server that was killed and comes back empty is noticed', async () => {
    const [, second = way.servers[0]] = way.servers
    second?.kill()
    const error = await failure(
      sink.write('s', batch(2, put('b', 'B', 1), put('c', 'C', 1), put('d', 'D', 1))),
    )
    expect(error.retryable, error.message).toBe(true)
    await second?.restart()
    const outcome = await retried(() => sink.write('s', batch(2, put('b', 'B', 1), put('c', 'C', 1))))
    expect(outcome.outcome).toBe('wiped')
    expect(await retried(() => sink.state('s'))).toBeUndefined()
  })
})

describe.skipIf(reason !== undefined).each(['ioredis, cluster', 'node-redis, cluster'] as const)(
  'a cluster over %s',
  (name) => {
    let way: Way
    beforeAll(async () => {
      way = await openWay(name)
    })
    afterAll(() => way?.stop())
    beforeEach(() => way.wipe())

    it('of which one node was wiped is noticed by every batch', async () => {
      const sink = redisSink(way.connection)
      await sink.begin('s', 'e1', undefined)
      for (const server of way.servers) {
        await server.wipe()
        expect((await sink.write('s', batch(1))).outcome).toBe('wiped')
        expect(await sink.state('s')).toBeUndefined()
        await sink.begin('s', 'e1', undefined)
        expect((await sink.write('s', batch(1, put('a', 'A', 0)))).outcome).toBe('written')
      }
    })

    it('of which slots move to another node is followed', async () => {
      const key = Array.from({ length: 100 }, (_, index) => `k${index}`).find((each) => slotOf(each) < 5000)!
      const sink = redisSink(way.connection)
      await sink.begin('s', 'e1', undefined)
      const [, , third] = way.servers
      const id = (await third?.command('CLUSTER', 'MYID')) ?? ''
      const owners = await Promise.all(
        way.servers.map((server) => server.command('CLUSTER', 'SETSLOT', String(slotOf(key)), 'NODE', id)),
      )
      expect(owners).toEqual(['OK', 'OK', 'OK'])
      expect(await sink.write('s', batch(1, put(key, 'moved', 0)))).toMatchObject({ written: 1 })
      expect(await third?.command('GET', key)).toBe('moved')
    })
  },
)

describe.skipIf(reason !== undefined)('a client of Redis', () => {
  let server: RedisServer
  const ends: (() => unknown)[] = []
  const client = (options: object = {}) => {
    const made = new Redis({ port: server.port, host: server.host, retryStrategy: () => 50, ...options })
    made.on('error', () => undefined)
    ends.push(() => made.disconnect())
    return made
  }
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    await server?.stop()
  })

  it('is sent no more than it may queue while the server does not answer', async () => {
    server = await startRedis()
    const other = createClient({ socket: { port: server.port, host: server.host } })
    other.on('error', () => undefined)
    await other.connect()
    ends.push(() => other.destroy())
    for (const connection of [
      ioredis(client(), { maxCommands: 20 }),
      nodeRedis(other, { maxCommands: 20 }),
    ]) {
      const tier = redisTier(connection, { timeout: 100 })
      const place = { namespace: 'n', partition: 0, logId: undefined }
      // A busy machine may need longer than 100 ms for the first call, which loads the script.
      await retried(() => tier.getMany(place, ['a']))
      server.pause()
      const errors = await Promise.all(Array.from({ length: 40 }, () => failure(tier.getMany(place, ['a']))))
      const codes = errors.map(({ code }) => code)
      expect(codes.filter((code) => code === 'ERR_OVERLOADED')).toHaveLength(20)
      expect(codes.filter((code) => code === 'ERR_TIMEOUT')).toHaveLength(20)
      server.resume()
      await retried(() => tier.getMany(place, ['a']))
    }
  })

  it('without a password fails once with an error that leaves out the password', async () => {
    server = await startRedis({ settings: { requirepass: 'open-sesame' } })
    const wrong = client({ password: 'not-sesame' })
    for (const made of [client(), wrong]) {
      const error = await failure(redisSink(ioredis(made)).state('s'))
      expect(error).toMatchObject({ code: 'ERR_AUTH', retryable: false })
      expect(JSON.stringify([error.message, String(error.cause)])).not.toContain('sesame')
    }
    const right = redisSink(ioredis(client({ password: 'open-sesame' })))
    expect(await right.state('s')).toBeUndefined()
  })

  it('whose user may not write there fails with ERR_AUTH', async () => {
    server = await startRedis()
    await server.command('ACL', 'SETUSER', 'reader', 'on', '>secret', '~kedge:*', '+@all')
    const sink = redisSink(ioredis(client({ username: 'reader', password: 'secret' })))
    await sink.begin('s', 'e1', undefined)
    const error = await failure(sink.write('s', batch(1, put('theirs', 'x', 0))))
    expect(error).toMatchObject({ code: 'ERR_AUTH', retryable: false })
    expect(error.message).not.toContain('secret')
  })

  it('needs no more of its user than the documentation says', async () => {
    server = await startRedis()
    const page = await readFile(new URL('../../../../docs/redis.md', import.meta.url), 'utf8')
    const rule = /ACL SETUSER kedge on >PASSWORD (.*)/.exec(page)?.[1]?.split(' ') ?? []
    await server.command('ACL', 'SETUSER', 'kedge', 'on', '>secret', ...rule)
    const connection = ioredis(client({ username: 'kedge', password: 'secret' }))
    const sink = redisSink(connection)
    await sink.begin('s', 'e1', 'topic')
    expect(await sink.write('s', batch(1, put('user:7', 'A', 0)))).toMatchObject({ written: 1 })
    expect((await sink.state('s'))?.epoch).toBe('e1')
    const tier = redisTier(connection)
    const place = { namespace: 'n', partition: 0, logId: undefined }
    await tier.applier!.begin(0, { position: 0, logId: undefined })
    const value = { bytes: new Uint8Array(3), asOf: 0, version: undefined, ttlMs: 60_000 }
    await tier.setMany(place, [
      { key: 'a', ...value },
      { key: 'b', ...value },
      { key: 'c', ...value },
    ])
    await tier.deleteMany(place, ['c'], 9)
    const eviction = { offset: 0, namespace: undefined, keys: ['a'], group: false, version: undefined }
    const group = { ...eviction, offset: 1, keys: [], group: true, namespace: 'other' }
    const evictions = { partition: 0, logId: undefined, from: 0, to: 2, evictions: [eviction, group] }
    expect(await tier.applier!.apply(evictions)).toBe('applied')
    expect([...(await tier.getMany(place, ['a', 'b', 'c'])).items.keys()]).toEqual(['b'])
  })

  it('waits for a replica that is about to be a master', async () => {
    server = await startRedis()
    const sink = redisSink(ioredis(client()))
    await sink.begin('s', 'e1', undefined)
    await server.command('REPLICAOF', '127.0.0.1', '1')
    const error = await failure(sink.write('s', batch(1, put('a', 'A', 0))))
    expect(error).toMatchObject({ code: 'ERR_NETWORK', retryable: true })
    expect(error.message).toContain('READONLY')
    await server.command('REPLICAOF', 'NO', 'ONE')
    expect(await sink.write('s', batch(1, put('a', 'A', 0)))).toMatchObject({ written: 1 })
  })

  it('finds that a server came back with an older snapshot', async () => {
    server = await startRedis({ settings: { dbfilename: 'dump.rdb' } })
    const sink = redisSink(ioredis(client()))
    await sink.begin('s', 'e1', undefined)
    await sink.write('s', batch(5, put('a', 'A', 4)))
    await server.command('SAVE')
    await sink.write('s', batch(9, put('a', 'B', 8)))
    server.kill()
    await server.restart()
    expect((await retried(() => sink.write('s', batch(12, put('b', 'B', 11))))).outcome).toBe('wiped')
    expect((await sink.state('s'))?.positions).toEqual(new Map([[0, 5]]))
    expect((await sink.write('s', batch(9, put('a', 'B', 8)))).outcome).toBe('written')
  })

  it('with a prefix of its own is refused, and so is what is no client', () => {
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'app:' })
    expect(() => ioredis(prefixed)).toThrow('`keyPrefix`')
    expect(() => ioredis({} as Redis)).toThrow('`client`')
    expect(() => nodeRedis({} as ReturnType<typeof createClient>)).toThrow('`client`')
    expect(() => ioredis(new Redis({ lazyConnect: true }), { maxCommands: 0 })).toThrow('`maxCommands`')
  })
})
