import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisSink } from '../../../../adapters/stores/redis.ts'
import { memory, seededRandom } from '../../../../src/testing/index.ts'
import { createSync } from '../../../../services/sync/index.ts'
import { withoutRedis } from '../../../store-servers/redis.ts'
import { openWay, type Way } from './connections.ts'

const PARTITIONS = 3
const KEYS = 60
const utf8 = (text: string) => new TextEncoder().encode(text)

describe.skipIf(withoutRedis() !== undefined).each(['ioredis', 'node-redis, cluster'] as const)(
  'a topic synced into Redis over %s',
  (name) => {
    let way: Way
    beforeAll(async () => {
      way = await openWay(name, { dbfilename: 'dump.rdb' })
    })
    afterAll(() => way?.stop())

    it('is equal to its fold after servers were wiped, killed, and came back with older snapshots', async () => {
      const random = seededRandom(11)
      const dice = (sides: number) => Math.floor(random() * sides)
      const kafka = memory({ topics: { orders: PARTITIONS } })
      const fold = new Map<string, string | undefined>()
      const produce = async (count: number) => {
        const records = Array.from({ length: count }, () => {
          const number = dice(KEYS)
          const key = `${number}`
          const value = dice(6) === 0 ? undefined : `${dice(1e9)}`
          fold.set(key, value)
          return {
            key: utf8(key),
            value: value === undefined ? null : utf8(value),
            partition: number % PARTITIONS,
          }
        })
        await kafka.produce('orders', records)
      }
      const newSync = () =>
        createSync({
          kafka,
          topic: 'orders',
          sink: redisSink(way.connection, { timeout: '1s', writesPerCall: 7 }),
          key: 'order:{key}:latest',
          format: 'string',
        })
      const equal = async () => {
        for (const [key, value] of fold) {
          const found = (await way.raw('GET', `order:${key}:latest`)) as Buffer | null
          expect(found?.toString(), `order ${key}`).toBe(value)
        }
      }
      let sync = newSync()
      const server = () => way.servers[dice(way.servers.length)]!

      for (let round = 0; round < 6; round++) {
        await produce(200)
        expect((await sync.step()).reached).toBe(true)
        await equal()
        const victim = server()
        await victim.command('SAVE')
        await produce(100)
        expect((await sync.step()).reached).toBe(true)
        if (round % 3 === 0) await victim.wipe()
        else {
          victim.kill()
          await victim.restart()
        }
        // Into one partition alone: the others must be found to have gone back as well.
        await kafka.produce('orders', [{ key: utf8('0'), value: utf8(`round ${round}`), partition: 0 }])
        fold.set('0', `round ${round}`)
        if (round % 2) sync = newSync()
        expect((await sync.step()).reached).toBe(true)
        await equal()
      }
    })
  },
)
