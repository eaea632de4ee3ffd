import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { judgeCosts } from '../../../tools/bench/misses/costs.ts'
import type { CostTable } from '../../../tools/bench/misses/costs.ts'
import { measureHerd, measureLog, measureMany, measureMiss } from '../../../tools/bench/misses/measure.ts'
import { MANY_READERS, READERS } from '../../../tools/bench/misses/readers.ts'
import type { ManyReaderName, ReaderName } from '../../../tools/bench/misses/readers.ts'
import { measureScale } from '../../../tools/bench/scale/measure.ts'
import { SETUPS } from '../../../tools/bench/scale/setups.ts'
import type { SetupName } from '../../../tools/bench/scale/setups.ts'
import { measureWorkersHerds } from '../../../tools/bench/misses/workers-herd.ts'

setFlagsFromString('--expose-gc')
globalThis.gc = runInNewContext('gc') as NodeJS.GCFunction

const FEW = { misses: 500, herds: 2, writes: 20 }
const readers = Object.keys(READERS) as ReaderName[]

describe('the cost of a miss', () => {
  // Each throws where a key is loaded more or less often than once, or another value is read.
  it.for(readers)('of %s is measured', async (name) => {
    const { cpuUs, heldBytes } = await measureMiss(name, FEW)
    expect(cpuUs['miss']).toBeGreaterThan(0)
    expect(heldBytes).toBeGreaterThanOrEqual(0)
  })

  it.for(Object.keys(MANY_READERS) as ManyReaderName[])('of a key of %s is measured', async (name) => {
    expect((await measureMany(name, FEW)).cpuUs['key']).toBeGreaterThan(0)
  })
})

describe('the cost of a herd', () => {
  it.for(readers.slice(1))('of %s is measured: it waits for one load', async (name) => {
    const { cpuUs, herdMs } = await measureHerd(name, FEW)
    expect(cpuUs['caller']).toBeGreaterThan(0)
    expect(herdMs).toBeGreaterThan(4)
  })

  it('fails for a reader that loads for each caller', async () => {
    await expect(measureHerd('async function', FEW)).rejects.toThrow('loaded 4000 times for 4 herds')
  })

  it('is measured on Workers, where many requests wait for one load', async () => {
    const herds = await measureWorkersHerds(2, () => undefined)
    expect(herds.map(({ requests, loadsAHerd }) => [requests, loadsAHerd])).toEqual([
      [1, 1],
      [100, 1],
    ])
    // Followers look at the state that the leader leaves, by timers of their own.
    expect(herds[1]!.timersACaller).toBeGreaterThan(0)
  })
})

describe('the cost of the log', () => {
  it('is that of each kind of work', async () => {
    const { cpuUs } = await measureLog(FEW)
    expect(Object.keys(cpuUs)).toEqual([
      'poll with nothing',
      'delete',
      'eviction applied',
      'delete of many, a key',
      'set',
    ])
    for (const us of Object.values(cpuUs)) expect(us).toBeGreaterThan(0)
  })
})

describe('the cost by the number of namespaces, tags and features', () => {
  // Throws where a key is loaded twice, or an eviction is applied more or less often than once.
  it.for(Object.keys(SETUPS) as SetupName[])('is measured with %s', async (name) => {
    const { cpuUs } = await measureScale(name, FEW)
    expect(Object.keys(cpuUs)).toEqual([
      'miss',
      'hit',
      'first hit after the eviction of a tag',
      'delete',
      'eviction applied',
      'poll with nothing',
    ])
    for (const us of Object.values(cpuUs)) expect(us).toBeGreaterThan(0)
  })
})

describe('the aims of misses', () => {
  const spread = (median: number) => ({ median, min: median, max: median })
  const table = (use: CostTable['use'], rows: Readonly<Record<string, number>>): CostTable => ({
    use,
    title: use,
    rows: Object.entries(rows).map(([subject, us]) => ({
      subject,
      cpuUs: spread(us),
      herdMs: spread(us * 10),
      heldBytes: spread(us),
    })),
  })

  it('are judged by the medians, and beside peers of the same run', () => {
    const tables = [
      table('miss', { 'layered-loader get': 4, 'bentocache getOrSet': 20, 'kedge getOrSet': 12 }),
      table('herd', { 'lru-cache fetch, ttl': 2, 'kedge getOrSet': 3 }),
    ]
    const aims = judgeCosts({ tables, workers: [] })
    expect(aims.map(({ name, got, unit, met }) => [name, got, unit, met])).toEqual([
      ['a miss', 12, 'µs', true],
      ["a miss beside layered-loader's", 3, '×', true],
      ["a miss beside bentocache's", 0.6, '×', false],
      ['held of a miss when nothing returned to the event loop', 12, 'bytes', true],
      ['a caller of a herd', 3, 'µs', true],
      ["a herd beside lru-cache's, wall time", 1.5, '×', false],
    ])
  })

  it('are none for what was not measured', () => {
    expect(judgeCosts({ tables: [], workers: [] })).toEqual([])
  })
})
