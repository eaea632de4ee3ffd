/** A cluster as the log that the rest of kedge reads: Kafka directly, without HTTP in between. @module */
import { withDeadline } from '../../src/runtime/deadline.ts'
import { isRefused, KedgeError } from '../../src/ports/errors.ts'
import type {
  KafkaLog,
  NewRecord,
  PartitionOffsets,
  Position,
  ReadOptions,
  ReadResult,
} from '../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { boundedHeaders } from '../../src/wire/record-headers.ts'
import type { Appended, Cluster, RecordToAppend } from './cluster.ts'
import { Refusal } from './refusal.ts'

export interface ClusterLogOptions {
  /** How long a call may take, beside the `waitMs` of a long poll, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

const encoder = new TextEncoder()

/**
 * A {@link Cluster} as a `KafkaLog`, for services that stand beside the brokers. The cluster stays its owner's:
 * closing the log does not close it.
 *
 * @example
 * ```ts
 * import { clusterLog, kafkaCluster } from 'kedge/gateway'
 * import { createSync } from 'kedge/sync'
 * import { memorySink } from 'kedge/testing'
 *
 * const cluster = kafkaCluster({ brokers: ['kafka-1:9092'] })
 * const sync = createSync({ kafka: clusterLog(cluster), topic: 'orders', sink: memorySink(), key: 'order:{key}' })
 * ```
 */
export function clusterLog(cluster: Cluster, options: ClusterLogOptions = {}): KafkaLog {
  const { timeoutMs = 30_000, runtime = systemRuntime() } = options

  const call = async <T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
    extraMs = 0,
  ): Promise<T> => {
    try {
      return await withDeadline(runtime, timeoutMs + extraMs, silent, work, signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw errorOf(error)
    }
  }
  /** Never creates a topic, even where `describe` may. */
  const partitionsOf = async (topic: string): Promise<number> => {
    const found = (await cluster.describe(topic))?.partitions
    if (found === undefined) throw new Refusal('unknown-topic', 'Topic not found.')
    return found
  }

  return {
    capabilities: { identity: true, longPoll: true, readCommitted: true },

    async produce(topic, records, { signal } = {}) {
      try {
        return await call(signal, async () =>
          acknowledged(await cluster.append(topic, records.map(toAppend))),
        )
      } catch (cause) {
        signal?.throwIfAborted()
        const known = cause as KedgeError
        if (known.code === 'ERR_PUBLISH' || isRefused(known)) throw known
        throw new KedgeError('ERR_PUBLISH', 'the cluster did not acknowledge every record', {
          cause,
          retryable: known.retryable,
        })
      }
    },

    offsets: (topic, { partitions, signal } = {}) =>
      call(signal, async () => {
        const wanted = partitions ?? numbersUpTo(await partitionsOf(topic))
        return Promise.all(
          wanted.map(async (partition): Promise<PartitionOffsets> => {
            const { beginning, end, logId } = await cluster.offsets(topic, partition)
            return { partition, beginning, end, logId }
          }),
        )
      }),

    read: (topic, positions, read) =>
      call(read.signal, (inner) => readFrom(cluster, topic, positions, read, inner), read.waitMs),
  }
}

const numbersUpTo = (count: number): number[] => Array.from({ length: count }, (_, partition) => partition)

async function readFrom(
  cluster: Cluster,
  topic: string,
  positions: readonly Position[],
  { maxBytes, waitMs, isolation }: ReadOptions,
  signal: AbortSignal,
): Promise<ReadResult> {
  const from = positions.map((position) => ({ topic, ...position }))
  const { records, next, outOfRange } = await cluster.read(from, { maxBytes, waitMs, isolation, signal })
  return {
    records: records.map(({ partition, offset, key, value, timestamp, headers }) => ({
      partition,
      offset,
      key,
      value,
      ...(timestamp !== undefined && { timestamp }),
      ...boundedHeaders(headers.map((header) => [header.name, header.value])),
    })),
    next: next.map(({ partition, offset }) => ({ partition, offset })),
    outOfRange: outOfRange.map(({ partition }) => partition),
  }
}

const toAppend = ({ key, value, partition, headers }: NewRecord): RecordToAppend => ({
  key,
  value,
  partition,
  headers: Object.entries(headers ?? {}).map(([name, text]) => ({ name, value: encoder.encode(text) })),
})

function acknowledged(results: readonly Appended[]): Position[] {
  const isWhole = results.every(({ refusal }) => refusal)
  return results.map((result) => {
    if (result.refusal) {
      const cause = errorOf(result.refusal)
      if (isWhole && isRefused(cause)) throw cause
      throw new KedgeError(
        'ERR_PUBLISH',
        `the cluster did not acknowledge a record: ${result.refusal.message}`,
        {
          cause,
          retryable: cause.retryable,
        },
      )
    }
    return { partition: result.partition, offset: result.offset }
  })
}

const silent = () => new KedgeError('ERR_TIMEOUT', 'the cluster did not answer in time', { retryable: true })

function errorOf(error: unknown): KedgeError {
  if (error instanceof KedgeError) return error
  if (!(error instanceof Refusal))
    return new KedgeError('ERR_NETWORK', 'the cluster failed', { cause: error, retryable: true })
  const { reason, message: said, retryAfter } = error
  const options = {
    cause: error.cause ?? error,
    ...(retryAfter !== undefined && { retryAfterMs: retryAfter * 1000 }),
  }
  const message = said.replace(/\.$/, '')
  if (reason === 'unknown-topic' || reason === 'unknown-partition' || reason === 'not-hosted')
    return new KedgeError('ERR_UNKNOWN_TOPIC', message, options)
  if (reason === 'forbidden') return new KedgeError('ERR_AUTH', message, options)
  if (reason === 'too-large') return new KedgeError('ERR_TOO_LARGE', message, options)
  if (reason === 'unavailable' || reason === 'busy')
    return new KedgeError('ERR_NETWORK', message, { ...options, retryable: true })
  return new KedgeError('ERR_PROTOCOL', message, options)
}
