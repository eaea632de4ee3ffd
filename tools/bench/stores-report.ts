/** What was measured of the stores, for people. @module */
import { table } from './report.ts'
import type { Brought } from './stores-process.ts'
import type { Rate } from './stores-rates.ts'
import type { Reads } from './stores-reads.ts'
import { ISOLATES, LOAD_MS, MISSES } from './stores-storm.ts'
import type { Storm } from './stores-storm.ts'

export interface StoresResults {
  readonly machine: string
  readonly rates: readonly Rate[]
  readonly reads: readonly Reads[]
  readonly storms: readonly Storm[]
  /** Redis, from nothing. */
  readonly caughtUp: Brought
}

const WAYS = { loop: 'a loop of one SET each', pipeline: '1000 SETs at a time', sync: 'kedge sync' }
/** Rows of a curve. */
const POINTS = 8

/** The results as text, in tables that Markdown shows as tables too. */
export function storesReport({ machine, rates, reads, storms, caughtUp }: StoresResults): string {
  return `${[
    machine,
    `Records into a store that is empty\n\n${table(
      ['', 'records', 'records / s', 'of the loop', 'CPU µs / record', 'peak MB'],
      rates.map(({ store, way, brought }) => {
        const loop = rates.find((one) => one.store === store && one.way === 'loop')
        return [
          `${store}: ${WAYS[way]}`,
          String(brought.records),
          rate(brought).toFixed(0),
          loop ? `× ${(rate(brought) / rate(loop.brought)).toFixed(1)}` : '–',
          ((brought.cpuMs * 1000) / brought.records).toFixed(0),
          megabytes(brought),
        ]
      }),
    )}`,
    `A read through the cache, milliseconds\n\n${table(
      ['', 'samples', 'p50', 'p99', 'max'],
      reads.map(({ name, times }) => [name, ...summary(times, 3)]),
    )}`,
    `${MISSES} misses at once on ${ISOLATES} isolates, loads of ${LOAD_MS} ms\n\n${table(
      ['', 'loads', 'waited p50 ms', 'p99', 'max'],
      storms.map(({ keys, service, loads, times }) => [
        `${keys} ${keys === 1 ? 'key' : 'keys'}, ${service ? 'with the loader service' : 'each isolate by itself'}`,
        String(loads),
        ...summary(times, 0).slice(1),
      ]),
    )}`,
    `Catching up with ${caughtUp.records} records: Redis\n\n${table(
      ['', ''],
      [
        ['seconds', (caughtUp.ms / 1000).toFixed(1)],
        ['records / s', rate(caughtUp).toFixed(0)],
        ['CPU seconds of the sync', (caughtUp.cpuMs / 1000).toFixed(1)],
        ['peak resident MB of the sync', megabytes(caughtUp)],
      ],
    )}`,
    `Its lag on the way\n\n${table(
      ['after s', 'records behind'],
      curve(caughtUp).map(({ ms, records }) => [(ms / 1000).toFixed(1), String(records)]),
    )}`,
  ].join('\n\n')}\n`
}

const rate = ({ records, ms }: Brought): number => (records * 1000) / ms
const megabytes = ({ peakRss }: Brought): string => (peakRss / 1e6).toFixed(0)

/** Points at even distances of time. */
function curve({ lag }: Brought): Brought['lag'] {
  const last = lag.at(-1)!.ms
  const wanted = Array.from({ length: POINTS }, (_, at) => (last * at) / (POINTS - 1))
  const found = wanted.map((ms) =>
    lag.reduce((best, one) => (Math.abs(one.ms - ms) < Math.abs(best.ms - ms) ? one : best)),
  )
  return [...new Set(found)]
}

/** How many, the median, the 99th of 100, and the longest. */
function summary(numbers: readonly number[], digits: number): string[] {
  const ascending = [...numbers].sort((a, b) => a - b)
  const at = (share: number) =>
    ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)]?.toFixed(digits) ?? '–'
  return [String(ascending.length), at(0.5), at(0.99), at(1)]
}
