/**
 * Misses, herds and the log, in rounds: what they cost, and what was aimed for.
 *
 * @module
 */
import type { Aim } from '../aims.ts'
import { rounds } from '../rounds.ts'
import { spreadOf } from '../statistics.ts'
import type { Spread } from '../statistics.ts'
import type { Amount, CostSample } from './measure.ts'
import { MANY_READERS, READERS } from './readers.ts'
import { measureWorkersHerds } from './workers-herd.ts'
import type { WorkersHerd } from './workers-herd.ts'

/** What `--only` says to have one part of it alone. */
export const PARTS = ['miss', 'herd', 'log'] as const
export type CostPart = (typeof PARTS)[number]

/** One subject, over all rounds. */
interface CostRow {
  readonly subject: string
  readonly cpuUs: Spread
  readonly herdMs?: Spread
  readonly heldBytes?: Spread
}

export interface CostTable {
  readonly use: 'miss' | 'herd' | 'many' | 'log'
  readonly title: string
  readonly rows: readonly CostRow[]
}

export interface Costs {
  readonly tables: readonly CostTable[]
  readonly workers: readonly WorkersHerd[]
}

const QUICK: Amount = { misses: 2000, herds: 2, writes: 100 }
const WHOLE: Amount = { misses: 20_000, herds: 12, writes: 1000 }

const USES: Readonly<
  Record<CostTable['use'], { part: CostPart; title: string; subjects: readonly string[] }>
> = {
  miss: { part: 'miss', title: 'A miss, whose loader answers at once', subjects: Object.keys(READERS) },
  many: {
    part: 'miss',
    title: 'A hundred misses in one call, a key',
    subjects: Object.keys(MANY_READERS),
  },
  herd: {
    part: 'herd',
    title: 'A thousand callers of one key at once, whose load takes 5 ms',
    // That without a cache would load a thousand times.
    subjects: Object.keys(READERS).filter((name) => name !== 'async function'),
  },
  log: { part: 'log', title: 'kedge over a log in memory, one of each', subjects: ['kedge'] },
}

/** @throws Error when a subject could not be measured. */
export async function measureCosts(
  parts: readonly CostPart[],
  quick: boolean,
  count: number,
  random: () => number,
  progress: (text: string) => void,
): Promise<Costs> {
  const amount = quick ? QUICK : WHOLE
  const tables: CostTable[] = []
  for (const [name, { part, title, subjects }] of Object.entries(USES)) {
    if (!parts.includes(part)) continue
    const use = name as CostTable['use']
    const samples = await rounds<CostSample>(
      [subjects],
      count,
      random,
      (subject) => ({ measure: use, subject, amount }),
      progress,
    )
    tables.push({ use, title, rows: [...samples].flatMap(([subject, all]) => rowsOf(subject, all)) })
  }
  const workers = parts.includes('herd') ? await measureWorkersHerds(amount.herds, progress) : []
  return { tables, workers }
}

/** A row for each kind of work: the log has several. */
function rowsOf(subject: string, samples: readonly CostSample[]): CostRow[] {
  const works = Object.keys(samples[0]!.cpuUs)
  const spread = (of: 'herdMs' | 'heldBytes') => {
    const known = samples.map((sample) => sample[of]).filter((each) => each !== undefined)
    return known.length === 0 ? {} : { [of]: spreadOf(known) }
  }
  return works.map((work) => ({
    subject: works.length === 1 ? subject : work,
    cpuUs: spreadOf(samples.map(({ cpuUs }) => cpuUs[work]!)),
    ...spread('herdMs'),
    ...spread('heldBytes'),
  }))
}

type Figure = (row: CostRow) => number

const cpu: Figure = ({ cpuUs }) => cpuUs.median

/** What is aimed for: `beside` makes it a ratio. */
const AIMS: readonly {
  readonly use: CostTable['use']
  readonly subject: string
  readonly name: string
  readonly beside?: string
  readonly aim: number
  readonly unit?: Aim['unit']
  readonly of?: Figure
}[] = [
  { use: 'miss', subject: 'kedge getOrSet', name: 'a miss', aim: 15 },
  {
    use: 'miss',
    subject: 'kedge getOrSet',
    name: "a miss beside layered-loader's",
    beside: 'layered-loader get',
    aim: 3,
  },
  {
    use: 'miss',
    subject: 'kedge getOrSet',
    name: "a miss beside bentocache's",
    beside: 'bentocache getOrSet',
    aim: 0.5,
  },
  {
    use: 'miss',
    subject: 'kedge getOrSet',
    name: 'held of a miss when nothing returned to the event loop',
    aim: 16,
    unit: 'bytes',
    of: ({ heldBytes }) => heldBytes!.median,
  },
  { use: 'many', subject: 'kedge getOrSetMany', name: '`getOrSetMany`, a missing key', aim: 6 },
  { use: 'herd', subject: 'kedge getOrSet', name: 'a caller of a herd', aim: 5 },
  {
    use: 'herd',
    subject: 'kedge getOrSet',
    name: "a herd beside lru-cache's, wall time",
    beside: 'lru-cache fetch, ttl',
    aim: 1.3,
    of: ({ herdMs }) => herdMs!.median,
  },
  { use: 'log', subject: 'poll with nothing', name: 'a poll with nothing new', aim: 40 },
  { use: 'log', subject: 'eviction applied', name: 'an eviction applied', aim: 6 },
  { use: 'log', subject: 'delete', name: '`delete`', aim: 60 },
  { use: 'log', subject: 'set', name: '`set`', aim: 80 },
]

/** The aims of what was measured. */
export function judgeCosts({ tables }: Costs): Aim[] {
  return AIMS.flatMap(({ use, subject, name, beside, aim, unit, of = cpu }) => {
    const rows = tables.find((table) => table.use === use)?.rows
    if (rows === undefined) return []
    const figure = (wanted: string): number => of(rows.find((row) => row.subject === wanted)!)
    const got = figure(subject) / (beside === undefined ? 1 : figure(beside))
    const measured = unit ?? (beside === undefined ? 'µs' : '×')
    return [{ name, aim, got, bound: '≤' as const, unit: measured, met: got <= aim }]
  })
}
