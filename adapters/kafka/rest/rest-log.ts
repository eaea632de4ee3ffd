/**
 * The frame of a log over REST: deadlines, aborts, calls without records or positions, failures of publishing, and reads
 * that fit the bound of an answer. What differs between proxies is a {@link RestDialect}.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type {
  KafkaLog,
  LogCapabilities,
  NewRecord,
  PartitionOffsets,
  Position,
  ReadOptions,
  ReadResult,
} from '../../../src/ports/kafka-log.ts'
import type { TransportLimits } from '../../options.ts'
import { publishError } from './acknowledgement.ts'
import { answeredWithin } from '../../deadline.ts'
import type { Call, Http } from './http.ts'

/** What a proxy has of its own. A method ends with `call.signal`, and rejects with a `KedgeError`. */
export interface RestDialect {
  readonly capabilities: LogCapabilities
  /** Whether a read can name the most bytes that it takes. A read that came back too large is then asked again for less. @default true */
  readonly bounded?: boolean
  /** Appends the records, at least one, and resolves with a position for each, in their order. */
  append(call: Call, topic: string, records: readonly NewRecord[]): Promise<Position[]>
  /** The bounds of the named partitions, or of all where none is named. */
  bounds(call: Call, topic: string, partitions: readonly number[] | undefined): Promise<PartitionOffsets[]>
  /** Reads from at least one position. */
  fetch(call: Call, topic: string, positions: readonly Position[], options: ReadOptions): Promise<ReadResult>
  /** Frees what the log holds in the proxy. */
  close?(): Promise<void>
}

export interface RestLogOptions extends RestDialect {
  readonly limits: TransportLimits
  readonly http: Http
  /** Where records are appended, when that is elsewhere. @default `http` */
  readonly producer?: Http
}

export function restLog(options: RestLogOptions): KafkaLog {
  const { limits, http, producer = http, capabilities, bounded = true } = options
  const { timeoutMs, maxResponseBytes } = limits

  return {
    capabilities,

    async produce(topic, records, { signal } = {}) {
      signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        return await answeredWithin(timeoutMs, signal, (until) =>
          options.append({ http: producer, signal: until }, topic, records),
        )
      } catch (error) {
        throw publishError(error, signal)
      }
    },

    offsets: (topic, { signal, partitions } = {}) =>
      answeredWithin(timeoutMs, signal, (until) =>
        options.bounds({ http, signal: until }, topic, partitions),
      ),

    read: (topic, positions, how) =>
      answeredWithin(timeoutMs + (capabilities.longPoll ? how.waitMs : 0), how.signal, async (until) => {
        if (positions.length === 0) return { records: [], next: [], outOfRange: [] }
        const fetch = (maxBytes: number) =>
          options.fetch({ http, signal: until }, topic, positions, { ...how, maxBytes })
        return bounded ? fitting(how.maxBytes, maxResponseBytes, fetch) : fetch(how.maxBytes)
      }),

    close: async () => options.close?.(),
  }
}

/**
 * Reads at most `maxBytes` of keys and values, and less where base64 and field names would make the answer
 * larger than `maxResponseBytes`. Many tiny records can still exceed that bound: the log then asks once more, for
 * less.
 *
 * @throws what `read` throws.
 */
async function fitting(
  maxBytes: number,
  maxResponseBytes: number,
  read: (maxBytes: number) => Promise<ReadResult>,
): Promise<ReadResult> {
  const most = Math.max(1, Math.floor(Math.min(maxBytes, maxResponseBytes / 2)))
  try {
    return await read(most)
  } catch (error) {
    if (!(error instanceof KedgeError) || error.code !== 'ERR_TOO_LARGE') throw error
    return read(Math.ceil(most / 16))
  }
}
