/** A log over consumer instances: what `strimzi()` and `karapace()` share. @module */
import type { Options, OptionTest } from '../../../src/api/option-check.ts'
import { count, duration, textLike } from '../../option-tests.ts'
import { durationMs } from '../../../src/runtime/duration.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { endpoint, type EndpointOptions } from '../rest/endpoint.ts'
import { type Http, http } from '../rest/http.ts'
import { type RestDialect, restLog } from '../rest/rest-log.ts'
import {
  check,
  restShape,
  type TransportLimits,
  transportLimits,
  type TransportOptions,
} from '../../options.ts'
import type { Dialect } from './dialect.ts'
import { InstanceReader } from './instance-reader.ts'
import { boundsOf, partitionsOf } from './offsets.ts'

/** How the consumer instances of an adapter are kept. */
export interface InstanceOptions {
  /** The consumer group that instances are made in. Nothing is ever committed to it. @default 'kedge' */
  readonly group?: string
  /** Consumer instances held, and reads at once. @default 4 */
  readonly maxInstances?: number
  /** An instance unused for this long is removed by the next call. @default '1m' */
  readonly instanceIdle?: Duration
}

export interface InstanceLogOptions extends EndpointOptions, TransportOptions, InstanceOptions {}

/** The shape of {@link InstanceOptions}. */
export const instanceShape: Readonly<Record<keyof InstanceOptions, OptionTest>> = {
  group: textLike(/^[\w.-]{1,255}$/, 'must be at most 255 letters, digits, `.`, `_`, `-`'),
  maxInstances: count(1),
  instanceIdle: duration,
}

const shape: Options = {
  ...restShape,
  ...instanceShape,
}

/** The consumer instances that an adapter reads over. */
export const instanceReader = (
  to: Http,
  dialect: Dialect,
  limits: TransportLimits,
  { group = 'kedge', maxInstances = 4, instanceIdle = '1m' }: InstanceOptions,
): InstanceReader =>
  new InstanceReader({
    http: to,
    dialect,
    group,
    maxInstances,
    idleMs: durationMs(instanceIdle, 'instanceIdle'),
    timeoutMs: limits.timeoutMs,
    maxResponseBytes: limits.maxResponseBytes,
  })

/** @throws TypeError where an option of `adapter` is wrong or unknown. */
export function instanceLog(
  adapter: string,
  options: InstanceLogOptions,
  dialect: Dialect,
  append: RestDialect['append'],
): KafkaLog {
  check(shape, options, adapter)
  const limits = transportLimits(options)
  const to = http(endpoint(options), limits)
  const instances = instanceReader(to, dialect, limits, options)
  const { longPoll, readCommitted } = dialect

  return restLog({
    limits,
    http: to,
    capabilities: { identity: false, longPoll, readCommitted },
    append,
    async bounds(call, topic, partitions) {
      const bounds = await boundsOf(call, topic, partitions ?? (await partitionsOf(call, topic)))
      instances.hint(topic, bounds)
      return bounds
    },
    fetch: (call, topic, positions, how) => instances.read(call, topic, positions, how),
    close: () => instances.close(),
  })
}
