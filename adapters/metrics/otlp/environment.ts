/**
 * The variables of the environment by which OpenTelemetry's exporters are set up, as its specification names them
 * ("OpenTelemetry Protocol Exporter", "General SDK Configuration"), and those in which Lambda says what runs.
 *
 * @module
 */
import type { Duration } from '../../../src/runtime/duration.ts'
import { isPlainUrl } from '../../options.ts'
import type { OtlpOptions } from './options.ts'
import type { Attributes } from './points.ts'

/** Variables that are read. Others, of protocols and signals, are not: kedge speaks `http/json`. */
const NAMES = {
  url: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  headers: 'OTEL_EXPORTER_OTLP_HEADERS',
  timeout: 'OTEL_EXPORTER_OTLP_TIMEOUT',
  interval: 'OTEL_METRIC_EXPORT_INTERVAL',
  service: 'OTEL_SERVICE_NAME',
  resource: 'OTEL_RESOURCE_ATTRIBUTES',
} as const

/** `name=value`, separated by commas, percent-encoded as W3C Baggage is. */
const PAIR = /^\s*([^\s=,]+)\s*=\s*([^,]*?)\s*$/
const BYTES_IN_MB = 1_048_576

/**
 * Options by the variables of the environment, or `undefined` without `OTEL_EXPORTER_OTLP_ENDPOINT`. In Lambda they push when an
 * invocation begins, and wait half a second at most.
 *
 * @param env `process.env`, or the bindings of a Worker
 * @throws TypeError that names a variable which is wrong, and never its value
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { otlpMetrics, otlpOptions } from 'kedge/adapters/otlp'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory() })
 * const options = otlpOptions(process.env)
 * const metrics = options && otlpMetrics(cache, options)
 * ```
 */
export function otlpOptions(env: Readonly<Record<string, unknown>>): OtlpOptions | undefined {
  const of = (name: string): string | undefined => {
    const value = env[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const url = of(NAMES.url)
  if (url === undefined) return undefined
  if (!isPlainUrl(url))
    throw wrong(NAMES.url, 'must be an http(s) URL without credentials, query or fragment')
  const isLambda = of('AWS_LAMBDA_FUNCTION_NAME') !== undefined
  const headers = pairsIn(of(NAMES.headers), NAMES.headers)
  const { 'service.name': named, ...said } = pairsIn(of(NAMES.resource), NAMES.resource) ?? {}
  const service = of(NAMES.service) ?? named ?? of('AWS_LAMBDA_FUNCTION_NAME')
  const interval = millisecondsIn(of(NAMES.interval), NAMES.interval)
  const requestTimeout = millisecondsIn(of(NAMES.timeout), NAMES.timeout) ?? (isLambda ? '500ms' : undefined)
  return {
    url,
    ...(headers && { headers }),
    ...(service !== undefined && { service }),
    ...(interval !== undefined && { interval }),
    ...(requestTimeout !== undefined && { requestTimeout }),
    ...(isLambda && { boundary: 'start' }),
    resource: { ...(isLambda && ofLambda(of)), ...said },
  }
}

/** As OpenTelemetry's conventions for functions have them. Source: AWS Lambda, "Defined runtime environment variables". */
function ofLambda(of: (name: string) => string | undefined): Attributes {
  const megabytes = Number(of('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'))
  const attributes = {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_lambda',
    'cloud.region': of('AWS_REGION'),
    'faas.name': of('AWS_LAMBDA_FUNCTION_NAME'),
    'faas.version': of('AWS_LAMBDA_FUNCTION_VERSION'),
    'faas.instance': of('AWS_LAMBDA_LOG_STREAM_NAME'),
    'faas.max_memory': megabytes > 0 ? megabytes * BYTES_IN_MB : undefined,
  }
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function pairsIn(text: string | undefined, name: string): Record<string, string> | undefined {
  if (text === undefined) return undefined
  const pairs = text.split(',').filter((each) => each.trim() !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = PAIR.exec(pair) ?? []
      try {
        if (key !== undefined) return [decodeURIComponent(key), decodeURIComponent(value!)]
      } catch {
        // What is wrong is said below: the text may be a secret.
      }
      throw wrong(name, 'must be a comma list of name=value, percent-encoded')
    }),
  )
}

function millisecondsIn(text: string | undefined, name: string): Duration | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text)) throw wrong(name, 'must be a whole number of milliseconds')
  return Number(text)
}

const wrong = (name: string, says: string) => new TypeError(`\`${name}\` ${says}`)
