/**
 * Kafka over whichever REST proxy answers: the adapter is chosen by `flavor`, or by what the proxy says of itself.
 *
 * For Upstash's API there is `upstash()`, which needs a package of its own.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { KafkaLog, LogCapabilities } from '../../src/ports/kafka-log.ts'
import { publishError } from './rest/acknowledgement.ts'
import { confluent } from './confluent.ts'
import { answeredWithin } from '../deadline.ts'
import { endpoint } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { gateway } from './gateway.ts'
import { karapace } from './karapace.ts'
import { type Flavor, FLAVORS, recognise } from './kafka-rest/recognition.ts'
import { check, restShape, transportLimits } from '../options.ts'
import { oneOf } from '../option-tests.ts'
import { redpanda } from './redpanda.ts'
import { strimzi } from './strimzi.ts'
import { type InstanceLogOptions, instanceShape } from './v2/instance-log.ts'
import { warpstream } from './warpstream.ts'

export type { Auth } from './rest/endpoint.ts'
export type { InstanceOptions } from './v2/instance-log.ts'
export type { Flavor } from './kafka-rest/recognition.ts'

/** What only proxies with consumer instances use is ignored for the others. */
export interface KafkaRestOptions extends InstanceLogOptions {
  /**
   * The proxy. `'auto'` asks it, at the first call and until it has answered: one to five requests that change
   * nothing.
   * @default 'auto'
   */
  readonly flavor?: Flavor | 'auto'
}

const shape: Options = {
  ...restShape,
  ...instanceShape,
  flavor: oneOf(['auto', ...FLAVORS], `must be 'auto' or one of ${FLAVORS.join(', ')}`),
}

/** What every proxy can do. */
const LEAST: LogCapabilities = { identity: false, longPoll: false, readCommitted: false }

/**
 * The log behind a REST proxy, by the adapter for it with its defaults. See {@link KafkaRestOptions}.
 *
 * With `'auto'`, `capabilities` name only what every proxy can do until the adapter has recognised the proxy.
 * A cache that needs more from the start (`replicate()`) must name the `flavor`. Calls reject with
 * `ERR_UNSUPPORTED` where no known proxy answers.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { kafkaRest } from 'kedge/adapters/kafka-rest'
 *
 * const kafka = kafkaRest({ url: 'https://kafka-rest.example.com' })
 * const bridge = kafkaRest({ url: 'https://bridge.example.com', flavor: 'strimzi' })
 * ```
 */
export function kafkaRest(options: KafkaRestOptions): KafkaLog {
  check(shape, options, 'kafkaRest')
  const { flavor = 'auto', group, maxInstances, instanceIdle, ...plain } = options
  const instances = {
    ...(group === undefined ? {} : { group }),
    ...(maxInstances === undefined ? {} : { maxInstances }),
    ...(instanceIdle === undefined ? {} : { instanceIdle }),
  }
  // All of them, so that a wrong option is refused here and not at some call.
  const logs: Readonly<Record<Flavor, () => KafkaLog>> = {
    confluent: () => confluent({ ...plain, ...instances }),
    gateway: () => gateway(plain),
    karapace: () => karapace({ ...plain, ...instances }),
    redpanda: () => redpanda(plain),
    strimzi: () => strimzi({ ...plain, ...instances }),
    warpstream: () => warpstream(plain),
  }
  const first = logs.confluent()
  if (flavor !== 'auto') return logs[flavor]()
  return recognised(options, (found) => (found === 'confluent' ? first : logs[found]()))
}

function recognised(options: KafkaRestOptions, logOf: (flavor: Flavor) => KafkaLog): KafkaLog {
  const limits = transportLimits(options)
  const to = http(endpoint(options), limits)
  // The log is kept, not the promise of one: requests of a Worker cannot share that. They may ask side by side.
  let log: KafkaLog | undefined
  const find = async (signal: AbortSignal | undefined): Promise<KafkaLog> => {
    if (log) return log
    const flavor = await answeredWithin(limits.timeoutMs, signal, (until) =>
      recognise({ http: to, signal: until }),
    )
    return (log ??= logOf(flavor))
  }

  return {
    get capabilities() {
      return log?.capabilities ?? LEAST
    },

    async produce(topic, records, call = {}) {
      call.signal?.throwIfAborted()
      if (records.length === 0) return []
      let found: KafkaLog
      try {
        found = await find(call.signal)
      } catch (error) {
        throw publishError(error, call.signal)
      }
      return found.produce(topic, records, call)
    },

    offsets: async (topic, call = {}) => (await find(call.signal)).offsets(topic, call),

    read: async (topic, positions, how) => (await find(how.signal)).read(topic, positions, how),

    close: async () => log?.close?.(),
  }
}
