/**
 * Isolates, writers and a failing log in one virtual time, by a seed: whatever is served unflagged is no older than
 * the promise. Web standards only: it runs in every runtime.
 */
import { KedgeError } from '../../src/index.ts'
import type { CacheOptions } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { world } from '../src/world.ts'
import type { Isolate } from '../src/world.ts'
import { randomFeatures } from './random-features.ts'
import { prewarm } from '../../src/replicate/index.ts'

interface Row {
  readonly version: number
  readonly readAt: number
}

const MAX_STALENESS = 1000
const TTL = 8000
const KEYS = ['a', 'b', 'eu/c', 'eu/d']

/** One run: what was violated, if anything, and how much was checked. */
export async function randomFleet(
  seed: number,
): Promise<{ readonly violations: string[]; readonly checked: number; readonly cached: number }> {
  const random = seededRandom(seed)
  const chance = (probability: number) => random() < probability
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const at = world({ seed, isolatesRequests: chance(0.3) })
  const now = () => at.runtime.monotonic()

  const rows = new Map<string, number>(KEYS.map((key) => [key, 0]))
  /** Of each key: from when on no reader may see anything older than this version. */
  const promises: { key: string; version: number; acknowledgedAt: number }[] = []
  const violations: string[] = []
  let checked = 0
  let cached = 0

  const identity = chance(0.8)
  const chances = {
    replicate: pick([0, 0.5, 1]),
    sharedTier: pick([0, 0, 0.5]),
    writeIntents: pick([0, 0, 0.5]),
  }
  const features = randomFeatures({ at, random, chances, lookBacks: [0, 3, 1000], intentMs: 2000 })
  let recreated = false
  const make = (): Isolate => {
    const options: Partial<CacheOptions> = {
      maxStaleness: MAX_STALENESS,
      maxOutage: chance(0.5) ? MAX_STALENESS : 5000,
      onUnreachable: pick(['stale', 'bypass', 'throw'] as const),
      ttl: TTL,
      use: features(),
      maxEntries: pick([3, 100]),
      maxRememberedEvictions: pick([2, 4096]),
      maxCatchUpRecords: pick([5, 10_000]),
      maxPollBytes: pick([50, 1_000_000]),
      hardTimeout: 3000,
    }
    const isolate = at.isolate(options, {
      capabilities: { identity },
      latency: () => Math.floor(random() * 120),
    })
    isolate.cache.namespace<Row>('rows', {
      tags: (row) => [row.version % 2 === 0 ? 'even' : 'odd', 'all'],
      swr: chance(0.3) ? 2000 : 0,
      staleIfError: chance(0.3) ? 3000 : 0,
    })
    return isolate
  }
  const isolates = [make(), make(), make()]

  const load = async ({ key }: { key: string }): Promise<Row> => {
    // The read itself happens at some moment of the load: all of them are possible.
    await at.runtime.sleep(Math.floor(random() * 200))
    const row = { version: rows.get(key)!, readAt: now() }
    await at.runtime.sleep(Math.floor(random() * 600))
    if (chance(0.05)) throw new Error('the source is down')
    return row
  }

  const read = async (isolate: Isolate): Promise<void> => {
    const key = pick(KEYS)
    const since = now()
    const rowsOf = isolate.cache.namespace<Row>('rows')
    try {
      const entry = chance(0.1)
        ? { value: rowsOf.peek(key), staleBecause: undefined, cached: true }
        : await rowsOf.getEntry(key, chance(0.9) ? load : undefined)
      if (entry.value === undefined || entry.staleBecause === 'unreachable') return
      checked++
      if (entry.cached) cached++
      if (entry.staleBecause === undefined && entry.cached && now() - entry.value.readAt > TTL + 900) {
        violations.push(`${key} served past its TTL`)
      }
      for (const promise of promises) {
        if (promise.key !== key || entry.value.version >= promise.version) continue
        if (promise.acknowledgedAt + MAX_STALENESS < since) {
          violations.push(
            `${key}: version ${entry.value.version} ${since - promise.acknowledgedAt} ms after ${promise.version}`,
          )
        }
      }
    } catch (error) {
      if (!(error instanceof KedgeError) && (error as Error).message !== 'the source is down') throw error
    }
  }

  const write = async (isolate: Isolate): Promise<void> => {
    const rowsOf = isolate.cache.namespace<Row>('rows')
    const key = pick(KEYS)
    const before = rows.get(key)!
    const version = before + 1
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
      const seen = await elsewhere.getOrSet(key, load, { after: token })
      // A token does not say of which log it is: see docs/protocol.md.
      if (seen.version < version && !recreated)
        violations.push(`${key}: a token did not show version ${version}`)
    } catch (error) {
      if (!(error instanceof KedgeError) && (error as Error).message !== 'the source is down') throw error
    }
  }

  const disturb = (): void => {
    const isolate = pick(isolates)
    const failure = new KedgeError('ERR_NETWORK', 'reset', { retryable: chance(0.7) })
    const what = random()
    if (what < 0.25)
      isolate.kafka.fail(failure, {
        when: pick(['before', 'after'] as const),
        times: 1 + Math.floor(random() * 8),
      })
    else if (what < 0.35) isolate.kafka.pause()
    else if (what < 0.6) isolate.kafka.resume()
    else if (what < 0.75) isolate.kafka.fail()
    else if (what < 0.8) isolates[isolates.indexOf(isolate)] = make()
    else if (what < 0.85) at.runtime.stepWall(Math.floor((random() - 0.5) * 1_200_000))
    else if (what < 0.9 && at.log.describe('cache-evictions'))
      at.log.truncate('cache-evictions', 0, Math.floor(random() * at.log.offsets('cache-evictions', 0).end))
    else if (what < 0.92 && identity && at.log.describe('cache-evictions')) {
      recreated = true
      at.log.recreateTopic('cache-evictions')
    } else if (what < 0.96)
      at.log.append('cache-evictions', {
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
  for (let step = 0; step < 250; step++) {
    const action = random()
    if (action < 0.7) start(read(pick(isolates)))
    else if (action < 0.85) start(write(pick(isolates)))
    else if (action < 0.93) disturb()
    await at.runtime.advance(Math.floor(random() ** 3 * 700))
  }
  // However the run left it, every call ends by its deadline.
  for (const isolate of isolates) isolate.kafka.resume()
  for (let passed = 0; open.size > 0 && passed < 60; passed++) await at.runtime.advance(1000)
  if (open.size > 0) violations.push(`${open.size} calls never ended`)
  for (const { cache } of isolates) {
    const { entries, bytes } = cache.stats()
    if (entries > 100 || bytes < 0) violations.push(`holds ${entries} entries, ${bytes} bytes`)
  }
  return { violations, checked, cached }
}
