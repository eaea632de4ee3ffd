/**
 * Isolates that ask, two loader services that answer, writers and failing logs in one virtual time, by a seed: whatever
 * is served unflagged is no older than the promise, also that there is none. Set `KEDGE_SEED` to repeat a run that
 * failed, `KEDGE_RUNS` to run more of them.
 */
import { describe, expect, it } from 'vitest'
import { randomFeatures } from '../../fleets/random-features.ts'
import { forEachSeed, seeds } from '../../seeds.ts'
import type { LoaderService } from '../../../services/loader/index.ts'
import { KedgeError } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import type { MemoryKafka } from '../../../src/testing/index.ts'
import { seededRandom } from '../../../src/testing/index.ts'
import { request, world } from '../../src/world.ts'
import type { Isolate } from '../../src/world.ts'
import { makeService } from './services.ts'
import { prewarm } from '../../../src/replicate/index.ts'

interface Row {
  readonly version: number
  readonly readAt: number
}

const MAX_STALENESS = 1000
const TTL = 8000
const KEYS = ['a', 'b', 'eu/c', 'eu/d']
/** Of every five versions of a row, one is its absence. */
const isGone = (version: number): boolean => version % 5 === 4

interface Running {
  readonly service: LoaderService
  readonly kafka: MemoryKafka
  readonly stop: AbortController
  readonly over: Promise<void>
}

