/**
 * Writes behind, persisters that are killed, doubled and late, and isolates that come and go, in one virtual time, by a
 * seed: a reader that has passed a write's token, or the promise, reads it or a later one, and at rest the source has
 * the last one of each key. Set `KEDGE_SEED` to repeat a run that failed, `KEDGE_RUNS` to run more of them.
 */
import { describe, expect, it } from 'vitest'
import { forEachSeed, seeds } from '../seeds.ts'
import { createPersister } from '../../services/persister/index.ts'
import { KedgeError } from '../../src/index.ts'
import type { CacheOptions } from '../../src/index.ts'
import { memory, seededRandom } from '../../src/testing/index.ts'
import { world } from '../src/world.ts'
import type { Isolate } from '../src/world.ts'
import { writeBehind } from '../../src/write-paths/index.ts'
import { randomFeatures } from './random-features.ts'

interface Row {
  readonly id: number
}

const MAX_STALENESS = 1000
const KEYS = ['a', 'b', 'c']

async function run(seed: number) {
  const random = seededRandom(seed)
  const chance = (probability: number) => random() < probability
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const upTo = (ms: number) => Math.floor(random() * ms)
  const at = world({ seed, isolatesRequests: chance(0.3) })
  const now = () => at.runtime.monotonic()
  const violations: string[] = []
  let checked = 0
  let killed = 0
  let ids = 0
  const writePartitions = pick([1, 2])
  at.log.createTopic('cache-writes', { partitions: writePartitions })
  const source = new Map<string, { value: Row; offset: number }>()
  /** From when on a key's value must be of this write or a later one. */
  const promises: { key: string; id: number; from: number }[] = []

  const chances = { replicate: pick([0, 0.5, 1]), sharedTier: pick([0, 0, 0.5]), writeIntents: 1 }
  const features = randomFeatures({ at, random, chances, lookBacks: [10_000], intentMs: 600_000 })
  const make = (): Isolate => {
    const options: Partial<CacheOptions> = {
      maxStaleness: MAX_STALENESS,
      maxOutage: MAX_STALENESS,
      ttl: '1h',
      use: features(),
      maxRememberedEvictions: pick([2, 4096]),
      maxPollBytes: pick([3000, 1_000_000]),
      writePartitions,
      onUnreachable: 'throw',
      pollTimeout: 2000,
    }
    const isolate = at.isolate(options, { latency: () => upTo(100) })
    isolate.cache.namespace<Row>('rows')
    return isolate
  }
  const isolates = Array.from({ length: 3 }, make)

  /** Where the write of a value stands: the order of a key's writes. */
  const placeOf = (id: number): number => {
    for (let partition = 0; partition < writePartitions; partition++) {
      const found = at.log
        .read('cache-writes', { partition, offset: 0 }, { maxBytes: 1e7, isolation: 'uncommitted' })
        ?.records.find(({ value }) => new TextDecoder().decode(value!).includes(`"value":{"id":${id}}`))
      if (found) return found.offset
    }
    return -1
  }
  const look = (key: string, value: Row | undefined, since: number, required?: number): void => {
    checked++
    const place = value ? placeOf(value.id) : -1
    for (const { key: of, id, from } of promises) {
      if (of === key && (from < since || id === required) && place < placeOf(id))
        violations.push(`${key}: ${value?.id} ${since - from} ms after ${id} was due`)
    }
  }
  const load = async ({ key }: { key: string }): Promise<Row> => {
    await at.runtime.sleep(upTo(200))
    const row = source.get(key)?.value
    await at.runtime.sleep(upTo(400))
    return row as Row
  }

  const read = async ({ cache }: Isolate, key = pick(KEYS), write?: { id: number; token: string }) => {
    const since = now()
    const entry = await cache
      .namespace<Row>('rows')
      .getEntry(key, load, write ? { after: write.token } : {})
      .catch((error: unknown) => {
        if (error instanceof KedgeError) return undefined
        throw error
      })
    // A read past the cache does not see writes that wait.
    if (entry && !entry.bypassed && entry.staleBecause !== 'unreachable')
      look(key, entry.value, since, write?.id)
  }

  const write = async (isolate: Isolate): Promise<void> => {
    const key = pick(KEYS)
    const id = ++ids
    try {
      const rows = isolate.cache.namespace<Row>('rows')
      const token = await writeBehind(rows, key, { id }, { maxPending: '10m' })
      promises.push({ key, id, from: now() + MAX_STALENESS })
      if (chance(0.5)) await read(pick(isolates), key, { id, token })
    } catch (error) {
      if (!(error instanceof KedgeError)) throw error
    }
  }

  const open = new Set<Promise<unknown>>()
  const start = (work: Promise<unknown>): void => {
    const settled = work
      .catch((error: unknown) => void violations.push(`threw ${String(error)}`))
      .finally(() => open.delete(settled))
    open.add(settled)
  }

  interface Worker {
    readonly kill: () => void
  }
  const persist = (): Worker => {
    let dead = false
    const kafka = memory({ on: at.log, runtime: at.runtime, latency: () => upTo(100) })
    const stop = new AbortController()
    const persister = createPersister({
      kafka,
      runtime: at.runtime,
      gzipAboveBytes: Infinity,
      maxBatch: pick([1, 100]),
      maxPollBytes: pick([300, 1_000_000]),
      backoff: 50,
      retries: Infinity,
      stores: {
        rows: async (writes) => {
          await at.runtime.sleep(upTo(chance(0.1) ? 5000 : 300))
          // A process that is gone writes nothing more.
          if (dead) return new Promise<void>(() => undefined)
          if (chance(0.1)) throw new Error('the source is down')
          for (const { key, value, offset } of writes)
            if (offset > (source.get(key)?.offset ?? -1)) source.set(key, { value: value as Row, offset })
          if (chance(0.05)) throw new Error('the answer was lost')
          return undefined
        },
      },
    })
    start(persister.run({ signal: stop.signal }))
    return {
      kill: () => {
        killed++
        dead = true
        kafka.pause()
        stop.abort()
      },
    }
  }
  const workers = [persist()]

  for (let step = 0; step < 200; step++) {
    const action = random()
    if (action < 0.6) start(read(pick(isolates)))
    else if (action < 0.8) start(write(pick(isolates)))
    else if (action < 0.84) isolates[upTo(isolates.length)] = make()
    else if (action < 0.88) workers.pop()?.kill()
    else if (action < 0.92 && workers.length < 2) workers.push(persist())
    else if (action < 0.94)
      pick(isolates).kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: chance(0.7) }), {
        // Not of reads: an isolate that could not read back knows of no writes that precede it.
        on: pick(['produce', 'offsets'] as const),
        when: pick(['before', 'after'] as const),
        times: 1 + upTo(5),
      })
    await at.runtime.advance(Math.floor(random() ** 3 * 600))
  }
  // At rest: one persister catches up, and every isolate reads what the source has.
  for (const worker of workers) worker.kill()
  const last = persist()
  for (const { kafka } of isolates) kafka.fail()
  await at.runtime.advance(60_000)
  isolates.push(make())
  for (const { cache } of isolates) {
    await at.run(cache.sync())
    for (const key of KEYS) {
      const row = source.get(key)?.value
      const value = await at.run(cache.namespace<Row>('rows').getOrSet(key, load))
      if (value?.id !== row?.id) violations.push(`${key}: ${value?.id} at rest, not ${row?.id}`)
      look(key, value, now())
    }
  }
  last.kill()
  await at.runtime.settle()
  return { violations, checked, killed }
}

describe('whenever a persister dies', () => {
  const { first, runs } = seeds(40)

  it(
    `writes behind are seen by each reader that has passed their tokens (${runs} runs from seed ${first})`,
    { timeout: 3_600_000 },
    async () => {
      const sums = { checked: 0, killed: 0 }
      await forEachSeed({ first, runs }, run, (result) => {
        for (const name of ['checked', 'killed'] as const) sums[name] += result[name]
      })
      // A test that checks nothing would pass as well.
      expect(sums.checked).toBeGreaterThan(runs * 50)
      expect(sums.killed).toBeGreaterThan(runs)
    },
  )
})
