/**
 * Writers that write through and die at any step, and isolates that read beside them, in one virtual time, by a seed:
 * no reader gets a row that was replaced longer ago than an intent and the promise last, and at rest every isolate has
 * the last one. Set `KEDGE_SEED` to repeat a run that failed, `KEDGE_RUNS` to run more of them.
 */
import { describe, expect, it } from 'vitest'
import { forEachSeed, seeds } from '../seeds.ts'
import { KedgeError } from '../../src/index.ts'
import type { CacheOptions } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { world } from '../src/world.ts'
import type { Isolate } from '../src/world.ts'
import { writeThrough } from '../../src/write-paths/index.ts'
import { randomFeatures } from './random-features.ts'
import { prewarm } from '../../src/replicate/index.ts'

interface Row {
  readonly id: number
}

/** What the source has had of a key, in order. */
interface History {
  readonly commits: { readonly id: number; readonly at: number }[]
  /** From when on no isolate may serve anything older than this commit. */
  readonly promises: { readonly commit: number; readonly from: number }[]
}

const MAX_STALENESS = 1000
const INTENT = 3000
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
  let cached = 0
  let crashes = 0
  let ids = 0
  const source = new Map<string, History>(
    KEYS.map((key) => [key, { commits: [{ id: 0, at: 0 }], promises: [] }]),
  )

  const chances = { replicate: pick([0, 0.5, 1]), sharedTier: pick([0, 0, 0.5]), writeIntents: 1 }
  const features = randomFeatures({ at, random, chances, lookBacks: [0, 20, 1000], intentMs: INTENT })
  const make = (): Isolate & { dead: boolean } => {
    const options: Partial<CacheOptions> = {
      maxStaleness: MAX_STALENESS,
      maxOutage: MAX_STALENESS,
      ttl: '1h',
      use: features(),
      maxRememberedEvictions: pick([2, 4096]),
      maxCatchUpRecords: pick([5, 10_000]),
      maxPollBytes: pick([200, 1_000_000]),
    }
    const isolate = at.isolate(options, { latency: () => upTo(120) })
    isolate.cache.namespace<Row>('rows')
    return Object.assign(isolate, { dead: false })
  }
  const isolates = Array.from({ length: 4 }, make)

  const load = async ({ key }: { key: string }): Promise<Row> => {
    await at.runtime.sleep(upTo(200))
    const { id } = source.get(key)!.commits.at(-1)!
    await at.runtime.sleep(upTo(600))
    return { id }
  }

  const look = (key: string, id: number, since: number): void => {
    checked++
    const { commits, promises } = source.get(key)!
    const commit = commits.findIndex((each) => each.id === id)
    if (commit === -1) violations.push(`${key}: ${id} was never committed`)
    for (const promise of promises) {
      if (commit < promise.commit && promise.from < since)
        violations.push(`${key}: commit ${commit} ${since - promise.from} ms after ${promise.commit} was due`)
    }
  }

  const read = async ({ cache }: Isolate): Promise<void> => {
    const key = pick(KEYS)
    const since = now()
    const entry = await cache
      .namespace<Row>('rows')
      .getEntry(key, load)
      .catch((error: unknown) => {
        // A clock that is stepped ends whatever waits for a moment.
        if (error instanceof KedgeError) return undefined
        throw error
      })
    if (entry?.value === undefined || entry.staleBecause === 'unreachable') return
    if (entry.cached) cached++
    look(key, entry.value.id, since)
  }

  const write = async (isolate: Isolate & { dead: boolean }): Promise<void> => {
    const key = pick(KEYS)
    const id = ++ids
    const history = source.get(key)!
    let commit: number | undefined
    const versioned = chance(0.5)
    const broken = new Error('the source is down')
    try {
      await writeThrough(
        isolate.cache.namespace<Row>('rows'),
        key,
        { id },
        async (_, { signal }) => {
          await at.runtime.sleep(upTo(400), signal)
          // A process that is gone commits nothing.
          if (isolate.dead) return new Promise(() => undefined)
          if (chance(0.1)) throw broken
          commit = history.commits.push({ id, at: now() }) - 1
          history.promises.push({ commit, from: now() + INTENT + MAX_STALENESS })
          const version = versioned ? { version: commit } : undefined
          await at.runtime.sleep(upTo(400))
          // It may nevertheless be committed.
          if (chance(0.1)) throw broken
          return isolate.dead ? new Promise(() => undefined) : version
        },
        { intent: INTENT },
      )
      history.promises.push({ commit: commit!, from: now() + MAX_STALENESS })
    } catch (error) {
      if (!(error instanceof KedgeError) && error !== broken) throw error
    }
  }

  /** A process is gone: its work goes no further. Another one takes its place. */
  const crash = (isolate: Isolate & { dead: boolean }): void => {
    crashes++
    isolate.dead = true
    isolate.kafka.pause()
    isolates[isolates.indexOf(isolate)] = make()
  }

  const disturb = (isolate: Isolate & { dead: boolean }): void => {
    const what = random()
    const failure = new KedgeError('ERR_NETWORK', 'reset', { retryable: chance(0.7) })
    if (what < 0.4) crash(isolate)
    else if (what < 0.7)
      isolate.kafka.fail(failure, { when: pick(['before', 'after'] as const), times: 1 + upTo(8) })
    else if (what < 0.8) at.runtime.stepWall(Math.floor((random() - 0.5) * 1_200_000))
    else void prewarm(isolate.cache, { budget: 500 })
  }

  const open = new Set<Promise<void>>()
  const start = (isolate: { readonly dead: boolean }, work: Promise<void>): void => {
    const settled = work
      .catch((error: unknown) => void (isolate.dead || violations.push(`threw ${String(error)}`)))
      .finally(() => open.delete(settled))
    open.add(settled)
  }
  for (let step = 0; step < 250; step++) {
    const action = random()
    const isolate = pick(isolates)
    if (action < 0.7) start(isolate, read(isolate))
    else if (action < 0.85) start(isolate, write(isolate))
    else if (action < 0.92) disturb(isolate)
    await at.runtime.advance(Math.floor(random() ** 3 * 700))
  }
  // At rest, and with one that has just started and takes over what it finds.
  for (const { kafka } of isolates) kafka.fail()
  await at.runtime.advance(INTENT + MAX_STALENESS + 10_000)
  isolates.push(make())
  for (const { cache } of isolates) {
    await at.run(cache.sync())
    await at.run(prewarm(cache, { budget: 5000 }))
    for (const key of KEYS) {
      const last = source.get(key)!.commits.at(-1)!.id
      const value = await at.run(cache.namespace<Row>('rows').getOrSet(key, load))
      if (value.id !== last) violations.push(`${key}: ${value.id} at rest, not ${last}`)
    }
  }
  return { violations, checked, cached, crashes }
}

describe('whenever a writer dies', () => {
  const { first, runs } = seeds(60)

  it(
    `nothing is served beyond its intent and the promise (${runs} runs from seed ${first})`,
    { timeout: 3_600_000 },
    async () => {
      const sums = { checked: 0, cached: 0, crashes: 0 }
      await forEachSeed({ first, runs }, run, (result) => {
        for (const name of ['checked', 'cached', 'crashes'] as const) sums[name] += result[name]
      })
      // A test that checks nothing would pass as well.
      expect(sums.checked).toBeGreaterThan(runs * 60)
      expect(sums.cached).toBeGreaterThan(runs * 5)
      expect(sums.crashes).toBeGreaterThan(runs)
    },
  )
})
