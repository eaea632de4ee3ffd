/** A log over consumer instances: what `strimzi()` and `karapace()` share. @module */
import * as z from 'zod'
import { durationMs } from '../../../src/runtime/duration.ts'
import type { KafkaLog, NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { publishError } from '../rest/acknowledgement.ts'
import { fitting } from '../rest/answer-size.ts'
import { answeredWithin } from '../../deadline.ts'
import { type Auth, endpoint } from '../rest/endpoint.ts'
import { http } from '../rest/http.ts'
import {
  authShape,
  check,
  count,
  headersShape,
  transportLimits,
  type TransportOptions,
  transportShape,
  urlShape,
} from '../../options.ts'
import type { Call } from './context.ts'
import type { Dialect } from './dialect.ts'
import { InstanceReader } from './instance-reader.ts'
import { boundsOf, partitionsOf } from './offsets.ts'

export interface InstanceLogOptions extends TransportOptions {
  /** The proxy's address: what stands before `/topics`. */
  readonly url: string
  readonly auth?: Auth
  /** Sent with every request, for a gateway in front of the proxy. */
  readonly headers?: Readonly<Record<string, string>>
  /** The consumer group that instances are made in. Nothing is ever committed to it. @default 'kedge' */
  readonly group?: string
  /** Consumer instances held, and reads at once. @default 4 */
  readonly maxInstances?: number
  /** An instance unused for this long is removed by the next call. @default '1m' */
  readonly instanceIdle?: Duration
}

/** The shape of {@link InstanceLogOptions} but for `url`. */
export const instanceShape: {
  readonly group: z.ZodType
  readonly maxInstances: z.ZodType
  readonly instanceIdle: z.ZodType
} = {
  group: z
    .string({ error: 'must be a string' })
    .regex(/^[\w.-]{1,255}$/, { error: 'must be at most 255 letters, digits, `.`, `_`, `-`' })
    .optional(),
  maxInstances: count(1).optional(),
  instanceIdle: z.union([z.string(), z.number()], { error: 'must be a duration' }).optional(),
}

const shape = z.strictObject(
  {
    url: urlShape,
    auth: authShape.optional(),
    headers: headersShape.optional(),
    ...transportShape,
    ...instanceShape,
  },
  { error: 'must be an object' },
)

type Append = (call: Call, topic: string, records: readonly NewRecord[]) => Promise<Position[]>

/** @throws TypeError where an option of `adapter` is wrong or unknown. */
export function instanceLog(
  adapter: string,
  options: InstanceLogOptions,
  dialect: Dialect,
  append: Append,
): KafkaLog {
  check(shape, options, adapter)
  const limits = transportLimits(options)
  const { timeoutMs, maxResponseBytes } = limits
  const to = http(endpoint(options), limits)
  const instances = new InstanceReader({
    http: to,
    dialect,
    group: options.group ?? 'kedge',
    maxInstances: options.maxInstances ?? 4,
    idleMs: durationMs(options.instanceIdle ?? '1m', 'instanceIdle'),
    timeoutMs,
    maxResponseBytes,
  })
  const { longPoll, readCommitted } = dialect

  return {
    capabilities: { identity: false, longPoll, readCommitted },

    async produce(topic, records, { signal } = {}) {
      signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        return await answeredWithin(timeoutMs, signal, (until) =>
          append({ http: to, signal: until }, topic, records),
        )
      } catch (error) {
        throw publishError(error, signal)
      }
    },

    offsets: (topic, { signal, partitions } = {}) =>
      answeredWithin(timeoutMs, signal, async (until) => {
        const call = { http: to, signal: until }
        const bounds = await boundsOf(call, topic, partitions ?? (await partitionsOf(call, topic)))
        instances.hint(topic, bounds)
        return bounds
      }),

    read: (topic, positions, how) =>
      answeredWithin(timeoutMs + (longPoll ? how.waitMs : 0), how.signal, async (until) => {
        if (positions.length === 0) return { records: [], next: [], outOfRange: [] }
        const call = { http: to, signal: until }
        return fitting(how.maxBytes, maxResponseBytes, (maxBytes) =>
          instances.read(call, topic, positions, { ...how, maxBytes }),
        )
      }),

    close: () => instances.close(),
  }
}
