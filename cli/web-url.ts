/** The URL in a setting. @module */
import { UsageError } from './failure.ts'
import type { AnySetting, Setting } from './setting.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

/**
 * The URL of a setting. Its errors quote no text that may hold credentials.
 *
 * @throws UsageError where the URL has no scheme; the message proposes one.
 */
export function webUrl<T extends string | undefined>(values: ResolvedSettings, of: Setting<T>): T {
  const given = values.get(of)
  if (given === undefined || given.includes('://')) return given
  const scheme = /:443(?:\/|$)/.test(given) ? 'https' : 'http'
  const whole = `${scheme}://${given}`
  const isPlain = /^[\w.[\]:/-]{1,300}$/.test(given) && URL.canParse(whole)
  const hint = isPlain ? `did you mean ${whole}?` : 'as in http://localhost:8082'
  throw new UsageError(`${placeOf(values, of)} must begin with http:// or https://: ${hint}`)
}

/** The place of a setting's value, in the user's terms. */
function placeOf(values: ResolvedSettings, of: AnySetting): string {
  const source = values.source(of)
  if (source === 'environment') return of.env
  return source === 'file' ? `${of.path} in the configuration file` : of.flag.split(/[ ,]/)[0]!
}
