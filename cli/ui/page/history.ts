/** What was heard in the last minutes: of a moment in which nothing was heard there is no point, and charts have a gap. @module */
import type { LiveState } from '../state.ts'

export interface Heard {
  /** By the clock of this page, in milliseconds. */
  readonly at: number
  readonly state: LiveState
}

export type History = readonly Heard[]

const WINDOW_MS = 300_000
/** What a chart shows at first: in five minutes a line of some seconds could not be read. */
const FIRST_WINDOWS_MS = [60_000, 120_000]

/** States come each second: a longer silence is a gap. */
const GAP_MS = 3500

export const withHeard = (history: History, heard: Heard): History => [
  ...history.filter(({ at }) => at > heard.at - WINDOW_MS - GAP_MS && at < heard.at),
  heard,
]

/** A line of a chart: times in seconds, and values, `null` where there is none. */
export interface Line {
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
}

/** How far back a chart of this line goes. */
export function windowOf({ times }: Line, now: number): number {
  const span = now - (times[0] ?? now / 1000) * 1000
  return FIRST_WINDOWS_MS.find((window) => span <= window) ?? WINDOW_MS
}

type Read = (state: LiveState) => number | null | undefined

/** A figure of each moment. */
export const gauge = (history: History, read: Read): Line =>
  lineOf(history, ({ state }) => read(state) ?? null)

/** How fast a counter goes, by the second. */
export const rate = (history: History, read: Read): Line =>
  lineOf(history, (heard, before) => {
    if (!before) return null
    const [now, then] = [read(heard.state), read(before.state)]
    // A counter that has gone back is that of another process.
    if (now == null || then == null || now < then) return null
    return ((now - then) * 1000) / Math.max(1, heard.state.at - before.state.at)
  })

/** Of what two counters have counted in the last seconds, the part of the first. None where neither has counted. */
export const ratio = (history: History, part: Read, other: Read, withinMs: number): Line =>
  lineOf(history, (heard) => shareSince(history, heard, part, other, withinMs))

export function shareSince(
  history: History,
  heard: Heard,
  part: Read,
  other: Read,
  withinMs: number,
): number | null {
  const first = history.find(({ at }) => at >= heard.at - withinMs)
  if (!first) return null
  const grown = (read: Read) => (read(heard.state) ?? 0) - (read(first.state) ?? 0)
  const [a, b] = [grown(part), grown(other)]
  return a < 0 || b < 0 || a + b === 0 ? null : a / (a + b)
}

function lineOf(history: History, valueOf: (heard: Heard, before: Heard | undefined) => number | null): Line {
  const times: number[] = []
  const values: (number | null)[] = []
  let before: Heard | undefined
  for (const heard of history) {
    const isAfterGap = before !== undefined && heard.at - before.at > GAP_MS
    if (isAfterGap) {
      times.push((before!.at + 1) / 1000)
      values.push(null)
    }
    times.push(heard.at / 1000)
    values.push(valueOf(heard, isAfterGap ? undefined : before))
    before = heard
  }
  return { times, values }
}
