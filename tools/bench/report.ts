/**
 * The results, for people.
 *
 * @module
 */
import { CACHE_NAMES, type CacheName } from './hit-ratio/caches.ts'
import type { HitRatios } from './hit-ratio/measure.ts'
import type { CostTable } from './misses/costs.ts'
import type { WorkersHerd } from './misses/workers-herd.ts'
import type { Results } from './results.ts'
import type { ScaleRow } from './scale/scales.ts'
import type { Spread } from './statistics.ts'
import type { Relative, TransportUse } from './transports.ts'

/** How many decimals a figure has, by its unit. */
const DECIMALS = { '×': 2, µs: 1, bytes: 0, '%': 1, points: 1 } as const

/** The results as text, in tables that Markdown shows as tables too. */
export function report(results: Results): string {
  const { machine, seed, rounds, groups, weights, hits, costs, scales, transports, sizes, aims } = results
  const sections = [
    `${machine}\nseed ${seed}, ${rounds} round${rounds === 1 ? '' : 's'}`,
    ...groups.map(({ title, ratios }) => {
      const rows = ratios.map(({ subject, ns, paired, best }) => [
        subject,
        paired.median.toFixed(2),
        `${paired.min.toFixed(2)}–${paired.max.toFixed(2)}`,
        best.toFixed(2),
        ns.median.toFixed(0),
        ns.min.toFixed(0),
      ])
      return `${title}\n\n${table(['', '× floor', 'spread', 'best / best', 'ns a read', 'best'], rows)}`
    }),
  ]
  if (weights.length > 0) {
    const rows = weights.map(({ store, bytes, aboveMap }) => [store, bytes.toFixed(0), aboveMap.toFixed(0)])
    sections.push(`Heap beside keys and values\n\n${table(['', 'bytes an entry', 'above a Map'], rows)}`)
  }
  if (hits) sections.push(`Hits, in percent of Belady's optimum\n\n${hitsTable(hits)}`)
  for (const costTable of costs.tables) sections.push(`${costTable.title}\n\n${costsTable(costTable)}`)
  if (costs.workers.length > 0)
    sections.push(
      `The same herds on Workers, where requests share no promises\n\n${workersTable(costs.workers)}`,
    )
  if (scales.length > 0)
    sections.push(`By the number of namespaces, tags and features, µs CPU\n\n${scalesTable(scales)}`)
  for (const { title, rows } of transports) sections.push(`${title}\n\n${transportTable(rows)}`)
  if (sizes) {
    const rows = [
      ['core', sizes.core.minified, sizes.core.gzip],
      ['core with `gateway()`', sizes.withGateway.minified, sizes.withGateway.gzip],
    ].map((row) => row.map(String))
    sections.push(`Bundle\n\n${table(['', 'minified bytes', 'gzip bytes'], rows)}`)
  }
  if (aims.length > 0) {
    const rows = aims.map(({ name, aim, got, bound, unit, met }) => [
      name,
      `${bound} ${aim} ${unit}`,
      `${got.toFixed(DECIMALS[unit])} ${unit}`,
      met ? 'met' : 'missed',
    ])
    sections.push(`Aims\n\n${table(['', 'aim', 'got', ''], rows)}`)
  }
  return `${sections.join('\n\n')}\n`
}

function hitsTable({ cells, means }: HitRatios): string {
  const partsOf = (parts: Readonly<Record<CacheName, number>>): string[] =>
    CACHE_NAMES.map((name) => (100 * parts[name]).toFixed(1))
  const rows = cells.map(({ trace, entries, optimum, parts }) => [
    trace,
    String(entries),
    `${(100 * optimum).toFixed(1)} %`,
    ...partsOf(parts),
  ])
  return table(['', 'entries', 'optimum', ...CACHE_NAMES], [...rows, ['mean', '', '', ...partsOf(means)]])
}

function costsTable({ rows }: CostTable): string {
  const heldBytes = rows.some((row) => row.heldBytes !== undefined)
  const herdMs = rows.some((row) => row.herdMs !== undefined)
  const head = [
    '',
    'µs CPU',
    'spread',
    ...(herdMs ? ['wall ms', 'spread'] : []),
    ...(heldBytes ? ['bytes held in a chain of awaits'] : []),
  ]
  return table(
    head,
    rows.map((row) => [
      row.subject,
      ...spreadCells(row.cpuUs),
      ...(row.herdMs ? spreadCells(row.herdMs) : []),
      ...(row.heldBytes ? [row.heldBytes.median.toFixed(0)] : []),
    ]),
  )
}

const spreadCells = ({ median, min, max }: Spread): string[] => [
  median.toFixed(1),
  `${min.toFixed(1)}–${max.toFixed(1)}`,
]

function workersTable(herds: readonly WorkersHerd[]): string {
  const head = ['', 'wall ms', 'µs CPU a caller', 'timers a caller', 'loads a herd']
  const rows = herds.map(({ requests, callers, herdMs, cpuUs, timersACaller, loadsAHerd }) => [
    `requests: ${requests}, callers in each: ${callers}`,
    herdMs.toFixed(1),
    cpuUs.toFixed(1),
    timersACaller.toFixed(2),
    loadsAHerd.toFixed(2),
  ])
  return table(head, rows)
}

function scalesTable(rows: readonly ScaleRow[]): string {
  const works = Object.keys(rows[0]!.cpuUs)
  return table(
    ['', ...works],
    rows.map(({ setup, cpuUs }) => [setup, ...works.map((work) => cpuUs[work]!.toFixed(2))]),
  )
}

function transportTable(rows: TransportUse['rows']): string {
  const cells = ({ value, paired }: Relative): string[] => [
    paired.median.toFixed(2),
    `${paired.min.toFixed(2)}–${paired.max.toFixed(2)}`,
    value.median.toFixed(0),
  ]
  return table(
    ['', '× fetch, p50', 'spread', 'µs', '× fetch, CPU', 'spread', 'µs'],
    rows.map(({ transport, us, cpuUs }) => [transport, ...cells(us), ...cells(cpuUs)]),
  )
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]!.length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
