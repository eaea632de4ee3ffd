/** Text on a screen: pieces with colours, cut to a width. @module */
import type { Colour } from '../terminal.ts'

/** A piece of a line. */
export interface Span {
  readonly text: string
  readonly colour?: Colour
}

/** Its pieces, from the left. */
export type Line = readonly Span[]

/**
 * A stranger's text: characters that take one column each. Others are `?`: a wide one would move all that stands to the right
 * of it, and a control would move the cursor.
 */
export const narrow = (text: string): string =>
  text.replace(/[^\x20-\x7E\u00A1-\u00AC\u00AE-\u024F…–—‘’“”]/gu, '?')

export const span = (text: string, colour?: Colour): Span => (colour ? { text, colour } : { text })

export const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0)

/** The line with at most so many columns. */
export function cutTo(line: Line, width: number): Line {
  const cut: Span[] = []
  let left = width
  for (const each of line) {
    if (left <= 0) break
    const text = each.text.length > left ? `${each.text.slice(0, left - 1)}…` : each.text
    cut.push({ ...each, text })
    left -= text.length
  }
  return cut
}

/** The line with exactly so many columns. */
export function paddedTo(line: Line, width: number): Line {
  const cut = cutTo(line, width)
  const missing = width - widthOf(cut)
  return missing > 0 ? [...cut, span(' '.repeat(missing))] : cut
}

const BARS = '▁▂▃▄▅▆▇█'

/** The newest values as bars, from 0 to the largest of them; a gap where one is not known. */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const shown = values.slice(-width)
  const top = Math.max(0, ...shown.map((value) => value ?? 0))
  return shown
    .map((value) => {
      if (value === undefined || !Number.isFinite(value)) return ' '
      const step = top === 0 ? 0 : Math.round((Math.max(0, value) / top) * (BARS.length - 1))
      return BARS[step]!
    })
    .join('')
}

/** A part of a whole, from 0 to 1. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`
}
