/**
 * What a miss costs: processor time, which a busy machine disturbs less than it does a clock on the wall.
 *
 * @module
 */
import { createCache } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { medianOf } from '../statistics.ts'
import { settledHeap } from '../weight.ts'
import { MANY_READERS, READERS } from './readers.ts'
import type { Load, ManyReaderName, ReaderName } from './readers.ts'

/** What one piece of work takes. */
export interface CostSample {
  /** Processor time of the process, user and system, in microseconds, by what was done. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** The median over herds. */
  readonly herdMs?: number
  /** What is still held after misses between which nothing returned to the event loop, for each of them. */
  readonly heldBytes?: number
}

/** How much is done. */
export interface Amount {
  readonly misses: number
  readonly herds: number
  readonly writes: number
}

const HELD = 500
const CALLERS = 1000
const KEYS = 100
const LOADER_MS = 5
/** Goes of which the median counts. */
const GOES = 5
/** A server returns to the event loop now and then. */
export const TURN_EVERY = 256

const atOnce: Load = async (key) => key
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Microseconds of processor time, for each of so many. */
export async function cpuUsOf(count: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function medianOfGoes(go: () => Promise<number>): Promise<number> {
  const took: number[] = []
  for (let nth = 0; nth < GOES; nth++) took.push(await go())
  return medianOf(took)
}

/** One miss after the other: the loader answers at once. */
export async function measureMiss(name: ReaderName, { misses }: Amount): Promise<CostSample> {
  let loads = 0
  const read = await READERS[name]((key) => {
    loads++
    return atOnce(key)
  }, HELD)
  let next = 0
  const run = async (count: number, turns: boolean): Promise<void> => {
    for (let nth = 0; nth < count; nth++) {
      const key = `key-${next++}`
      if ((await read(key)) !== key) throw new Error(`${name} read another value`)
      if (turns && nth % TURN_EVERY === 0) await turn()
    }
  }
  const go = misses / GOES
  for (let nth = 0; nth < GOES; nth++) await run(go, true)
  const cpuUs = await medianOfGoes(() => cpuUsOf(go, () => run(go, true)))
  const before = await settledHeap()
  await run(misses, false)
  globalThis.gc!()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  if (loads !== next) throw new Error(`${name} loaded ${loads} times for ${next} misses`)
  return { cpuUs: { miss: cpuUs }, heldBytes: Math.max(0, heapUsed + arrayBuffers - before) / misses }
}

/** A thousand callers of one key at once. */
export async function measureHerd(name: ReaderName, { herds }: Amount): Promise<CostSample> {
  let loads = 0
  const read = await READERS[name](async (key) => {
    loads++
    await new Promise((resolve) => setTimeout(resolve, LOADER_MS))
    return key
  }, HELD)
  const wall: number[] = []
  const cpu: number[] = []
  const warmUp = herds
  for (let herd = -warmUp; herd < herds; herd++) {
    const key = `key-${herd}`
    const began = performance.now()
    const cpuUs = await cpuUsOf(CALLERS, () => Promise.all(Array.from({ length: CALLERS }, () => read(key))))
    if (herd < 0) continue
    wall.push(performance.now() - began)
    cpu.push(cpuUs)
  }
  if (loads !== warmUp + herds) throw new Error(`${name} loaded ${loads} times for ${warmUp + herds} herds`)
  return { cpuUs: { caller: medianOf(cpu) }, herdMs: medianOf(wall) }
}

/** A hundred missing keys in one call. */
export async function measureMany(name: ManyReaderName, { misses }: Amount): Promise<CostSample> {
  const read = await MANY_READERS[name](atOnce, HELD)
  let next = 0
  const go = Math.ceil(misses / GOES / KEYS)
  const run = async (): Promise<void> => {
    for (let nth = 0; nth < go; nth++) {
      const keys = Array.from({ length: KEYS }, () => `key-${next++}`)
      if ((await read(keys)) !== KEYS) throw new Error(`${name} left keys out`)
      if (nth % 8 === 0) await turn()
    }
  }
  // As much as is measured: until then the compiler is at work.
  for (let nth = 0; nth < GOES; nth++) await run()
  return { cpuUs: { key: await medianOfGoes(() => cpuUsOf(go * KEYS, run)) } }
}

/** What writers and polls cost, over a log in memory: one cache writes, another one reads its evictions. */
export async function measureLog({ writes }: Amount): Promise<CostSample> {
  const log = new MemoryLog()
  const open = async () => {
    const cache = createCache({
      kafka: memory({ on: log }),
      maxEntries: 20_000,
      maxStaleness: '1h',
      ttl: '1h',
    })
    const space = cache.namespace<number>('numbers')
    await space.getOrSet('first', () => 1)
    await cache.sync()
    return { cache, space }
  }
  const writer = await open()
  const reader = await open()
  const keys = Array.from({ length: writes }, (_, at) => `key-${at}`)
  const each = async (work: (key: string) => Promise<unknown>): Promise<void> => {
    for (const [at, key] of keys.entries()) {
      await work(key)
      if (at % TURN_EVERY === 0) await turn()
    }
  }
  const took: Record<string, number[]> = {}
  const note = async (work: string, run: () => Promise<unknown>): Promise<void> => {
    ;(took[work] ??= []).push(await cpuUsOf(writes, run))
  }
  // As much as is measured: until then the compiler is at work.
  for (let go = 0; go < 2 * GOES; go++) {
    await reader.space.getOrSetMany(keys, (missing) => new Map(missing.map((key) => [key, 1])))
    const { evictionsApplied } = reader.cache.stats()
    await note('poll with nothing', () => each(() => reader.cache.sync()))
    await note('delete', () => each((key) => writer.space.delete(key)))
    await note('eviction applied', () => reader.cache.sync())
    const applied = reader.cache.stats().evictionsApplied - evictionsApplied
    if (applied !== writes) throw new Error(`applied ${applied} evictions, not ${writes}`)
    await note('delete of many, a key', () => writer.space.delete(keys))
    await note('set', () => each((key) => writer.space.set(key, 1)))
    await reader.cache.sync()
  }
  await Promise.all([writer.cache.close(), reader.cache.close()])
  const cpuUs = Object.entries(took).map(([work, all]) => [work, medianOf(all.slice(GOES))] as const)
  return { cpuUs: Object.fromEntries(cpuUs) }
}
