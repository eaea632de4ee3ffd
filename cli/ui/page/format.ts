/** Numbers as people read them. @module */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** `0.8 s`, `42 s`, `5 min`, `2 h 10 min` */
export function lengthOf(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`
  const at = UNITS.findIndex(([, size]) => ms >= size)
  const [unit, size] = UNITS[at]!
  const [below, part] = UNITS[at + 1] ?? ['s', 1000]
  const rest = Math.floor((ms % size) / part)
  return `${Math.floor(ms / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${below}`}`
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** `1,234`; from a million on `1.2M` */
export const countOf = (count: number): string => (count < 1_000_000 ? whole : short).format(count)

/** `12.3 kB` */
export function bytesOf(bytes: number): string {
  const at = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3))
  const scaled = bytes / 1000 ** at
  return `${scaled < 10 && at > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${['B', 'kB', 'MB', 'GB', 'TB'][at]}`
}

/** `97 %`; `99.4 %` where a whole number would hide the rest. */
export function shareOf(share: number): string {
  const percent = share * 100
  return `${percent > 95 && percent < 100 ? (Math.floor(percent * 10) / 10).toFixed(1) : Math.round(percent)} %`
}

export const rateOf = (perSecond: number): string =>
  `${perSecond < 10 && perSecond > 0 ? perSecond.toFixed(1) : countOf(perSecond)}/s`

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export const timeOf = (at: number): string => clock.format(at)
