/** Evictions as they come, beneath the processes. @module */
import { WORDS } from '../ui/seen-evictions.ts'
import type { EvictionLine } from '../ui/state.ts'
import { count } from './figures.ts'
import type { EvictionStream } from './eviction-stream.ts'
import { cutTo, narrow, span, widthOf } from './spans.ts'
import type { Line } from './spans.ts'

/** What the pane takes of a screen: a third, and at most so many rows. */
const MAX_ROWS = 12

export const paneRows = (rows: number): number => Math.min(MAX_ROWS, Math.floor(rows / 3))

/** A head, and as many evictions as there is room for, the newest first. */
export function paneOf({ address, seen, problem }: EvictionStream, columns: number, rows: number): Line[] {
  const { lines, skipped } = seen
  const state = problem !== undefined ? '' : lines.length === 0 ? '  none yet' : '  as they come'
  const more = skipped === 0 ? '' : `  ${count(skipped)} came too fast`
  const head = [span('evictions ', 'bold'), span(narrow(address)), span(`${state}${more}`, 'dim')]
  const why = problem === undefined ? [] : [cutTo([span(`  ${narrow(problem)}`, 'yellow')], columns)]
  return [cutTo(head, columns), ...why, ...lines.map((line) => lineOf(line, columns))].slice(0, rows)
}

function lineOf(
  { at, partition, offset, namespace, what, names, more }: EvictionLine,
  columns: number,
): Line {
  const said = [WORDS[what], names.map(narrow).join(', '), ...(more > 0 ? [`and ${count(more)} more`] : [])]
  const place = `  ${partition}@${offset}`
  const left = cutTo(
    [
      span(`  ${new Date(at).toISOString().slice(11, 19)}  `, 'dim'),
      span(`${namespace === undefined ? 'everything' : narrow(namespace)}  `, 'bold'),
      span(said.filter((text) => text !== '').join(' '), what === 'unreadable' ? 'yellow' : undefined),
    ],
    Math.max(0, columns - place.length),
  )
  return [...left, span(' '.repeat(Math.max(0, columns - place.length - widthOf(left)))), span(place, 'dim')]
}
