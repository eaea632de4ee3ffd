import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisSink, redisTier } from '../../../../adapters/stores/redis.ts'
import { tagOf } from '../../../../adapters/stores/redis/slot.ts'
import { seededRandom } from '../../../../src/testing/index.ts'
import type { Sink, SinkWrite } from '../../../../src/ports/sink.ts'
import type { TierEviction } from '../../../../src/ports/tier.ts'
import { withoutRedis } from '../../../store-servers/redis.ts'
import { openWay, type Way, WAYS } from './connections.ts'

const RUNS = Number(process.env['KEDGE_REDIS_RUNS'] ?? 3)
const bytes = (text: string) => new TextEncoder().encode(text)

describe.skipIf(withoutRedis() !== undefined).each(WAYS)('at random, over %s', (name) => {
  let way: Way
  beforeAll(async () => {
    way = await openWay(name)
  })
  afterAll(() => way?.stop())
  beforeEach(() => way.wipe())

  it.each(Array.from({ length: RUNS }, (_, seed) => seed))(
    'two syncs that replay, repeat and restart leave the fold of the topic, and no key goes back: seed %i',
    async (seed) => {
      const random = seededRandom(seed + 1)
      const dice = (sides: number) => Math.floor(random() * sides)
      const keys = Array.from({ length: 12 }, (_, index) => (index % 3 ? `k${index}` : `k{${index}}x`))
      const topic = Array.from({ length: 150 }, (_, offset) => ({
        key: keys[dice(keys.length)]!,
        value: dice(5) === 0 ? null : `${offset}`,
        offset,
      }))
      const fold = (end: number) => new Map(topic.slice(0, end).map(({ key, value }) => [key, value]))
      await redisSink(way.connection).begin('t', 'e1', undefined)

      // What a reader sees of each key, by its own commands: the version is the value, and of a deleted one it is kept.
      const seen = new Map<string, number>()
      const watch = async () => {
        for (const key of keys) {
          const version = (await way.raw('GET', `kedge:v:{${tagOf(key)}}:${key}`)) as Buffer | null
          const value = (await way.raw('GET', key)) as Buffer | null
          const kept = Number(version?.toString().split(' ')[1] ?? -1)
          const offset = value === null ? kept : Number(value.toString())
          expect(offset, `${key} goes back`).toBeGreaterThanOrEqual(seen.get(key) ?? -1)
          seen.set(key, offset)
        }
      }
      let done = 0
      const sync = async () => {
        let sink: Sink = redisSink(way.connection, { writesPerCall: 1 + dice(6) })
        let at = (await sink.state('t'))?.positions.get(0) ?? 0
        while (at < topic.length) {
          if (dice(8) === 0) {
            // Killed and started again: at the position of the store, or somewhere before.
            sink = redisSink(way.connection)
            const position = (await sink.state('t'))?.positions.get(0) ?? 0
            at = Math.max(0, position - dice(2) * dice(40))
          }
          const end = Math.min(topic.length, at + 1 + dice(20))
          const latest = new Map(topic.slice(at, end).map((record) => [record.key, record]))
          const writes = [...latest.values()].map(({ key, value, offset }): SinkWrite => ({
            key,
            value: value === null ? null : bytes(value),
            version: [offset, 0],
            ttlMs: undefined,
          }))
          const outcome = await sink.write('t', { epoch: 'e1', partition: 0, next: end, writes })
          expect(outcome.outcome).toBe('written')
          await watch()
          const position = (await sink.state('t'))?.positions.get(0) ?? 0
          expect(position).toBeGreaterThanOrEqual(end)
          at = end
        }
        done++
      }
      const watching = (async () => {
        while (done < 2) await watch()
      })()
      await Promise.all([sync(), sync(), watching])
      for (const [key, value] of fold(topic.length)) {
        const found = (await way.raw('GET', key)) as Buffer | null
        expect(found === null ? null : String(found), key).toBe(value)
      }
      expect((await redisSink(way.connection).state('t'))?.positions).toEqual(new Map([[0, topic.length]]))
    },
  )

  it.each(Array.from({ length: RUNS }, (_, seed) => seed))(
    'a reader that uses what the tier calls covered never gets an evicted value: seed %i',
    async (seed) => {
      const random = seededRandom(seed + 77)
      const dice = (sides: number) => Math.floor(random() * sides)
      const names = ['a', 'b', 'c']
      const keys = ['1', '2', '3', '4', '5']
      // The log of evictions as far as it is written: which names each eviction means.
      const log: TierEviction[] = []
      const evicted = (namespace: string, key: string, asOf: number, to: number) =>
        log.some(
          ({ offset, group, keys: named, namespace: whose }) =>
            offset >= asOf &&
            offset < to &&
            (whose === undefined || whose === namespace) &&
            (group || named.includes(key)),
        )
      const tiers = [0, 1].map(() => redisTier(way.connection, { timeout: '5s', rememberEvictions: dice(2) }))
      const tier = () => tiers[dice(2)]!
      const evict = () => {
        const namespace = dice(3) === 0 ? undefined : names[dice(3)]!
        const group = dice(12) === 0
        const named = group ? [] : keys.filter(() => dice(3) === 0)
        log.push({ offset: log.length, namespace, group, keys: named, version: undefined })
      }
      const follow = async () => {
        const applier = tier().applier!
        const at = await applier.position(0)
        if (at === undefined || dice(15) === 0) {
          return applier.begin(0, { position: dice(3) ? log.length : dice(log.length + 1), logId: 'L' })
        }
        // The position of an applier may be behind, or ahead of what was lost.
        const from = Math.min(log.length, Math.max(0, at.position - dice(4) + (dice(4) === 0 ? 5 : 0)))
        const to = Math.min(log.length, from + dice(8))
        if (to >= from)
          await applier.apply({ partition: 0, logId: 'L', from, to, evictions: log.slice(from, to) })
      }
      const store = async () => {
        const place = { namespace: names[dice(3)]!, partition: 0, logId: 'L' }
        const asOf = Math.max(0, log.length - dice(5))
        const writes = keys
          .filter(() => dice(2))
          .map((key) => ({ key, bytes: bytes(`${asOf}`), asOf, version: undefined, ttlMs: 60_000 }))
        await tier().setMany(place, writes)
      }
      let served = 0
      const read = async () => {
        const namespace = names[dice(3)]!
        const { items, applied } = await tier().getMany({ namespace, partition: 0, logId: 'L' }, keys)
        for (const [key, { bytes: value, asOf, covered }] of items) {
          expect(new TextDecoder().decode(value)).toBe(`${asOf}`)
          if (!covered || applied === undefined) continue
          served++
          const word = `${namespace}/${key} as of ${asOf}, covered up to ${applied.position}`
          expect(evicted(namespace, key, asOf, applied.position), word).toBe(false)
        }
      }
      const lose = async () => {
        const [server] = way.servers
        const states = (await server?.command('KEYS', 'kedge:tier:*:p:*'))?.split('\n') ?? []
        if (dice(2)) return way.wipe()
        for (const key of states.filter((each) => each && dice(2))) await way.raw('DEL', key)
      }
      for (let round = 0; round < 150; round++) {
        // Several at once, in whatever order they arrive.
        await Promise.all(
          Array.from({ length: 1 + dice(4) }, async () => {
            const what = dice(40)
            if (what === 0) return lose()
            if (what < 10) return evict()
            await (what < 20 ? follow() : what < 30 ? store() : read())
          }),
        )
      }
      await follow()
      await read()
      expect(served).toBeGreaterThan(10)
    },
  )
})
