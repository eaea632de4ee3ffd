/** Lengths of time as people write them. @module */

/**
 * A length of time: milliseconds, or a number with a unit: `'500ms'`, `'10s'`, `'5m'`, `'2h'`, `'1d'`. A bare number is never
 * seconds: 300 is `'300ms'`.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const PATTERN = /^(\d{1,15}(?:\.\d+)?)(ms|s|m|h|d)$/

/** The longest duration: about 24.8 days, what timers of every platform can hold. */
export const MAX_DURATION_MS = 2_147_483_647

/**
 * A duration in milliseconds, at most {@link MAX_DURATION_MS}.
 * @throws TypeError quoting `option` when it is not a duration, negative, or not finite.
 */
export function durationMs(duration: Duration, option: string): number {
  const ms = lifetimeMs(duration)
  if (ms === undefined) {
    throw new TypeError(
      `\`${option}\` must be milliseconds or a duration such as '500ms', '10s' or '5m', got ${String(duration)}`,
    )
  }
  return Math.min(Math.ceil(ms), MAX_DURATION_MS)
}

/** As {@link durationMs}. @throws TypeError quoting `option`, also where it is 0 */
export function longerThanNothing(duration: Duration, option: string): number {
  const ms = durationMs(duration, option)
  if (ms === 0) throw new TypeError(`\`${option}\` must be longer than 0`)
  return ms
}

/**
 * The option of this name in milliseconds; `otherwise` where it is not given, or depends on the value.
 * @throws TypeError quoting the option when it is not a duration, negative, or not finite.
 */
export function msOf<Name extends string, Otherwise>(
  options: { readonly [name in Name]?: Duration | ((value: never) => unknown) | undefined },
  name: Name,
  otherwise: Otherwise,
): number | Otherwise {
  const given = options[name]
  return given === undefined || typeof given === 'function' ? otherwise : durationMs(given, name)
}

/** Milliseconds of a duration that no timer waits for, so it may be of any length; `undefined` for anything else. */
export function lifetimeMs(duration: unknown): number | undefined {
  let ms = duration
  if (typeof ms === 'string') {
    const match = PATTERN.exec(ms)
    ms = match && Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
  }
  return typeof ms === 'number' && ms >= 0 && ms < Infinity ? ms : undefined
}
