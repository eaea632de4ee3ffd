/** The URL in a setting. @module */
import { UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Setting } from './setting.ts'

const BROKERS = /^(?:(?:kafka|tcp|plaintext|ssl|sasl_\w+):\/\/)?(?:[\w.-]+|\[[\da-f:]+\]):\d+(?:,.+|:\d+)*$/i
/** Of Kafka's brokers, by custom. */
const BROKER_PORT = /:909[2-9](?:,|$)/

/** Where the credentials of a URL belong. */
export interface Credentials {
  readonly instead: string
  /** Whether Kafka is behind it, so that the address of a broker may stand there by mistake. */
  readonly isProxy?: boolean
}

/**
 * The URL of a setting. Its errors quote no text that may hold credentials.
 *
 * @throws UsageError where it is no http or https URL that a path can be added to; the message proposes one.
 */
export function webUrl<T extends string | undefined>(
  values: ResolvedSettings,
  of: Setting<T>,
  { instead, isProxy = false }: Credentials,
): T {
  const given = values.get(of)
  if (given === undefined) return given
  const place = values.place(of)
  const isBroker =
    BROKERS.test(given) && (given.includes(',') || BROKER_PORT.test(given) || given.includes('://'))
  if (isProxy && isBroker)
    throw new UsageError(
      `${place} must be the http:// or https:// URL of a proxy, and this is the address of a broker: \`kedge gateway --brokers …\` serves HTTP before it`,
    )
  if (!given.includes('://'))
    throw new UsageError(`${place} must begin with http:// or https://: ${guess(given)}`)
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new UsageError(`${place} must be an http:// or https:// URL: as in http://localhost:8082`)
  if (url.username !== '' || url.password !== '')
    throw new UsageError(`${place} must have no credentials in it, because URLs stand in logs: ${instead}`)
  if (given.includes('?') || given.includes('#'))
    throw new UsageError(
      `${place} must have neither query nor fragment: the paths of requests are added to it`,
    )
  return given
}

function guess(given: string): string {
  const scheme = /:443(?:\/|$)/.test(given) ? 'https' : 'http'
  const whole = `${scheme}://${given}`
  const isPlain = /^[\w.[\]:/-]{1,300}$/.test(given) && URL.canParse(whole)
  return isPlain ? `did you mean ${whole}?` : 'as in http://localhost:8082'
}
