/**
 * A whole run: speed, heap, size, and what that says about the aims.
 *
 * @module
 */
import os from 'node:os'
import { seededRandom } from '../../src/testing/index.ts'
import { judge, judgeHits, judgeMetrics } from './aims.ts'
import type { Aim } from './aims.ts'
import { bundleSizes } from './bundle.ts'
import type { BundleSizes } from './bundle.ts'
import type { BenchOptions } from './options.ts'
import { measureHitRatios, type HitRatios } from './hit-ratio/measure.ts'
import { judgeCosts, measureCosts, PARTS } from './misses/costs.ts'
import type { Costs } from './misses/costs.ts'
import { GROUPS, ratiosOf } from './ratios.ts'
import type { Group, Ratio } from './ratios.ts'
import { rounds } from './rounds.ts'
import { measureScales, SCALE } from './scale/scales.ts'
import type { ScaleRow } from './scale/scales.ts'
import type { SpeedSample } from './speed.ts'
import { medianOf } from './statistics.ts'
import { measureTransports } from './transports.ts'
import type { TransportUse } from './transports.ts'
import { STORES } from './weight.ts'
import type { WeightSample } from './weight.ts'

export interface Results {
  readonly machine: string
  readonly seed: number
  readonly rounds: number
  readonly groups: readonly { readonly title: string; readonly ratios: readonly Ratio[] }[]
  readonly weights: readonly Weight[]
  readonly hits: HitRatios | undefined
  readonly costs: Costs
  readonly scales: readonly ScaleRow[]
  readonly transports: readonly TransportUse[]
  readonly sizes: BundleSizes | undefined
  readonly aims: readonly Aim[]
}

/** Heap that an entry takes beside its key and its value. */
export interface Weight {
  readonly store: string
  readonly bytes: number
  readonly aboveMap: number
}

/** Heap hardly differs from run to run, so a few rounds do. */
const WEIGHT_ROUNDS = 3
const WEIGHT_ENTRIES = 100_000
const QUICK_WEIGHT_ENTRIES = 20_000
/** What `--only` says to have the transports alone. */
const TRANSPORT = 'transport'
/** What `--only` says to have the hit ratios alone. */
const HIT_RATIO = 'hit-ratio'
const TRANSPORT_REQUESTS = 1500
const QUICK_TRANSPORT_REQUESTS = 200

/** @throws Error when a subject could not be measured. */
export async function measure(options: BenchOptions, progress: (text: string) => void): Promise<Results> {
  const { seed, quick, only } = options
  const random = seededRandom(seed)
  const groups = GROUPS.map((group) => narrowed(group, only)).filter(({ subjects }) => subjects.length > 0)
  const hasTransports = only === undefined || only === TRANSPORT
  const hasHits = only === undefined || only === HIT_RATIO
  const hasScales = only === undefined || only === SCALE
  const parts = PARTS.filter((part) => only === undefined || only === part)
  if (groups.length === 0 && !hasTransports && !hasHits && !hasScales && parts.length === 0)
    throw new TypeError(`no subject's name contains ${JSON.stringify(only)}`)
  const speeds = await rounds<SpeedSample>(
    groups.map(({ subjects }) => subjects),
    options.rounds,
    random,
    (subject) => ({ measure: 'speed', subject, seed, ms: quick ? 60 : 500 }),
    progress,
  )
  const measured = groups.map((group) => ({ title: group.title, ratios: ratiosOf(group, speeds) }))
  const hits = hasHits ? measureHitRatios(seed, quick, progress) : undefined
  const costs = await measureCosts(parts, quick, options.rounds, random, progress)
  const scales = hasScales ? await measureScales(quick, options.rounds, random, progress) : []
  const base = { machine: machine(), seed, rounds: options.rounds, groups: measured, hits, costs, scales }
  const requests = quick ? QUICK_TRANSPORT_REQUESTS : TRANSPORT_REQUESTS
  const transports = hasTransports ? await measureTransports(options.rounds, random, requests, progress) : []
  const ratios = measured.flatMap((group) => group.ratios)
  const otherAims = [...judgeMetrics(ratios), ...(hits ? judgeHits(hits) : []), ...judgeCosts(costs)]
  if (only !== undefined) return { ...base, weights: [], transports, sizes: undefined, aims: otherAims }

  const samples = await rounds<WeightSample>(
    [Object.keys(STORES)],
    quick ? 1 : WEIGHT_ROUNDS,
    random,
    (subject) => ({ measure: 'weight', subject, entries: quick ? QUICK_WEIGHT_ENTRIES : WEIGHT_ENTRIES }),
    progress,
  )
  const weights = weightsOf(samples)
  progress('bundles')
  const sizes = await bundleSizes()
  const above = new Map(weights.map(({ store, aboveMap }) => [store, aboveMap]))
  return { ...base, weights, transports, sizes, aims: [...judge(ratios, above, sizes), ...otherAims] }
}

function narrowed(group: Group, only: string | undefined): Group {
  if (only === undefined) return group
  const [floor, ...rest] = group.subjects
  const wanted = rest.filter((subject) => subject.includes(only))
  return { ...group, subjects: wanted.length > 0 ? [floor!, ...wanted] : [] }
}

function weightsOf(samples: ReadonlyMap<string, readonly WeightSample[]>): Weight[] {
  const bytesOf = (store: string): number =>
    medianOf(samples.get(store)!.map(({ bytesPerEntry }) => bytesPerEntry))
  const map = bytesOf('Map')
  return [...samples.keys()].map((store) => {
    const bytes = bytesOf(store)
    return { store, bytes, aboveMap: bytes - map }
  })
}

function machine(): string {
  const cpus = os.cpus()
  const load = os.loadavg()[0]!.toFixed(1)
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, load ${load}`
}
