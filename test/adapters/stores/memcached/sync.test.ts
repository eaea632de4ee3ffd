import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memcachedSink } from '../../../../adapters/stores/memcached.ts'
import { memory, seededRandom } from '../../../../src/testing/index.ts'
import { createSync, type Sync } from '../../../../services/sync/index.ts'
import { withoutMemcached } from '../../../store-servers/memcached.ts'
import { openWay, type Way } from './way.ts'

const PARTITIONS = 3
const KEYS = 60
const PATIENCE = { timeout: 20_000, interval: 20 }

/** A topic that remembers what it should come to. */
function topic(seed: number, deletes: boolean) {
  const random = seededRandom(seed)
  const dice = (sides: number) => Math.floor(random() * sides)
  const kafka = memory({ topics: { orders: PARTITIONS } })
  const fold = new Map<string, string | undefined>()
  let count = 0
  return {
    kafka,
    fold,
    async produce(records: number) {
      const made = Array.from({ length: records }, () => {
        const number = dice(KEYS)
        const value = deletes && dice(6) === 0 ? undefined : String(count++)
        fold.set(String(number), value)
        return {
          key: Buffer.from(String(number)),
          value: value === undefined ? null : Buffer.from(value),
          partition: number % PARTITIONS,
        }
      })
      await kafka.produce('orders', made)
    },
  }
}

describe.skipIf(withoutMemcached() !== undefined)('a topic synced into three servers of Memcached', () => {
  let way: Way
  beforeAll(async () => {
    way = await openWay(3)
  })
  afterAll(() => way?.stop())

  const syncOf = ({ kafka }: ReturnType<typeof topic>): Sync =>
    createSync({
      kafka,
      topic: 'orders',
      sink: memcachedSink(way.connect(), { timeout: '500ms' }),
      key: 'order:{key}:latest',
      format: 'string',
      maxBatch: 50,
    })

  const text = async (key: string) => (await way.get(`order:${key}:latest`))?.toString()

  async function isFold({ fold }: ReturnType<typeof topic>): Promise<void> {
    for (const [key, value] of fold) expect([key, await text(key)]).toEqual([key, value])
  }

  /** Runs two syncs at once while `trouble` goes on, and then one to the end. */
  async function underLoad(
    orders: ReturnType<typeof topic>,
    trouble: (syncs: readonly Sync[]) => Promise<void>,
  ): Promise<void> {
    const stop = new AbortController()
    const syncs = [syncOf(orders), syncOf(orders)]
    const running = syncs.map((sync) => sync.run({ signal: stop.signal }))
    await trouble(syncs)
    stop.abort()
    await Promise.all(running)
    expect((await syncs[0]!.step()).reached).toBe(true)
    await isFold(orders)
  }

  it('stays equal to it, and never goes backwards, while servers stand still one after the other', async () => {
    await way.wipe()
    const orders = topic(3, false)
    const watched = new Map<string, number>()
    const backwards: string[] = []
    const look = async () => {
      for (const key of orders.fold.keys()) {
        const last = watched.get(key) ?? -1
        const value = Number((await text(key)) ?? last)
        if (value < last) backwards.push(`${key} went from ${last} to ${value}`)
        watched.set(key, value)
      }
    }
    await underLoad(orders, async (syncs) => {
      for (const server of way.servers) {
        await orders.produce(500)
        await look()
        await server.pause()
        const failures = syncs[0]!.stats().storeFailures
        await orders.produce(500)
        await expect.poll(() => syncs[0]!.stats().storeFailures, PATIENCE).toBeGreaterThan(failures)
        server.resume()
        await look()
      }
    })
    await look()
    expect(backwards).toEqual([])
  })

  it('is equal to it again after servers were killed and wiped in the middle of it', async () => {
    await way.wipe()
    const orders = topic(5, true)
    await underLoad(orders, async (syncs) => {
      for (const [at, server] of way.servers.entries()) {
        await orders.produce(700)
        const wipes = () => syncs.reduce((sum, sync) => sum + sync.stats().wipes + sync.stats().begins, 0)
        const before = wipes()
        if (at === 1) await server.wipe()
        else {
          server.kill()
          await server.restart()
        }
        await orders.produce(300)
        await expect.poll(wipes, PATIENCE).toBeGreaterThan(before)
      }
    })
  })

  it('reports what Memcached does not take, and goes on', async () => {
    await way.wipe()
    const kafka = memory({ topics: { orders: 1, dead: 1 } })
    const keys = ['fits', 'with space', 'x'.repeat(300), 'too large', 'last']
    await kafka.produce(
      'orders',
      keys.map((key) => ({
        key: Buffer.from(key),
        value: Buffer.from(key === 'too large' ? 'x'.repeat(1001) : 'y'),
        partition: 0,
      })),
    )
    const sink = memcachedSink(way.connect(), { maxValueBytes: 1000 })
    const sync = createSync({
      kafka,
      topic: 'orders',
      sink,
      key: '{key}',
      format: 'string',
      deadLetters: 'dead',
    })
    expect((await sync.step()).reached).toBe(true)
    expect(sync.stats()).toMatchObject({ unusable: 3, deadLetters: 3, written: 2 })
    expect([(await way.get('fits'))?.toString(), (await way.get('last'))?.toString()]).toEqual(['y', 'y'])
  })
})
