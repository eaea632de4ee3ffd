/**
 * What a sweep checked, as a table, and what is wrong with it beside violations: a simulator that breaks nothing, or
 * a checker that never looks, proves nothing.
 *
 * @module
 */
import { CHECKERS } from './checkers/index.ts'
import { FEATURE_SETS } from './features.ts'
import { FAULTS } from './faults.ts'
import { FAULT_NAMES } from './intensity.ts'
import type { Counts } from './schedule.ts'
import type { Sweep } from './sweep.ts'

/** Of each class there must be so many, for each thousand of schedules. */
const LEAST_PER_THOUSAND = 2

/** Sentences on what was not exercised enough. */
export function shortcomings({ faults, features, looked, schedules }: Counts): string[] {
  const least = Math.floor((schedules / 1000) * LEAST_PER_THOUSAND)
  return [
    ...FAULT_NAMES.filter((name) => faults[name] < least).map(
      (name) => `the fault ${name} was injected ${faults[name]} times, of at least ${least}`,
    ),
    ...FEATURE_SETS.filter((name) => (features[name] ?? 0) < least).map(
      (name) =>
        `isolates with the features ${name} were in ${features[name] ?? 0} schedules, of at least ${least}`,
    ),
    ...CHECKERS.filter(({ invariant }) => !looked[invariant]).map(
      ({ invariant }) => `the checker of ${invariant} never looked`,
    ),
  ]
}

export function table({ counts, failures, tookMs }: Sweep): string {
  const rows: (readonly [string, number | string])[] = [
    ['schedules', counts.schedules],
    ['virtual time', `${round(counts.virtualMs / 3_600_000)} hours`],
    ['real time', `${round(tookMs / 1000)} s`],
    ['isolates', counts.isolates],
    ['events', counts.events],
    ['reads checked', counts.reads],
    ['  of them cached', counts.cached],
    ['evictions acknowledged', counts.evictions],
    ['faults injected', Object.values(counts.faults).reduce((sum, times) => sum + times, 0)],
  ]
  const lines = [
    ...columns(rows),
    '',
    'features of the isolates, by schedules',
    ...columns(FEATURE_SETS.map((name) => [`  ${name}`, counts.features[name] ?? 0])),
    '',
    'faults',
    ...columns(FAULT_NAMES.map((name) => [`  ${name}`, counts.faults[name], FAULTS[name].says])),
    '',
    'invariants: how often each was checked',
    ...columns(
      CHECKERS.map(({ invariant, promise }) => [`  ${invariant}`, counts.looked[invariant] ?? 0, promise]),
    ),
    '',
    ...columns([
      ['violations', counts.violations],
      ['schedules that failed', failures.length],
    ]),
  ]
  return lines.join('\n')
}

function columns(rows: readonly (readonly [string, number | string, string?])[]): string[] {
  const shown = rows.map(([name, value, says = '']) => ({
    name,
    value: typeof value === 'number' ? value.toLocaleString('en') : value,
    says,
  }))
  const wide = (of: 'name' | 'value') => Math.max(...shown.map((row) => row[of].length))
  const [names, values] = [wide('name'), wide('value')]
  return shown.map(({ name, value, says }) =>
    `${name.padEnd(names)}  ${value.padStart(values)}  ${says}`.trimEnd(),
  )
}

const round = (number: number): string => number.toLocaleString('en', { maximumFractionDigits: 1 })
