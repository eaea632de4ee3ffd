/** What `npm start -- --colo` prints while it runs. @module */
import type { Emphasis } from '../screen.ts'
import { MAX_STALENESS_MS, type Fleet, type Isolate } from './fleet.ts'
import type { Rows } from './rows.ts'

export interface Fleets {
  readonly direct: Fleet
  readonly shared: Fleet
}

/** Columns of a name, and of each fleet. */
const [NAME, COLUMN] = [22, 38]
/** The longest bar, and what it stands for. */
const BAR = { width: 20, most: 100 }
/** So many isolates are shown one by one. */
const SHOWN = 4

export const INTRODUCTION: readonly string[] = [
  'the same requests twice, to isolates that poll the log for themselves, and to isolates that',
  'share one tail and the store of their data center: four a second each. A row changes every 2 s.',
]

export interface Drawing {
  readonly emphasis: Emphasis
  /** Of the terminal. */
  readonly columns: number
}

/** The screen, as lines that the next one is drawn over: none is longer than the terminal is wide. */
export function screenOf(
  { direct, shared }: Fleets,
  rows: Rows,
  scene: string,
  { emphasis, columns }: Drawing,
): string[] {
  const line = (name: string, of: (fleet: Fleet) => string): string =>
    `${name.padEnd(NAME)}${of(direct).padEnd(COLUMN)}${of(shared)}`.trimEnd().slice(0, columns)
  const count = (meter: { rate: number; total: number }): string =>
    `${meter.rate.toFixed(1).padStart(5)} / s, ${meter.total} in all`
  return [
    emphasis(scene.slice(0, columns)),
    '',
    emphasis(line('', (fleet) => (fleet === direct ? 'each polls the log' : 'one tail, one store'))),
    emphasis(line('requests at the log', ({ log }) => count(log))),
    line('', ({ log }) => barOf(log.rate)),
    line('questions at the tail', (fleet) => (fleet === direct ? '    –' : count(fleet.questions))),
    line('polls of isolates', ({ polls }) => count(polls)),
    line('  out of the store', (fleet) => (fleet === direct ? '    –' : partOf(fleet))),
    line('evicted, but served', ({ longestMs }) => `${seconds(longestMs).padStart(7)} at most`),
    '',
    ...Array.from({ length: SHOWN }, (_, nth) =>
      line(`isolate ${nth + 1}`, ({ isolates }) => stateOf(isolates[nth], rows)),
    ),
  ]
}

/** A line for a log file, where nothing can be drawn over. */
export function lineOf({ direct, shared }: Fleets, second: number): string {
  const each = [
    `${direct.isolates.length} isolates each`,
    `at the log ${direct.log.rate.toFixed(1)} / s, and ${shared.log.rate.toFixed(1)} / s by one tail`,
    `at the tail ${shared.questions.rate.toFixed(1)} / s`,
    `out of the store ${partOf(shared).trim()}`,
  ]
  return `${String(second).padStart(3)} s  ${each.join(' · ')}`
}

export interface Scene {
  readonly isolates: number
  readonly direct: number
  readonly shared: number
}

/** What was seen. */
export function endOf({ direct, shared }: Fleets, scenes: readonly Scene[], rows: Rows): string[] {
  return [
    ...scenes.map(
      ({ isolates, direct: alone, shared: together }) =>
        `${isolates} isolates ask the log ${alone.toFixed(1)} times a second where each polls it, and ${together.toFixed(1)} times by one tail.`,
    ),
    `In all ${direct.log.total} requests at the log, and ${shared.log.total}.`,
    `${rows.evictions} evictions: served after one for ${seconds(direct.longestMs)} at most, and ${seconds(shared.longestMs)}; ${seconds(MAX_STALENESS_MS)} are promised.`,
    'What that is at ten thousand isolates, and at a million: docs/scaling.md.',
  ]
}

/** Whether nothing was served for longer than promised. */
export const isKept = ({ direct, shared }: Fleets): boolean =>
  Math.max(direct.longestMs, shared.longestMs) <= MAX_STALENESS_MS

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function barOf(rate: number): string {
  const length = Math.min(BAR.width, Math.ceil((rate / BAR.most) * BAR.width))
  return '█'.repeat(length) + (rate > BAR.most ? '▶' : '')
}

const partOf = ({ polls, adopted }: Fleet): string =>
  polls.rate === 0 ? '    –' : `${((100 * adopted.rate) / polls.rate).toFixed(0).padStart(5)} %`

function stateOf(isolate: Isolate | undefined, rows: Rows): string {
  if (isolate?.version === undefined) return 'not born yet'
  const { ageMs } = isolate.cache.freshness()
  const row =
    isolate.version === rows.version
      ? `row v${isolate.version}`
      : `row v${isolate.version} of ${rows.version}`
  const proof = ageMs === Infinity ? 'not proved' : `proved ${seconds(ageMs)} ago`
  return `${row.padEnd(15)}${proof}${isolate.proof ? `, ${isolate.proof}` : ''}`
}
