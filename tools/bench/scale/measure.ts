/**
 * What an operation costs by the number of namespaces, tags and features: processor time, over a log and a tier in memory.
 *
 * @module
 */
import { MemoryLog } from '../../../src/testing/index.ts'
import { cpuUsOf, turn, TURN_EVERY } from '../misses/measure.ts'
import type { Amount, CostSample } from '../misses/measure.ts'
import { open, SETUPS, tagOf } from './setups.ts'
import type { SetupName } from './setups.ts'

/** How often each key is read as a hit. */
const HITS_EACH = 50

/** @throws Error where a cache loaded, or applied, more or less than it must. */
export async function measureScale(name: SetupName, { writes }: Amount): Promise<CostSample> {
  const setup = SETUPS[name]
  const log = new MemoryLog()
  const reader = open(setup, log, 4 * writes)
  const writer = open(setup, log, 4 * writes)
  const keys = Array.from({ length: writes }, (_, at) => `key-${at}`)
  let loads = 0
  const load = (key: string) => () => {
    loads++
    return key
  }
  const each = async (work: (key: string, nth: number) => Promise<unknown>): Promise<void> => {
    for (const [nth, key] of keys.entries()) {
      await work(key, nth)
      if (nth % TURN_EVERY === 0) await turn()
    }
  }
  const read = (key: string, nth: number): Promise<string | undefined> =>
    reader.spaceOf(nth).getOrSet(key, load(key))
  const poll = (): Promise<unknown> => reader.cache.sync()
  for (const { cache } of [reader, writer]) await cache.sync()
  const cpuUs: Record<string, number> = {}
  // The first two goes warm up.
  for (let go = 0; go < 3; go++) {
    loads = 0
    cpuUs['miss'] = await cpuUsOf(writes, () => each(read))
    if (loads !== writes) throw new Error(`${name} loaded ${loads} times for ${writes} misses`)
    cpuUs['hit'] = await cpuUsOf(writes * HITS_EACH, async () => {
      for (let time = 0; time < HITS_EACH; time++) await each(read)
    })
    if (loads !== writes) throw new Error(`${name} loaded in a run of hits`)
    // Of a tag that few values have, or none: all others are looked at once more.
    await writer.spaceOf(0).invalidateTags(tagOf('key-0', 0))
    await poll()
    cpuUs['first hit after the eviction of a tag'] = await cpuUsOf(writes, () => each(read))
    loads = 0
    cpuUs['delete'] = await cpuUsOf(writes, () => each((key, nth) => writer.spaceOf(nth).delete(key)))
    const { evictionsApplied } = reader.cache.stats()
    cpuUs['eviction applied'] = await cpuUsOf(writes, poll)
    const applied = reader.cache.stats().evictionsApplied - evictionsApplied
    if (applied !== writes) throw new Error(`${name} applied ${applied} evictions, not ${writes}`)
    cpuUs['poll with nothing'] = await cpuUsOf(writes, () => each(poll))
  }
  await Promise.all([reader.cache.close(), writer.cache.close()])
  return { cpuUs }
}