/** One run: what was violated, if anything, and how much was checked. */
async function run(seed: number) {
  const random = seededRandom(seed)
  const chance = (probability: number) => random() < probability
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const at = world({ seed, isolatesRequests: chance(0.3) })
  const now = () => at.runtime.monotonic()
  const latency = () => Math.floor(random() * 120)
  const partitions = pick([1, 1, 3])
  at.log.createTopic('cache-requests', { partitions })
  at.log.createTopic('cache-updates', { partitions: pick([1, 2]) })
  const updatePartitions = at.log.partitions('cache-updates')
  const identity = chance(0.8)

  const rows = new Map<string, number>(KEYS.map((key) => [key, 0]))
  /** Of each key: from when on no reader may see anything older than this version. */
  const promises: { key: string; version: number; acknowledgedAt: number }[] = []
  const violations: string[] = []
  const count = { checked: 0, answered: 0, none: 0, loads: 0 }

  const readRow = async (key: string): Promise<Row | undefined> => {
    // The read itself happens at some moment of the load: all of them are possible.
    await at.runtime.sleep(Math.floor(random() * 200))
    const version = rows.get(key)!
    const row = isGone(version) ? undefined : { version, readAt: now() }
    await at.runtime.sleep(Math.floor(random() * 600))
    if (chance(0.05)) throw new Error('the source is down')
    return row
  }

  const tags = (row: Row) => [row.version % 2 === 0 ? 'even' : 'odd', 'all']
  // Beside the service that they ask.
  const chances = { replicate: 0.3, sharedTier: 0.2, writeIntents: 0.2 }
  const features = randomFeatures({ at, random, chances, lookBacks: [0, 1000], intentMs: 2000 })
  const makeIsolate = (): Isolate => {
    const options = {
      maxStaleness: MAX_STALENESS,
      maxOutage: chance(0.5) ? MAX_STALENESS : 5000,
      onUnreachable: pick(['stale', 'bypass', 'throw'] as const),
      ttl: TTL,
      use: features(),
      maxEntries: pick([3, 100]),
      maxRememberedEvictions: pick([2, 4096]),
      maxCatchUpRecords: pick([5, 10_000]),
      maxPollBytes: pick([300, 1_000_000]),
      hardTimeout: 4000,
      requestPartitions: partitions,
      updatePartitions,
    }
    const isolate = at.isolate(options, { capabilities: { identity, longPoll: chance(0.7) }, latency })
    isolate.cache.namespace<Row>('rows', {
      tags,
      swr: chance(0.3) ? 2000 : 0,
      staleIfError: chance(0.3) ? 3000 : 0,
    })
    return isolate
  }
  const isolates = [makeIsolate(), makeIsolate(), makeIsolate()]

  const divided = partitions > 1 && chance(0.5)
  const makeRunning = (which: number): Running => {
    const loading = new Set<string>()
    const load = async (keys: readonly string[]) => {
      for (const key of keys) {
        if (loading.has(key)) violations.push(`${key} is loaded twice at once`)
        loading.add(key)
      }
      count.loads++
      try {
        const found = await Promise.all(keys.map(async (key) => [key, await readRow(key)] as const))
        return new Map(found.flatMap(([key, row]) => (row ? [[key, row] as const] : [])))
      } finally {
        for (const key of keys) loading.delete(key)
      }
    }
    const { service, kafka } = makeService(
      at,
      { rows: { load, tags, maxBatch: pick([1, 100]), concurrency: pick([1, 4]) } },
      {
        ...(divided && { share: `${which + 1}/2` }),
        ttl: TTL,
        maxStaleness: pick([MAX_STALENESS, 5000]),
        hardTimeout: 3000,
        updatePartitions,
        maxEntries: pick([2, 100]),
        maxRememberedEvictions: pick([2, 4096]),
        maxQueue: pick([2, 1000]),
        drain: pick([0, 2000]),
        lookback: pick([0, 3]),
        failurePause: 300,
      },
      { capabilities: { identity, longPoll: chance(0.7) }, latency },
    )
    const stop = new AbortController()
    return { service, kafka, stop, over: service.run({ signal: stop.signal }) }
  }
  const services = [makeRunning(0), makeRunning(1)]
  const ended: Running[] = []

  /** The latest version that a read which began at this moment may not be older than. */
  const promised = (key: string, since: number): number =>
    Math.max(
      0,
      ...promises
        .filter((each) => each.key === key && each.acknowledgedAt + MAX_STALENESS < since)
        .map(({ version }) => version),
    )

  const check = (key: string, row: Row | undefined, since: number): void => {
    const least = promised(key, since)
    count.checked++
    if (row !== undefined) {
      if (row.version < least) violations.push(`${key}: version ${row.version}, but ${least} was promised`)
      return
    }
    count.none++
    const current = rows.get(key)!
    for (let version = least; version <= current; version++) if (isGone(version)) return
    violations.push(`${key}: none, but it was there from version ${least} to ${current}`)
  }

  const isExpected = (error: unknown): boolean =>
    error instanceof KedgeError || (error as Error).message === 'the source is down'

  const read = async (isolate: Isolate): Promise<void> => {
    const key = pick(KEYS)
    const since = now()
    const rowsOf = isolate.cache.namespace<Row>('rows').for(request())
    const load = async ({ key: wanted }: { key: string }) => (await readRow(wanted)) as Row
    const wait = { wait: pick([500, 1500, 2500]) }
    try {
      if (chance(0.15)) {
        const loadMany = async (keys: readonly string[]) => {
          const found = await Promise.all(keys.map(async (each) => [each, await readRow(each)] as const))
          return new Map(found.flatMap(([each, row]) => (row ? [[each, row] as const] : [])))
        }
        const many = await rowsOf.getOrSetMany(KEYS, viaLoader(loadMany, wait))
        // Only `getEntry` tells whether an outage is served: this checks that every call ends.
        for (const [each, row] of many)
          if (row.version > rows.get(each)!) violations.push(`${each} is of a future`)
        return
      }
      const entry = await rowsOf.getEntry(key, chance(0.2) ? load : viaLoader(load, wait))
      if (entry.staleBecause === 'unreachable') return
      check(key, entry.value, since)
      if (entry.value && entry.staleBecause === undefined && now() - entry.value.readAt > TTL + 900)
        violations.push(`${key} served past its TTL`)
    } catch (error) {
      if (!isExpected(error)) throw error
    }
  }

  let recreated = false
  const write = async (isolate: Isolate): Promise<void> => {
    const rowsOf = isolate.cache.namespace<Row>('rows')
    const key = pick(KEYS)
    const version = rows.get(key)! + 1
    rows.set(key, version)
    await at.runtime.sleep(Math.floor(random() * 100))
    try {
      const how = pick(['key', 'key', 'key', 'tags', 'prefix', 'clear', 'all', 'token'])
      let token: string
      if (how === 'tags') token = await rowsOf.invalidateTags('all')
      else if (how === 'prefix') token = await rowsOf.invalidatePrefix(key.slice(0, 1))
      else if (how === 'clear') token = await rowsOf.clear()
      else if (how === 'all') token = await isolate.cache.clear()
      else token = await rowsOf.delete(key)
      promises.push({ key, version, acknowledgedAt: now() })
      if (how !== 'token') return
      const elsewhere = pick(isolates).cache.namespace<Row>('rows')
      const load = async ({ key: wanted }: { key: string }) => (await readRow(wanted)) as Row
      const seen = (await elsewhere.getOrSet(key, load, { after: token })) as Row | undefined
      if (recreated) return
      let gone = false
      for (let each = version; each <= rows.get(key)!; each++) gone ||= isGone(each)
      if (seen === undefined ? !gone : seen.version < version)
        violations.push(`${key}: a token did not show version ${version}`)
    } catch (error) {
      if (!isExpected(error)) throw error
    }
  }

  const replaceService = (which: number): void => {
    const old = services[which]!
    // Killed in the middle of its work, or stopped.
    if (chance(0.5)) old.kafka.pause()
    old.stop.abort()
    ended.push(old)
    services[which] = makeRunning(which)
  }

  const disturb = (): void => {
    const isolate = pick(isolates)
    const kafka = pick([isolate.kafka, pick(services).kafka])
    const failure = new KedgeError('ERR_NETWORK', 'reset', { retryable: chance(0.7) })
    const what = random()
    if (what < 0.25)
      kafka.fail(failure, { when: pick(['before', 'after'] as const), times: 1 + Math.floor(random() * 8) })
    else if (what < 0.32) kafka.pause()
    else if (what < 0.6) for (const each of [...isolates, ...services]) each.kafka.resume()
    else if (what < 0.7) kafka.fail()
    else if (what < 0.75) isolates[isolates.indexOf(isolate)] = makeIsolate()
    else if (what < 0.83) replaceService(pick([0, 1]))
    else if (what < 0.86) at.runtime.stepWall(Math.floor(random() * 10_000))
    else if (what < 0.9 && at.log.describe('cache-evictions'))
      at.log.truncate('cache-evictions', 0, Math.floor(random() * at.log.offsets('cache-evictions', 0).end))
    else if (what < 0.92 && identity && at.log.describe('cache-evictions')) {
      recreated = true
      at.log.recreateTopic('cache-evictions')
    } else if (what < 0.94) at.log.recreateTopic(pick(['cache-updates', 'cache-requests']))
    else if (what < 0.97)
      at.log.append(pick(['cache-evictions', 'cache-requests', 'cache-updates']), {
        key: null,
        value: new TextEncoder().encode(pick(['garbage', '{"v":1,"op":"beat"}', '{"key":"a"}'])),
      })
    else void prewarm(isolate.cache, { budget: 500 })
  }

  const open = new Set<Promise<void>>()
  const start = (work: Promise<void>): void => {
    const settled = work
      .catch((error: unknown) => void violations.push(`threw ${String(error)}`))
      .finally(() => open.delete(settled))
    open.add(settled)
  }
  for (let step = 0; step < 220; step++) {
    const action = random()
    if (action < 0.7) start(read(pick(isolates)))
    else if (action < 0.85) start(write(pick(isolates)))
    else if (action < 0.93) disturb()
    await at.runtime.advance(Math.floor(random() ** 3 * 700))
  }
  // However the run left it, every call ends by its deadline, and every service when it is stopped.
  for (const each of [...isolates, ...services, ...ended]) each.kafka.resume()
  for (const { stop, over } of [...services, ...ended]) {
    stop.abort()
    start(over)
  }
  for (let passed = 0; open.size > 0 && passed < 60; passed++) await at.runtime.advance(1000)
  if (open.size > 0) violations.push(`${open.size} calls never ended`)
  for (const { cache } of isolates) count.answered += cache.stats().answered
  for (const { service } of services)
    if (service.stats().queued > 1000) violations.push(`${service.stats().queued} keys wait`)
  return { violations, ...count }
}

describe('whatever happens', () => {
  const { first, runs } = seeds(40)

  it(
    `nothing that a service answers is beyond the promise (${runs} runs from seed ${first})`,
    { timeout: 3_600_000 },
    async () => {
      const sum = { checked: 0, answered: 0, none: 0 }
      await forEachSeed({ first, runs }, run, (result) => {
        sum.checked += result.checked
        sum.answered += result.answered
        sum.none += result.none
      })
      // A test that checks nothing would pass as well.
      expect(sum.checked).toBeGreaterThan(runs * 25)
      expect(sum.answered).toBeGreaterThan(runs * 5)
      expect(sum.none).toBeGreaterThan(runs)
    },
  )
})
