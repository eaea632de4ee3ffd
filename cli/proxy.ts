/** Makes the log behind a proxy from the settings. @module */
import { kafkaRest } from '../adapters/kafka/kafka-rest.ts'
import { redpanda } from '../adapters/kafka/redpanda.ts'
import { json } from '../src/wire/codec.ts'
import type { Codec } from '../src/wire/codec.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { asUsage, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import type { Setting } from './setting.ts'
import { authToken, flavor, password, requestTimeout, url, username } from './settings/proxy.ts'
import type { Flavor } from './settings/proxy.ts'
import { signedLog } from './signed-log.ts'
import { webUrl } from './web-url.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

/** The largest message that commands read. */
export const MAX_MESSAGE_BYTES = 4_000_000

const CREDENTIALS = {
  instead: 'give --username with KEDGE_PASSWORD, or KEDGE_AUTH_TOKEN',
  isProxy: true,
}

export interface LogOfOptions {
  /** @default the session's */
  readonly transport?: typeof fetch
  /** Writes nothing, not even the heartbeat that finds the end of a log behind Redpanda's proxy. */
  readonly readOnly?: boolean
  /** @default what the settings say */
  readonly flavor?: Flavor
  /** Where the address stands. @default `url` */
  readonly at?: Setting<string | undefined>
  /** Shows what stands in the log: also what has no signature, and tells which that is. */
  readonly showsAll?: boolean
}

/** @throws UsageError where settings contradict each other. */
export async function logOf(
  values: ResolvedSettings,
  session: Session,
  options: LogOfOptions = {},
): Promise<KafkaLog> {
  return signedLog(await proxied(values, session, options), values, session, options.showsAll)
}

/** The log as it stands at the backend: its records are passed on with whatever signatures they have. */
export async function proxied(
  values: ResolvedSettings,
  session: Session,
  { transport = session.fetch, readOnly = false, flavor: kind = values.get(flavor), at = url }: LogOfOptions,
): Promise<KafkaLog> {
  const auth = authOf(values)
  const base = {
    url: webUrl(values, at, CREDENTIALS)!,
    requestTimeout: values.get(requestTimeout),
    fetch: transport,
  }
  try {
    if (kind === 'redpanda' && readOnly) return redpanda({ ...base, ...(auth && { auth }), marker: false })
    if (kind !== 'upstash') return kafkaRest({ ...base, ...(auth && { auth }), flavor: kind })
    if (auth === undefined || !('password' in auth))
      throw new UsageError('--flavor upstash needs --username and KEDGE_PASSWORD')
    const { upstash } = await optional(() => import('../adapters/kafka/upstash.ts'), '@upstash/kafka')
    return upstash({ ...base, ...auth })
  } catch (error) {
    throw asUsage(error)
  }
}

export function authOf(
  values: ResolvedSettings,
): { username: string; password: string } | { token: string } | undefined {
  const [name, secret, token] = [values.get(username), values.get(password), values.get(authToken)]
  if (token !== undefined && name !== undefined)
    throw new UsageError('give a username with a password, or a bearer token: not both')
  if (token !== undefined) return { token }
  if (name === undefined && secret === undefined) return undefined
  if (name === undefined) throw new UsageError('KEDGE_PASSWORD needs a user: give --username')
  if (secret === undefined) throw new UsageError('--username needs a password: set KEDGE_PASSWORD')
  return { username: name, password: secret }
}

async function optional<T>(load: () => Promise<T>, name: string): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw new UsageError(`install ${name} first: it is not a part of kedge`, { cause })
  }
}

/** Decodes messages: JSON, and MessagePack where its package is installed. */
export async function codecOf(): Promise<Codec> {
  try {
    return (await import('../adapters/codecs/messagepack.ts')).messagePack()
  } catch {
    return json
  }
}
