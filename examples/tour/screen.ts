/**
 * What the demo prints: the screen of `npm start`, and the lines of `npm start -- --check`.
 *
 * @module
 */
import { curlLine, setupLine, type Addresses } from './curl.ts'
import type { StepReport } from './runner.ts'
import { TOUR, type Foretold } from './tour.ts'

/** The longest line that is printed of an answer. */
const WIDTH = 100

/** How a heading is set off. */
export type Emphasis = (text: string) => string

/** A chapter's heading, with its number. */
export function headingOf(title: string, number: number): string {
  return `${number} ${title}`
}

/**
 * The screen: where everything is, and the tour as lines to paste. It fits 40 lines of 100 columns together with the
 * four that npm prints above it.
 */
export function screenOf(
  places: Addresses & { log: string; page: string },
  readyMs: number,
  emphasis: Emphasis,
): string[] {
  const { a, b, origin, log, page } = places
  const tour = TOUR.flatMap(({ title, steps }, index) => [
    emphasis(headingOf(title, index + 1)),
    ...steps.map((step) => `  ${curlLine(step, places)}`),
  ])
  return [
    `${emphasis('kedge')}: two edge workers kept coherent by a Kafka log. Ready in ${(readyMs / 1000).toFixed(1)} s.`,
    `  worker A  ${a}   worker B          ${b}`,
    `  origin    ${origin}   log (Kafka REST)  ${log}`,
    `The tour. Watch it at ${page}, and paste into another terminal, this line first:`,
    `  ${setupLine(places)}`,
    ...tour,
    'Ctrl-C stops everything. `npm start -- --check` takes this tour by itself.',
  ]
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** The members of a body that the step expects something of. */
function excerptOf(foretold: Foretold | undefined, body: unknown): unknown {
  if (typeof foretold !== 'object' || foretold === null || Array.isArray(foretold)) return body
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  const members = new Map<string, unknown>(Object.entries(body))
  const named = Object.entries<Foretold>(foretold).filter(([name]) => members.has(name))
  return Object.fromEntries(named.map(([name, value]) => [name, excerptOf(value, members.get(name))]))
}

/** The part of a body to print: what the step expects, if it came so, else as much as fits. */
function bodyOf({ step, seen, difference }: StepReport): string | undefined {
  if (seen === undefined || difference !== undefined || step.expect.body === undefined) return seen?.text
  return JSON.stringify(excerptOf(step.expect.body, seen.body))
}

/** What was seen at a step: its line for curl, then the answer, then the difference if there is one. */
export function reportOf(report: StepReport, places: Addresses): string[] {
  const { step, seen, difference, tookMs } = report
  const took = step.within === undefined ? '' : `after ${(tookMs / 1000).toFixed(1)} s: `
  const answer = seen && [seen.status, seen.cacheStatus, bodyOf(report)].filter(Boolean).join(' · ')
  return [
    `  ${difference === undefined ? 'ok  ' : 'DIFF'} ${curlLine(step, places)}`,
    ...(answer === undefined ? [] : [cut(`       ${took}${answer}`, WIDTH)]),
    ...(difference === undefined ? [] : [`       ${difference}`]),
  ]
}
