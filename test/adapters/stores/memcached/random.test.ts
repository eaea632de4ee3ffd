import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memcachedSink } from '../../../../adapters/stores/memcached.ts'
import type { SinkWrite } from '../../../../src/ports/sink.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { withoutMemcached } from '../../../store-servers/memcached.ts'
import { openWay, type Way } from './way.ts'

const SEEDS = [1, 2, 3, 4, 5, 6]
const RECORDS = 300
const KEYS = 6

interface Record {
  readonly key: string
  readonly offset: number
  /** `null` deletes. */
  readonly value: string | null
}

describe.skipIf(withoutMemcached() !== undefined)('two syncs at once, with replays and duplicates', () => {
  let way: Way
  beforeAll(async () => {
    way = await openWay(3)
  })
  afterAll(() => way?.stop())

  /** Each sync goes through the log in batches, and again and again goes back a bit. */
  async function run(seed: number, deletes: boolean) {
    const random = seededRandom(seed)
    const below = (bound: number) => Math.floor(random() * bound)
    const log: Record[] = Array.from({ length: RECORDS }, (_, offset) => ({
      key: `k${below(KEYS)}`,
      offset,
      value: deletes && random() < 0.3 ? null : String(offset),
    }))
    await way.wipe()
    const sinks = [memcachedSink(way.connection), memcachedSink(way.another)]
    await sinks[0]!.begin('s', 'e', undefined)
    const plans = sinks.map(() => {
      const plan: Record[][] = []
      for (let at = 0; at < RECORDS;) {
        const batch = log.slice(at, at + 1 + below(20))
        plan.push(batch)
        at += batch.length
        if (random() < 0.3) at = Math.max(0, at - below(25))
      }
      return plan
    })
    let over = false
    const seen: string[] = []
    const watching = Promise.all(
      Array.from({ length: KEYS }, async (_, at) => {
        let last = -1
        while (!over) {
          const value = Number((await way.get(`k${at}`)) ?? last)
          if (value < last) seen.push(`k${at} went from ${last} to ${value}`)
          last = value
        }
      }),
    )
    const syncing = sinks.map(async (sink, at) => {
      for (const batch of plans[at]!) {
        const newest = new Map(batch.map((record) => [record.key, record]))
        const writes = [...newest.values()].map(({ key, offset, value }): SinkWrite => ({
          key,
          value: value === null ? null : Buffer.from(value),
          version: [offset, 0],
          ttlMs: undefined,
        }))
        const next = batch.at(-1)!.offset + 1
        const outcome = await sink.write('s', { epoch: 'e', partition: 0, next, writes })
        if (outcome.outcome !== 'written') throw new Error('wiped')
      }
    })
    await Promise.all(syncing).finally(() => (over = true))
    await watching
    const fold = new Map(log.map(({ key, value }) => [key, value]))
    for (const [key, value] of fold)
      expect([seed, key, (await way.get(key))?.toString() ?? null]).toEqual([seed, key, value])
    expect((await sinks[0]!.state('s'))?.positions.get(0)).toBe(RECORDS)
    return seen
  }

  it('never move a key backwards, and end with the newest of each', async () => {
    for (const seed of SEEDS) expect([seed, await run(seed, false)]).toEqual([seed, []])
  })

  it('end with deletes where they are the newest', async () => {
    for (const seed of SEEDS) await run(seed, true)
  })
})
