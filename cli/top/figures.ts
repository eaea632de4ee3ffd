/** Figures as people read them. @module */

/** `12,345`, `1.2M` */
export function count(value: number | undefined): string {
  if (value === undefined) return '-'
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : Math.round(value).toLocaleString('en-US')
}

/** In a second. */
export function perSecond(value: number | undefined): string {
  if (value === undefined) return '-/s'
  return value > 0 && value < 10 ? `${value.toFixed(1)}/s` : `${count(value)}/s`
}

export const percent = (share: number | undefined): string =>
  share === undefined ? '-' : `${(share * 100).toFixed(1)} %`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

export function bytes(value: number | undefined): string {
  if (value === undefined) return '-'
  const step = Math.min(UNITS.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3))
  return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${UNITS[step]!}`
}

export function seconds(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-'
  if (value < 1) return `${Math.round(value * 1000)} ms`
  if (value < 60) return `${value.toFixed(1)} s`
  if (value < 3600) return `${Math.floor(value / 60)}m ${Math.floor(value % 60)}s`
  if (value < 86_400) return `${Math.floor(value / 3600)}h ${Math.floor((value % 3600) / 60)}m`
  return `${Math.floor(value / 86_400)}d ${Math.floor((value % 86_400) / 3600)}h`
}

/** Of two counts, how much the first one is; `undefined` where both are nothing. */
export const share = (part: number | undefined, rest: number | undefined): number | undefined =>
  part === undefined || rest === undefined || part + rest === 0 ? undefined : part / (part + rest)
