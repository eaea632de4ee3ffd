/** What came of the races, to be read. @module */
import type { Score } from './meeting.ts'
import { RACE_NAMES } from './outcome.ts'

/** A race a line, a cache a column. */
export function markdown(scores: readonly Score[]): string {
  const head = ['race', ...scores.map(({ subject, version }) => `${subject.name} ${version}`)]
  const lines = RACE_NAMES.map((name) => [
    name,
    ...scores.map(({ results }) => (results[name].outcome === 'none' ? 'has none' : results[name].outcome)),
  ])
  return table(head, lines)
}

/** How each cache was configured. */
export function configurations(scores: readonly Score[]): string {
  const lines = scores.map(({ subject }) => [
    subject.name,
    subject.configuration,
    subject.workerd.configuration,
  ])
  return table(['', 'races in Node', 'races in workerd'], lines)
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n')
}

/** A list of what was seen, for each cache. */
export function evidence(scores: readonly Score[]): string {
  return scores
    .map(({ subject, version, results }) => {
      const lines = RACE_NAMES.map((name) => {
        const { outcome, seen } = results[name]
        return `  ${outcome.padEnd(12)}  ${name.padEnd(50)}  ${seen}`
      })
      return [`${subject.name} ${version}`, ...lines].join('\n')
    })
    .join('\n\n')
}
