import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ioredis, type RedisConnection, redisTier } from '../../../../adapters/stores/redis.ts'
import type { TierEviction } from '../../../../src/ports/tier.ts'
import { type RedisServer, startRedis, withoutRedis } from '../../../store-servers/redis.ts'

const PLACE = { namespace: 'users', partition: 0, logId: 'L' }
const AT = { position: 5, logId: 'L' }
const value = (key: string, asOf = 5, namespace = 'users') => ({
  key,
  bytes: new TextEncoder().encode(`${namespace}/${key}`),
  asOf,
  version: undefined,
  ttlMs: 60_000,
})
const eviction = (offset: number, more: Partial<TierEviction>): TierEviction => ({
  offset,
  namespace: 'users',
  keys: [],
  group: false,
  version: undefined,
  ...more,
})
const batch = (from: number, to: number, ...evictions: TierEviction[]) => ({
  partition: 0,
  logId: 'L',
  from,
  to,
  evictions,
})

describe.skipIf(withoutRedis() !== undefined)('a tier in Redis', () => {
  let server: RedisServer
  let client: Redis
  let connection: RedisConnection
  beforeAll(async () => {
    server = await startRedis()
    client = new Redis({ port: server.port, host: server.host })
    connection = ioredis(client)
  })
  afterAll(async () => {
    client?.disconnect()
    await server?.stop()
  })
  beforeEach(() => server.wipe())

  it('keeps keys apart that are no text, and evicts them by namespace and without', async () => {
    const tier = redisTier(connection)
    await tier.applier!.begin(0, AT)
    const keys = ['\ud800', '\ud801', '~', '~"\\ud800"', '\ufffd']
    await tier.setMany(
      PLACE,
      keys.map((key) => value(key)),
    )
    expect([...(await tier.getMany(PLACE, keys)).items.keys()]).toEqual(keys)
    const named = eviction(5, { keys: ['\ud800'] })
    const nameless = eviction(6, { keys: ['\ud801', '~'], namespace: undefined })
    await tier.applier!.apply(batch(5, 7, named, nameless))
    expect([...(await tier.getMany(PLACE, keys)).items.keys()]).toEqual(['~"\\ud800"', '\ufffd'])
  })

  it('with another number of buckets is another tier', async () => {
    const one = redisTier(connection)
    const many = redisTier(connection, { buckets: 8 })
    await one.applier!.begin(0, AT)
    await one.setMany(PLACE, [value('a')])
    expect(await many.getMany(PLACE, ['a'])).toEqual({ items: new Map(), applied: undefined })
    await many.setMany(PLACE, [value('a')])
    expect((await many.getMany(PLACE, ['a'])).items.get('a')?.covered).toBe(false)
  })

  it('takes the lowest position of its buckets for all, and none where one has lost it', async () => {
    const tier = redisTier(connection, { buckets: 8 })
    await tier.applier!.begin(0, AT)
    // So many that each bucket has one of them: whichever loses its position is asked.
    const keys = Array.from({ length: 500 }, (_, index) => `k${index}`)
    await tier.setMany(
      PLACE,
      keys.map((key) => value(key, 9)),
    )
    const [state = ''] = await client.keys('kedge:tier:8:*:p:0')
    await client.hset(state, 'position', 3)
    expect(await tier.applier!.position(0)).toEqual({ position: 3, logId: 'L' })
    expect((await tier.getMany(PLACE, keys)).applied).toEqual({ position: 3, logId: 'L' })
    await client.del(state)
    const { items, applied } = await tier.getMany(PLACE, keys)
    expect(applied).toBeUndefined()
    expect([...items.values()].some(({ covered }) => covered)).toBe(false)
    expect(await tier.applier!.apply(batch(5, 6))).toBe('gap')
  })

  it('moves its position past an eviction only together with all of its keys', async () => {
    const tier = redisTier(connection, { rememberEvictions: 0 })
    await tier.applier!.begin(0, AT)
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`)
    const evictions = [5, 6, 7].map((offset) => eviction(offset, { keys }))
    const seen: (number | undefined)[] = []
    // Between any two of its steps a value may be stored that the eviction under way does not see.
    const watched: RedisConnection = {
      ...connection,
      async pipeline(commands, options) {
        const replies = await connection.pipeline(commands, options)
        const at = (await tier.applier!.position(0))?.position
        seen.push(at)
        await tier.setMany(PLACE, [value('k0', at)])
        return replies
      },
    }
    await redisTier(watched).applier!.apply(batch(5, 8, ...evictions))
    expect([...new Set(seen)].filter((at) => at !== 5)).toEqual([6, 7, 8])
    const { items, applied } = await tier.getMany(PLACE, ['k0'])
    expect([applied?.position, items.get('k0')?.asOf]).toEqual([8, 8])
  })

  it('with more namespaces than it keeps apart evicts too much rather than too little', async () => {
    const tier = redisTier(connection)
    await tier.applier!.begin(0, AT)
    const names = Array.from({ length: 1001 }, (_, index) => `n${index}`)
    await Promise.all(
      names.map((namespace) => tier.setMany({ ...PLACE, namespace }, [value('a', 5, namespace)])),
    )
    await tier.applier!.apply(batch(5, 6, eviction(5, { namespace: undefined, keys: ['a'] })))
    for (const namespace of ['n0', 'n1000']) {
      expect((await tier.getMany({ ...PLACE, namespace }, ['a'])).items.size).toBe(0)
    }
    const groups = names.map((namespace, index) => eviction(6 + index, { namespace, group: true }))
    await tier.applier!.apply(batch(6, 2000, ...groups))
    const last = { ...PLACE, namespace: 'n1000' }
    await tier.setMany(last, [value('a', 1006, 'n1000')])
    expect((await tier.getMany(last, ['a'])).items.size).toBe(0)
    expect(await client.hlen('kedge:tier:1:{0}:p:0')).toBeLessThan(2100)
  })

  it('has options that are refused by name', () => {
    expect(() => redisTier(connection, { buckets: 0 })).toThrow('`buckets`')
    expect(() => redisTier(connection, { buckets: 5000 })).toThrow('`buckets`')
    expect(() => redisTier(connection, { prefix: '' })).toThrow('`prefix`')
    expect(() => redisTier(connection, { timeout: 0 })).toThrow('`timeout`')
    expect(() => redisTier(connection, { bucket: 1 } as object)).toThrow(
      '`bucket` is not an option of redisTier()',
    )
  })
})
