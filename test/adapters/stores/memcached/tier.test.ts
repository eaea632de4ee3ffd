import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { itemName } from '../../../../adapters/stores/shared/item-name.ts'
import { type MemcachedTier, memcachedTier } from '../../../../adapters/stores/memcached.ts'
import type { TierWrite } from '../../../../src/ports/tier.ts'
import { withoutMemcached } from '../../../store-servers/memcached.ts'
import { openWay, type Way } from './way.ts'

const PLACE = { namespace: 'users', partition: 0, logId: 'log-1' }
const write = (key: string, bytes: number | string, asOf: number): TierWrite => ({
  key,
  bytes: new TextEncoder().encode(typeof bytes === 'string' ? bytes : 'x'.repeat(bytes)),
  asOf,
  version: undefined,
  ttlMs: 60_000,
})

describe.skipIf(withoutMemcached() !== undefined)('a tier in three servers of Memcached', () => {
  let way: Way
  let tier: MemcachedTier
  const keys = Array.from({ length: 200 }, (_, at) => `key:${Math.imul(at, 2_654_435_761) >>> 0}`)
  const found = async (asked: readonly string[] = keys) => (await tier.getMany(PLACE, asked)).items
  const serverOf = async (key: string) => way.serverOf(await itemName('kedge:t:', PLACE.namespace, key))

  beforeAll(async () => {
    way = await openWay(3)
  })
  afterAll(() => way?.stop())
  beforeEach(async () => {
    await way.wipe()
    tier = memcachedTier(way.connect(), { timeout: 2000 })
  })

  it('misses what was on a server that is down, and finds it missing when that is back', async () => {
    await tier.setMany(
      PLACE,
      keys.map((key) => write(key, key, 5)),
    )
    expect((await found()).size).toBe(keys.length)
    const down = way.servers[1]!
    down.kill()
    const left = await found()
    for (const key of keys) expect([key, left.has(key)]).toEqual([key, (await serverOf(key)) !== down])
    const refused = tier.setMany(
      PLACE,
      keys.map((key) => write(key, 'newer', 6)),
    )
    await expect(refused).rejects.toMatchObject({ code: 'ERR_NETWORK', retryable: true })
    await down.restart()
    for (const [key, { asOf }] of await found()) {
      expect([key, asOf, (await serverOf(key)) === down]).toEqual([key, 6, false])
    }
    await tier.setMany(
      PLACE,
      keys.map((key) => write(key, 'newer', 6)),
    )
    expect((await found()).size).toBe(keys.length)
  })

  it('is an error when no server answers', async () => {
    const lone = keys.filter((key) => key === keys[0])
    const server = await serverOf(lone[0]!)
    server.kill()
    await expect(found(lone)).rejects.toMatchObject({ code: 'ERR_NETWORK', retryable: true })
    await server.restart()
    expect((await found(lone)).size).toBe(0)
  })

  it('leaves out a value that does not fit, and stores the others', async () => {
    await tier.setMany(PLACE, [write('large', 'old', 4), write('small', 'old', 4)])
    await tier.setMany(PLACE, [write('large', 2_000_000, 5), write('small', 'new', 5)])
    expect([...(await found(['large', 'small']))].map(([key, { asOf }]) => [key, asOf])).toEqual([
      ['small', 5],
    ])
  })

  it('counts what is no value of its own', async () => {
    const name = await itemName('kedge:t:', PLACE.namespace, 'a')
    for (const theirs of [
      '',
      'k1',
      '["k1",5,null,null]',
      '["k1",-5,null,null]\nx',
      '["k2",5,null,null]\nx',
    ]) {
      await way.serverOf(name).command(`set ${name} 0 0 ${theirs.length}\r\n${theirs}\r\n`)
      expect((await found(['a'])).size).toBe(0)
    }
    expect(tier.ignored).toBe(5)
  })

  it('reads past a value that is larger than it may be', async () => {
    const small = memcachedTier(way.connect({ maxValueBytes: 1000 }))
    await tier.setMany(PLACE, [write('large', 500_000, 5), write('small', 'x', 5)])
    for (let round = 0; round < 3; round++) {
      const { items } = await small.getMany(PLACE, ['large', 'small'])
      expect([...items.keys()]).toEqual(['small'])
    }
    expect(small.ignored).toBe(3)
  })

  it('sends no more than is allowed to be unanswered', async () => {
    const bounded = memcachedTier(way.connect({ maxRequests: 100 }), { timeout: 2000 })
    const lone = keys.filter((key) => key === keys[0])
    await bounded.getMany(PLACE, lone)
    const server = await serverOf(lone[0]!)
    await server.pause()
    const calls = await Promise.allSettled(Array.from({ length: 300 }, () => bounded.getMany(PLACE, lone)))
    const codes = calls.map((call) =>
      call.status === 'rejected' ? (call.reason as { code: string }).code : 'none',
    )
    expect(codes.filter((code) => code === 'ERR_OVERLOADED')).toHaveLength(200)
    expect(codes).not.toContain('none')
    server.resume()
    await expect.poll(() => bounded.getMany(PLACE, lone).then(({ items }) => items.size)).toBe(0)
  })
})

describe('options of the tier', () => {
  it('are refused by name where they are wrong or unknown', () => {
    const connection = { name: 'x', servers: () => [], serverOf: () => expect.unreachable() }
    expect(() => memcachedTier(connection, { timeout: 0 })).toThrow('`timeout`')
    expect(() => memcachedTier(connection, { prefix: '' })).toThrow('`prefix`')
    expect(() => memcachedTier(connection, { what: 1 } as object)).toThrow('`what` is not an option')
  })
})
