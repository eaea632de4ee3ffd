/** What is aimed for, and what was got. @module */
import type { Cost } from './processor.ts'
import type { Row } from './rows.ts'

export interface Target {
  readonly name: string
  readonly most: number
  readonly got: number
  readonly unit: string
}

export const isMet = ({ most, got }: Target): boolean => got <= most

/** Samples a second of a warm tail, at most. */
const SAMPLES = 6
const TAIL_REQUESTS: Readonly<Record<string, number>> = {
  'a colo of 20': 4,
  'a colo of 100': 8,
  'a colo of 3,000': 30,
}

/** Judges what was measured; what was not is left out. */
export function judge(rows: readonly Row[], costs: readonly Cost[]): Target[] {
  return [...ofOrigins(rows), ...ofColos(rows), ...ofEvictions(rows), ...ofRestarts(rows), ...costs]
}

const stored = (rows: readonly Row[], name: string) =>
  rows.find((row) => row.name === name && row.plan.way === 'store')

/** Of the row that is nearest to its bound: a read for each eviction that there was. */
function ofOrigins(rows: readonly Row[]): Target[] {
  const each = rows
    .filter(({ name, plan }) => plan.way !== 'direct' && plan.way !== 'gateway' && name !== 'restart')
    .map(({ plan: { tails }, seen: { origin, evictions } }): Target => {
      const most = SAMPLES + evictions
      return { name: 'origin requests / s, a tail', most, got: origin / tails, unit: '' }
    })
  const [worst] = each.toSorted((a, b) => b.got / b.most - a.got / a.most)
  return worst ? [worst] : []
}

const ofColos = (rows: readonly Row[]): Target[] =>
  Object.entries(TAIL_REQUESTS).flatMap(([name, most]) => {
    const got = stored(rows, name)?.seen.tail
    return got === undefined ? [] : [{ name: `tail requests / s of ${name}`, most, got, unit: '' }]
  })

function ofEvictions(rows: readonly Row[]): Target[] {
  const [busy, often] = [stored(rows, 'busy')?.seen, stored(rows, 'busy, 250 ms')?.seen]
  const tooLong = rows.reduce((sum, { seen }) => sum + seen.tooLong, 0)
  const reads = rows.reduce((sum, { seen }) => sum + seen.reads, 0)
  return [
    ...(busy
      ? [
          { name: 'evicted until dropped, p50', most: 800, got: busy.dropped.p50, unit: 'ms' },
          { name: 'evicted until dropped, p99', most: 1900, got: busy.dropped.p99, unit: 'ms' },
        ]
      : []),
    ...(often
      ? [{ name: 'the same at `refreshAfter: 250ms`, p50', most: 500, got: often.dropped.p50, unit: 'ms' }]
      : []),
    ...(reads > 0
      ? [{ name: `served past \`maxStaleness\`, of ${reads} reads`, most: 0, got: tooLong, unit: '' }]
      : []),
  ]
}

function ofRestarts(rows: readonly Row[]): Target[] {
  const [calm, restart] = [stored(rows, 'restart, calm')?.seen, stored(rows, 'restart')?.seen]
  if (!calm || !restart) return []
  const got = restart.tailPeak / calm.tailPeak
  return [{ name: 'busiest second of a tail that is replaced, beside calm', most: 2, got, unit: '×' }]
}
