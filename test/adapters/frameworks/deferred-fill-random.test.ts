/**
 * cachified and unstorage over a namespace, on a clock that hardly moves: reads, loads that take their time, loads that
 * are forced, and evictions fall into the same millisecond, and the clock is set now and then. Nothing that was loaded
 * before an eviction is served after it, and every other value is held.
 */
import { cachified } from '@epic-web/cachified'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type CachifiedEntry, cachifiedCache } from '../../../adapters/frameworks/cachified.ts'
import { unstorageDriver, type UnstorageItem } from '../../../adapters/frameworks/unstorage.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { forEachSeed, seeds } from '../../seeds.ts'
import { runSlowly } from './deferred-fill-random-slow.ts'
import { isolates } from './world.ts'
import type { Isolate } from './world.ts'

const STEPS = 120
const KEYS = ['a', 'b']
const turn = () => new Promise((resolve) => setImmediate(resolve))

interface Result {
  readonly violations: string[]
  readonly loads: number
  readonly hits: number
}

/** The source: each commit is a number, and a load reads it at once and returns it when the test lets it. */
class Source {
  readonly #rows = new Map<string, number>()
  readonly gates: (() => void)[] = []
  loads = 0

  row(key: string): number {
    return this.#rows.get(key) ?? 0
  }

  commit(key: string): void {
    this.#rows.set(key, this.row(key) + 1)
  }

  async load(key: string, fails: boolean): Promise<number> {
    this.loads++
    const row = this.row(key)
    await new Promise<void>((resolve) => this.gates.push(resolve))
    if (fails) throw new Error('down')
    return row
  }
}

/** How one framework reads; it keeps apart what it held and what it loaded. */
interface Framework {
  readonly here: Isolate<never>
  readonly there: Isolate<never>
  /** Reads as an app does. */
  read(key: string, source: Source, how: { forced: boolean; fails: boolean }): Promise<unknown>
  /** How long after the last read it is at rest, and how many fills may be lost then to reads that were given up. */
  readonly restMs: number
  readonly lost: number
  /** What is held. */
  held(key: string): Promise<number | undefined>
}

async function overCachified(): Promise<Framework> {
  const [here, there] = await isolates<CachifiedEntry>()
  const cache = cachifiedCache(here.space)
  return {
    here: here as never,
    there: there as never,
    read: async (key, source, { forced: forceFresh, fails }) =>
      cachified({
        cache,
        key,
        forceFresh,
        fallbackToCache: false,
        getFreshValue: () => source.load(key, fails),
      }),
    // It keeps its loads apart: none is lost, and none has to end first.
    restMs: 0,
    lost: 0,
    held: async (key) => (await here.space.get(key))?.value as number | undefined,
  }
}

/** By hand: look, load, fill. Several requests do so at once. */
async function overUnstorage(): Promise<Framework> {
  const [here, there] = await isolates<UnstorageItem>()
  const driver = unstorageDriver(here.space, { set: 'fill' })
  return {
    here: here as never,
    there: there as never,
    async read(key, source, { fails }) {
      if ((await driver.getItem(key)) !== null) return
      await driver.setItem(key, String(await source.load(key, fails)))
    },
    restMs: 61_000,
    lost: 1,
    async held(key) {
      const item = await here.space.get(key)
      return item && Number(item.text)
    },
  }
}

async function run(seed: number, make: () => Promise<Framework>): Promise<Result> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const framework = await make()
  const { here, there, restMs, lost } = framework
  const source = new Source()
  const violations: string[] = []
  const reads: Promise<unknown>[] = []
  const known = new Map<string, number>()
  let hits = 0
  const look = async (step: number): Promise<void> => {
    for (const key of KEYS) {
      const row = await framework.held(key)
      if (row === undefined) continue
      hits++
      if (row < (known.get(key) ?? 0))
        violations.push(`step ${step}: ${key} is ${row} after ${known.get(key)}`)
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const key = pick(KEYS)
    const chance = random()
    if (chance < 0.4) {
      const how = { forced: random() < 0.3, fails: random() < 0.15 }
      reads.push(framework.read(key, source, how).catch(() => undefined))
    } else if (chance < 0.7) {
      // Not in the order in which they began.
      source.gates.splice(Math.floor(random() * source.gates.length), 1)[0]?.()
    } else if (chance < 0.85) {
      source.commit(key)
      const row = source.row(key)
      await there.space.delete(key)
      await here.catchUp()
      known.set(key, row)
    } else if (chance < 0.95) {
      await turn()
    } else {
      vi.setSystemTime(Date.now() + pick([1, 5, -1, -5, -2000]))
    }
    if (random() < 0.5) await turn()
    await look(step)
  }
  let isOver = false
  const over = Promise.all(reads).then(() => (isOver = true))
  while (!isOver) {
    source.gates.shift()?.()
    await turn()
  }
  await over
  for (const key of KEYS) {
    for (let nth = 0; nth < 3; nth++) {
      // The rest ends all other work, of which no event tells.
      vi.advanceTimersByTime(restMs)
      await there.space.delete(key)
      await here.catchUp()
      const filled = framework.read(key, source, { forced: false, fails: false })
      await turn()
      source.gates.shift()?.()
      await filled
      if (nth >= lost && (await framework.held(key)) === undefined)
        violations.push(`at rest: ${key} is not held, of fill ${nth}`)
    }
  }
  return { violations, loads: source.loads, hits }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

it.each([
  ['cachified', overCachified],
  ['unstorage', overUnstorage],
])('%s never serves what was loaded before an eviction, and holds what it may', async (_, make) => {
  let [loads, hits] = [0, 0]
  await forEachSeed(
    seeds(60),
    (seed) => run(seed, make),
    (result) => {
      loads += result.loads
      hits += result.hits
    },
  )
  // Otherwise it would have shown nothing.
  expect(loads).toBeGreaterThan(0)
  expect(hits).toBeGreaterThan(0)
})

it('never holds what was loaded before an eviction, however the reads ended and however long it took', async () => {
  vi.useRealTimers()
  const reached = { overloaded: 0, rejected: 0, foundNothing: 0, slow: 0, hits: 0 }
  await forEachSeed(seeds(12), runSlowly, (result) => {
    for (const [what, count] of Object.entries(result.reached)) reached[what as keyof typeof reached] += count
  })
  // Otherwise it would have shown nothing.
  expect(Math.min(...Object.values(reached)), JSON.stringify(reached)).toBeGreaterThan(0)
}, 120_000)
