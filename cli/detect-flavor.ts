/** Finds out which proxy answers, independently of `--flavor`. @module */
import { answeredWithin } from '../adapters/deadline.ts'
import { endpoint } from '../adapters/kafka/rest/endpoint.ts'
import { http } from '../adapters/kafka/rest/http.ts'
import type { Flavor as KnownFlavor } from '../adapters/kafka/kafka-rest.ts'
import { recognise } from '../adapters/kafka/kafka-rest/recognition.ts'
import { transportLimits } from '../adapters/options.ts'
import { isKedgeError } from '../src/ports/errors.ts'
import { ok, problem, warning } from './findings.ts'
import type { Finding } from './findings.ts'
import { authOf } from './proxy.ts'
import { requestTimeout, url } from './settings/proxy.ts'
import type { Flavor } from './settings/proxy.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

/** The name of each proxy, and its adapter. */
const KNOWN: Readonly<Record<KnownFlavor, readonly [name: string, adapter: string]>> = {
  confluent: ["Confluent's REST Proxy", 'confluent({ url })'],
  gateway: ['the kedge gateway', 'gateway({ url })'],
  karapace: ['Karapace', 'karapace({ url })'],
  redpanda: ["Redpanda's HTTP Proxy", 'redpanda({ url })'],
  strimzi: ["Strimzi's bridge", 'strimzi({ url })'],
  warpstream: ['a WarpStream agent', 'warpstream({ url, produce })'],
}

/** Other protocols that the gateway speaks, and what each lacks. */
const OF_THE_GATEWAY: Partial<Record<Flavor, string>> = {
  confluent: "without long polls and the topic's id",
  redpanda: "without the topic's id",
  upstash: "without the topic's id",
}

export interface DetectedFlavor {
  /** `undefined` where no known proxy answers, or the answers do not identify one. */
  readonly flavor: KnownFlavor | undefined
  /** The error where the address did not answer at all. */
  readonly silence?: unknown
}

/**
 * Identifies the proxy by requests that change nothing. Rejects only when the process gets a signal to end.
 */
export async function detectFlavor(
  values: ResolvedSettings,
  transport: typeof fetch,
  signal: AbortSignal,
): Promise<DetectedFlavor> {
  const auth = authOf(values)
  const limits = transportLimits({ requestTimeout: values.get(requestTimeout), fetch: transport })
  const to = http(endpoint({ url: values.get(url), ...(auth && { auth }) }), limits)
  const ask = (until: AbortSignal) => recognise({ http: to, signal: until })
  try {
    return { flavor: await answeredWithin(limits.timeoutMs, signal, ask) }
  } catch (error) {
    signal.throwIfAborted()
    const silent = isKedgeError(error) && (error.code === 'ERR_TIMEOUT' || error.code === 'ERR_NETWORK')
    return { flavor: undefined, ...(silent && { silence: error }) }
  }
}

/** The flavor to use: the given one where the proxy speaks it. */
export function flavorToUse(given: Flavor, found: KnownFlavor | undefined): Flavor {
  if (found === undefined || (found === 'gateway' && OF_THE_GATEWAY[given] !== undefined)) return given
  return found
}

/** Whether `--flavor` matches the proxy found; no finding when it is unknown. */
export function flavorFinding(given: Flavor, found: KnownFlavor | undefined): Finding[] {
  if (found === undefined) return []
  const [name, adapter] = KNOWN[found]
  const inCaches = `, and in the caches \`${adapter}\``
  if (given === found) return [ok('flavor', `this is ${name}, as \`--flavor\` says`)]
  if (given === 'auto')
    return [ok('flavor', `this is ${name}: \`--flavor ${found}\` spares the question${inCaches}`)]
  const remedy = `use \`--flavor ${found}\`${inCaches}`
  if (flavorToUse(given, found) === given) {
    const says = `this is ${name}, which speaks as \`${given}\` too, ${OF_THE_GATEWAY[given]}`
    return [warning('flavor', says, remedy)]
  }
  const says = `this is ${name}, not \`${given}\`: what follows is examined as \`${found}\``
  return [problem('flavor', says, remedy)]
}
