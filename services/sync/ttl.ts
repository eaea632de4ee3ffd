/** How long values live; a life may be longer than any timer can wait. @module */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a duration of any length; `undefined` for anything else. */
export function lifeMs(life: unknown): number | undefined {
  if (typeof life === 'number') return Number.isFinite(life) && life >= 0 ? life : undefined
  if (typeof life !== 'string') return undefined
  const [, count, unit] = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d)$/.exec(life) ?? []
  return unit === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS]
}
