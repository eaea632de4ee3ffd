import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RedisConnection, redisSink } from '../../../../adapters/stores/redis.ts'
import { slotOf } from '../../../../adapters/stores/redis/slot.ts'
import type { Sink, SinkWrite } from '../../../../src/ports/sink.ts'
import { withoutRedis } from '../../../store-servers/redis.ts'
import { openWay, type Way, WAYS } from './connections.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const put = (
  key: string,
  value: string | Uint8Array,
  major: number,
  more: Partial<SinkWrite> = {},
): SinkWrite => ({
  key,
  value: typeof value === 'string' ? utf8(value) : value,
  version: [major, 0],
  ttlMs: undefined,
  ...more,
})
const drop = (key: string, major: number): SinkWrite => ({
  key,
  value: null,
  version: [major, 0],
  ttlMs: undefined,
})

describe.skipIf(withoutRedis() !== undefined).each(WAYS)('a topic in Redis over %s', (name) => {
  let way: Way
  let sink: Sink
  const get = async (key: string) => {
    const found = await way.raw('GET', key)
    return found === null ? null : (found as Buffer).toString('latin1')
  }
  const write = (next: number, ...writes: SinkWrite[]) =>
    sink.write('orders', { epoch: 'e1', partition: 0, next, writes })

  beforeAll(async () => {
    way = await openWay(name)
  })
  afterAll(() => way?.stop())
  beforeEach(async () => {
    await way.wipe()
    sink = redisSink(way.connection)
    await sink.begin('orders', 'e1', 'topic-1')
  })

  it('knows nothing of a stream that was not begun', async () => {
    expect(await sink.state('others')).toBeUndefined()
    const outcome = await sink.write('others', {
      epoch: 'e1',
      partition: 0,
      next: 1,
      writes: [put('a', 'A', 0)],
    })
    expect(outcome.outcome).toBe('wiped')
    expect(await get('a')).toBeNull()
  })

  it('keeps values that any client can read, and the position with them', async () => {
    const writes = [
      put('user:7:latest', 'seven', 3),
      put('{order:9}:header', 'nine', 4),
      put('', 'nothing', 5),
    ]
    expect(await write(6, ...writes)).toEqual({ outcome: 'written', written: 3, superseded: 0, refused: [] })
    expect(await get('user:7:latest')).toBe('seven')
    expect(await get('{order:9}:header')).toBe('nine')
    expect(await get('')).toBe('nothing')
    expect(await sink.state('orders')).toEqual({
      epoch: 'e1',
      logId: 'topic-1',
      positions: new Map([[0, 6]]),
    })
    expect(await redisSink(way.connection).state('orders')).toEqual(await sink.state('orders'))
  })

  it('moves no key and no position backwards', async () => {
    await write(10, put('a', 'new', 9), drop('b', 8))
    const again = await write(5, put('a', 'old', 4), put('b', 'old', 4))
    expect(again).toEqual({ outcome: 'written', written: 0, superseded: 2, refused: [] })
    expect([await get('a'), await get('b')]).toEqual(['new', null])
    expect((await sink.state('orders'))?.positions).toEqual(new Map([[0, 10]]))
  })

  it('writes the same version once more, as often as it is asked to', async () => {
    await write(2, put('a', 'A', 1), drop('b', 1))
    await way.raw('DEL', 'a')
    expect((await write(2, put('a', 'A', 1), drop('b', 1))).written).toBe(2)
    expect(await get('a')).toBe('A')
  })

  it('compares versions as two numbers, exact up to 2^53', async () => {
    const top = Number.MAX_SAFE_INTEGER
    const pair = (value: string, major: number, minor: number) =>
      put('a', value, 0, { version: [major, minor] })
    for (const [value, major, minor, wins] of [
      ['first', top - 1, top - 1, true],
      ['minor less', top - 1, top - 2, false],
      ['minor more', top - 1, top, true],
      ['major more', top, 0, true],
      ['major less', top - 1, top, false],
      ['ten', top, 10, true],
      ['nine', top, 9, false],
    ] as const) {
      expect((await write(1, pair(value, major, minor))).written, value).toBe(wins ? 1 : 0)
    }
    expect(await get('a')).toBe('ten')
  })

  it('lets values live for their time to live, and remembers versions longer', async () => {
    await write(1, put('a', 'A', 0, { ttlMs: 60_000 }), put('b', 'B', 0, { ttlMs: 0 }), drop('c', 0))
    expect(Number(await way.raw('PTTL', 'a'))).toBeGreaterThan(50_000)
    expect(await get('b')).toBeNull()
    await way.raw('DEL', 'a')
    expect(await write(1, put('a', 'older', -1), put('b', 'older', -1), put('c', 'older', -1))).toMatchObject(
      {
        superseded: 3,
      },
    )
    await write(2, put('a', 'for ever', 1))
    expect(Number(await way.raw('PTTL', 'a'))).toBe(-1)
  })

  it.each(['the state', 'calls that others follow', 'a call whose script is not there'])(
    'lets no value live longer because the process stood still after the answer to %s',
    async (kind) => {
      const { connection } = way
      const frozenMs = 20_000
      const clock = Date.now.bind(Date)
      let stillAfter = 2
      const frozen: RedisConnection = {
        name: connection.name,
        cluster: connection.cluster,
        binary: connection.binary,
        maxPipelineBytes: connection.maxPipelineBytes,
        async pipeline(commands, options) {
          const replies = await connection.pipeline(commands, options)
          if (--stillAfter === 0) vi.spyOn(Date, 'now').mockImplementation(() => clock() + frozenMs)
          return replies
        },
      }
      await write(1, put('short', 'old', 0))
      // From here on the servers know the script that reads it.
      await sink.state('orders')
      sink = redisSink(frozen, { writesPerCall: 1 })
      await sink.state('orders')
      // Another sink reads it in the midst of its first write.
      if (kind === 'the state') sink = redisSink(frozen, { writesPerCall: 1 })
      if (kind === 'a call whose script is not there')
        for (const server of way.servers) await server.command('SCRIPT', 'FLUSH')
      // More than go at once.
      const before = kind === 'calls that others follow' ? 1000 : 0
      await write(
        2,
        ...Array.from({ length: before }, (_, n) => put(`before:${n}`, 'x', 1)),
        put('short', 'x', 1, { ttlMs: 10_000 }),
        put('hour', 'x', 1, { ttlMs: 3_600_000 }),
      )
      const left = Number(await way.raw('PTTL', 'hour'))
      expect(left).toBeLessThanOrEqual(3_600_000 - frozenMs)
      expect(left).toBeGreaterThan(3_600_000 - frozenMs - 10_000)
      expect(await get('short')).toBeNull()
    },
  )

  it('carries every byte, and values of a megabyte', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, index) => index)
    const random = new Uint8Array(1_000_000).map((_, index) => (index * 2_654_435_761) >>> 24)
    await write(
      1,
      put('all', all, 0),
      put('text', 'é€😀\u0000', 0),
      put('large', random, 0),
      put('empty', '', 0),
    )
    expect(await way.raw('GET', 'all')).toEqual(Buffer.from(all))
    expect(await way.raw('GET', 'text')).toEqual(Buffer.from('é€😀\u0000'))
    expect(Buffer.compare((await way.raw('GET', 'large')) as Buffer, random)).toBe(0)
    expect(await get('empty')).toBe('')
  })

  it('keeps a companion in the slot of every key, whatever its braces', async () => {
    const keys = ['plain', '{tag}rest', 'a}b', '{}empty', '{', '}{', '{{x}}', 'é{ü}', 'x{}{y}', '']
    expect((await write(1, ...keys.map((key) => put(key, key, 0)))).written).toBe(keys.length)
    const again = await write(1, ...keys.map((key) => put(key, 'older', -1)))
    expect(again.superseded).toBe(keys.length)
    for (const key of keys) expect(await get(key)).toBe(Buffer.from(key).toString('latin1'))
  })

  it('refuses what the store does not take, and writes the rest', async () => {
    await way.raw('HSET', 'theirs', 'field', 'value')
    const writes = [
      put('theirs', 'x', 0),
      put('a', 'A', 0),
      drop('theirs', 0),
      put('kedge:v:x', 'x', 0),
      put('\ud800', 'x', 0),
    ]
    const outcome = await write(1, ...writes)
    expect(outcome).toMatchObject({ outcome: 'written', written: 1 })
    expect(outcome.refused.map(({ index }) => index)).toEqual([0, 2, 3, 4])
    expect(outcome.refused[0]?.reason).toMatch(/^WRONGTYPE/)
    expect(await way.raw('HGET', 'theirs', 'field')).toEqual(Buffer.from('value'))
    expect(await get('a')).toBe('A')
  })

  it('writes ten thousand values and deletes them', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => put(`k${index}`, `v${index}`, index))
    expect((await write(10_000, ...many)).written).toBe(10_000)
    expect([await get('k0'), await get('k9999')]).toEqual(['v0', 'v9999'])
    const none = many.map(({ key }) => drop(key, 20_000))
    expect((await write(20_000, ...none)).written).toBe(10_000)
    expect(await get('k5000')).toBeNull()
  })

  it('goes on when the server has forgotten the scripts', async () => {
    await write(1, put('a', 'A', 0))
    for (const server of way.servers) await server.command('SCRIPT', 'FLUSH')
    expect((await write(2, put('a', 'B', 1), put('b', 'B', 1))).written).toBe(2)
  })

  it('notices a wiped store, and says so until `begin` is called again', async () => {
    await write(5, put('a', 'A', 4))
    await way.wipe()
    expect(await write(6, put('b', 'B', 5))).toMatchObject({ outcome: 'wiped' })
    expect(await sink.state('orders')).toBeUndefined()
    await sink.begin('orders', 'e2', undefined)
    expect(await sink.state('orders')).toEqual({ epoch: 'e2', logId: undefined, positions: new Map() })
    expect((await write(7, put('b', 'B', 6))).outcome).toBe('wiped')
    const batch = { epoch: 'e2', partition: 0, next: 1, writes: [put('a', 'again', 0)] }
    expect(await sink.write('orders', batch)).toMatchObject({ outcome: 'written', written: 1 })
  })

  it('notices a store that went back, by the positions of all partitions', async () => {
    await write(5, put('a', 'A', 4))
    await sink.write('orders', { epoch: 'e1', partition: 1, next: 9, writes: [] })
    // As a failover leaves it that lost the last writes of one node.
    const [marker = ''] = await markersOf(way)
    await way.raw('HSET', marker, 'p:0', '3')
    const batch = { epoch: 'e1', partition: 1, next: 10, writes: [] }
    expect((await sink.write('orders', batch)).outcome).toBe('wiped')
    expect((await sink.write('orders', batch)).outcome).toBe('wiped')
    expect((await sink.state('orders'))?.positions.get(0)).toBe(3)
    expect((await write(6, put('a', 'A', 4))).outcome).toBe('written')
  })

  it('writes nothing after a loss that a look alone has found, however often it looked', async () => {
    await write(5, put('a', 'A', 4))
    await sink.write('orders', { epoch: 'e1', partition: 1, next: 9, writes: [] })
    const look = () => sink.state('orders', { watch: true })
    expect((await look())?.positions.get(0)).toBe(5)
    const [marker = ''] = await markersOf(way)
    await way.raw('HSET', marker, 'p:0', '3')
    expect(await look()).toBeUndefined()
    expect(await look()).toBeUndefined()
    // A batch that was under way all the time would move its position over what was lost.
    expect((await write(6, put('b', 'B', 5))).outcome).toBe('wiped')
    expect((await sink.state('orders'))?.positions.get(0)).toBe(3)
    expect((await look())?.positions.get(0)).toBe(3)
    expect((await write(6, put('b', 'B', 5))).outcome).toBe('written')
  })

  it('takes the versions of a new epoch for newer than those of the last', async () => {
    await write(1_000, put('a', 'old topic', 999))
    await sink.begin('orders', 'e2', 'topic-2', { replaces: 'e1' })
    const batch = { epoch: 'e2', partition: 0, next: 1, writes: [put('a', 'new topic', 0)] }
    expect((await sink.write('orders', batch)).written).toBe(1)
    expect((await write(1_001, put('a', 'old topic', 1_000))).outcome).toBe('wiped')
    expect(await get('a')).toBe('new topic')
  })

  it('lets two that begin at once agree on one epoch', async () => {
    const others = [redisSink(way.connection), redisSink(way.connection)]
    await Promise.all(
      others.map((other, index) => other.begin('orders', `at-once-${index}`, undefined, { replaces: 'e1' })),
    )
    const states = await Promise.all([sink, ...others].map((other) => other.state('orders')))
    expect(states[0]?.epoch).toMatch(/^at-once-/)
    expect(new Set(states.map((state) => state?.epoch)).size).toBe(1)
  })

  it('ends with the caller’s reason', async () => {
    const reason = new Error('enough')
    await expect(sink.state('orders', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

async function markersOf(way: Way): Promise<string[]> {
  const found = await Promise.all(way.servers.map((server) => server.command('KEYS', 'kedge:sync:*:orders')))
  return found.flatMap((names) => names.split('\n')).filter((key) => key !== '')
}

describe('slots', () => {
  it('are those of the cluster specification', () => {
    // From the specification, and from `CLUSTER KEYSLOT` of a server.
    expect(slotOf('123456789')).toBe(0x31c3 % 16_384)
    expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
    expect(slotOf('foo{}{bar}')).toBe(8363)
    expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  })
})

describe('options of the sink', () => {
  it('are refused by name where they are wrong or unknown', () => {
    const connection = {
      name: 'x',
      cluster: false,
      binary: true,
      maxPipelineBytes: 1,
      pipeline: async () => [],
    }
    expect(() => redisSink(connection, { prefix: 'a{b' })).toThrow('`prefix`')
    expect(() => redisSink(connection, { timeout: 'soon' as '1s' })).toThrow('`timeout`')
    expect(() => redisSink(connection, { tombstoneTtl: 0 })).toThrow('`tombstoneTtl`')
    expect(() => redisSink(connection, { what: 1 } as object)).toThrow(
      '`what` is not an option of redisSink()',
    )
    expect(() => redisSink({} as typeof connection)).toThrow('`connection`')
  })
})
