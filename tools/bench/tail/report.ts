/** What was measured of tails, for people. @module */
import { table } from '../report.ts'
import { totalOf, type Bill } from './bill.ts'
import type { Plan, Way } from './plan.ts'
import type { Row } from './rows.ts'
import { isMet, type Target } from './targets.ts'
import type { WorkersRow } from './workers.ts'

export interface TailResults {
  readonly machine: string
  readonly seed: number
  readonly rows: readonly Row[]
  readonly workers: readonly WorkersRow[]
  readonly bills: readonly Bill[]
  readonly targets: readonly Target[]
}

export const WAYS: Readonly<Record<Way, string>> = {
  direct: 'each polls the log',
  tail: 'tails, no store',
  store: 'tails and stores',
  gateway: 'gateway and stores',
}

/** The results as text, in tables that Markdown shows as tables too. */
export function tailReport({ machine, seed, rows, workers, bills, targets }: TailResults): string {
  return `${[
    `${machine}; seed ${seed}.`,
    ...(rows.length > 0 ? [`### In virtual time\n\n${rowsTable(rows)}`] : []),
    ...(workers.length > 0 ? [`### In Miniflare\n\n${workersTable(workers)}`] : []),
    ...(bills.length > 0 ? [`### A month\n\n${billTable(bills)}`] : []),
    ...(targets.length > 0 ? [`### Targets\n\n${targetsTable(targets)}`] : []),
  ].join('\n\n')}\n`
}

function rowsTable(rows: readonly Row[]): string {
  return table(
    [
      'isolates / colos / tails',
      '',
      'origin / s',
      'tail / s',
      'a colo',
      'busiest second',
      'matches / s',
      'adopted %',
      'dropped p50 ms',
      'p99',
      'served at most ms',
      'too long',
      'of reads',
    ],
    rows.map(({ plan, seen }) => [
      `${grouped(plan.isolates)} / ${plan.colos} / ${plan.way === 'direct' ? 0 : plan.tails}${remarkOf(plan)}`,
      WAYS[plan.way],
      rate(seen.origin),
      plan.way === 'direct' ? '–' : rate(seen.tail),
      plan.way === 'direct' ? '–' : rate(seen.tail / plan.colos),
      plan.way === 'direct' ? '–' : String(seen.tailPeak),
      seen.matches > 0 ? rate(seen.matches) : '–',
      seen.matches > 0 ? (100 * seen.adopted).toFixed(1) : '–',
      String(seen.dropped.p50),
      String(seen.dropped.p99),
      String(seen.longestMs),
      String(seen.tooLong),
      grouped(seen.reads),
    ]),
  )
}

/** What is not as everywhere else. */
function remarkOf({ requests, refreshAfterMs, restartEveryMs }: Plan): string {
  const remarks = [
    ...(requests === 2 ? [] : [`${requests} requests / s each`]),
    ...(refreshAfterMs === 500 ? [] : [`\`refreshAfter\` ${refreshAfterMs} ms`]),
    ...(restartEveryMs === undefined ? [] : [`a new tail every ${restartEveryMs / 1000} s`]),
  ]
  return remarks.map((remark) => `, ${remark}`).join('')
}

function workersTable(workers: readonly WorkersRow[]): string {
  return table(
    [
      'isolates / colos',
      '',
      'origin / s',
      'tail / s',
      'polls / s',
      'adopted %',
      'dropped p50 ms',
      'p99',
      'served at most ms',
      'too long',
      'of reads',
      'polls that failed',
    ],
    workers.map((row) => [
      `${row.isolates} / ${row.colos}`,
      WAYS[row.way],
      rate(row.origin),
      row.way === 'direct' ? '–' : rate(row.questions),
      rate(row.polls),
      row.way === 'store' ? (100 * row.adopted).toFixed(1) : '–',
      String(row.dropped.p50),
      String(row.dropped.p99),
      String(row.longestMs),
      String(row.tooLong),
      grouped(row.reads),
      String(row.failures),
    ]),
  )
}

export function billTable(bills: readonly Bill[]): string {
  return table(
    [
      'isolates',
      '',
      'origin requests / s',
      'tail requests / s',
      'tails',
      'requests at tails',
      'tails',
      'gateways',
      'a month',
    ],
    bills.map((bill) => [
      grouped(bill.isolates),
      WAYS[bill.way],
      grouped(bill.origin),
      bill.way === 'direct' ? '–' : grouped(bill.questions),
      bill.objects === 0 ? '–' : grouped(bill.tails),
      ...[bill.requests, bill.objects, bill.gateways].map((value) => (value === 0 ? '–' : dollars(value))),
      dollars(totalOf(bill)),
    ]),
  )
}

const targetsTable = (targets: readonly Target[]): string =>
  table(
    ['', 'aim', 'got', ''],
    targets.map((target) => {
      const { name, most, got, unit } = target
      const decimals = Number.isInteger(got) ? 0 : got < 10 ? 2 : 1
      const said = (text: string) => (unit === '' ? text : `${text} ${unit}`)
      return [name, said(`≤ ${grouped(most)}`), said(got.toFixed(decimals)), isMet(target) ? 'met' : 'missed']
    }),
  )

/** With commas: 1,234,567. One below ten keeps its decimals. */
export const grouped = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 })

export const dollars = (value: number): string => `$${grouped(Math.round(value))}`

const rate = (value: number): string => (value < 100 ? value.toFixed(1) : grouped(value))
