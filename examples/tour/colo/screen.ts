/** What `npm start -- --colo` prints while it runs. @module */
import type { Emphasis } from '../screen.ts'
import { MAX_STALENESS_MS, type Fleet, type Isolate } from './fleet.ts'
import type { Rows } from './rows.ts'

export interface Fleets {
  readonly direct: Fleet
  readonly shared: Fleet
}

/** Columns of a name, and of each fleet at most: a terminal of 80 has 29 for each. */
const [NAME, COLUMN] = [22, 38]
/** The longest bar, and what it stands for. */
const BAR = { width: 20, most: 100 }
/** Columns of the version that an isolate holds. */
const HELD = 11
/** So many isolates are shown one by one. */
const SHOWN = 4

export const INTRODUCTION: readonly string[] = [
  'two fleets get the same requests, four a second for each isolate. On the',
  'left each isolate polls the log. On the right all share one tail, and the store',
  'of their data center. A row changes every 2 s, and each change is an eviction.',
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
  const column = Math.min(COLUMN, Math.max(0, Math.floor((columns - NAME) / 2)))
  const line = (name: string, of: (fleet: Fleet) => string): string =>
    `${name.padEnd(NAME)}${of(direct).padEnd(column)}${of(shared)}`.trimEnd().slice(0, columns)
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
    line('', () => `${'holds'.padEnd(HELD)}proved`),
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
        `${isolates} isolates ask the log ${alone.toFixed(1)} times a second, and ${together.toFixed(1)} times through one tail.`,
    ),
    `In all: ${direct.log.total} requests at the log by isolates, ${shared.log.total} by the tail.`,
    `${rows.evictions} evictions: an old row was served ${seconds(direct.longestMs)} and ${seconds(shared.longestMs)} at most; promised: ${seconds(MAX_STALENESS_MS)}.`,
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
    isolate.version === rows.version ? `v${isolate.version}` : `v${isolate.version} of ${rows.version}`
  const proof = ageMs === Infinity ? 'not yet' : `${seconds(ageMs)} ago`
  return `${row.padEnd(HELD)}${proof}${isolate.proof ? `, ${isolate.proof}` : ''}`
}
