/**
 * `memory()`: a Kafka log in this process, for tests and single-process use, with faults to order.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type {
  KafkaLog,
  LogCapabilities,
  LogRecord,
  NewRecord,
  Position,
  ReadOptions,
  ReadResult,
} from '../ports/kafka-log.ts'
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import { eitherSignal } from '../runtime/abort.ts'
import { boundedHeaders } from '../wire/record-headers.ts'
import { Faults } from './faults.ts'
import type { FaultsOptions } from './faults.ts'
import { MemoryLog } from './memory-log.ts'
import type { MemoryLogOptions } from './memory-log.ts'

/** The calls of a `KafkaLog`. */
export type LogOperation = 'produce' | 'offsets' | 'read'

export interface MemoryOptions extends MemoryLogOptions {
  /** The log to stand on, so that several caches share one. @default a new one, made from the other options */
  readonly on?: MemoryLog
  /** Clocks and timers: long polls and `latency` sleep by it. @default `systemRuntime()` */
  readonly runtime?: Runtime
  /** How long every call takes, in milliseconds. @default 0 */
  readonly latency?: number | (() => number)
  /** What this log can do. A capability that is switched off behaves so. @default all true */
  readonly capabilities?: Partial<LogCapabilities>
}

export type FaultOptions = FaultsOptions<LogOperation>

/** A `KafkaLog` in memory. */
export interface MemoryKafka extends KafkaLog {
  /** What it stands on: for looking, truncating, compacting, deleting. */
  readonly log: MemoryLog
  /** How often each call was made, failed ones included. */
  readonly calls: Readonly<Record<LogOperation, number>>
  /** Lets calls reject with `error`, from now on; without one, lets them succeed again. */
  readonly fail: (error?: unknown, options?: FaultOptions) => void
  /** Calls, also those under way, settle only after `resume()` or when aborted, as with a host that went silent. */
  readonly pause: () => void
  readonly resume: () => void
}

const encoder = new TextEncoder()

/**
 * A Kafka log in this process.
 *
 * `produce` rejects with `ERR_UNKNOWN_TOPIC` or `ERR_TOO_LARGE` where it appended no record, and with `ERR_PUBLISH` (its `cause`
 * says why) where it appended some; `offsets` and `read` reject with `ERR_UNKNOWN_TOPIC`;
 * an aborted call with `signal.reason`.
 *
 * @throws TypeError for options out of range.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory, MemoryLog } from 'kedge/testing'
 *
 * const shared = new MemoryLog()
 * const here = createCache({ kafka: memory({ on: shared }) })
 * const there = createCache({ kafka: memory({ on: shared }) })
 * ```
 */
export function memory(options: MemoryOptions = {}): MemoryKafka {
  const { on, runtime = systemRuntime(), latency = 0, capabilities: chosen, ...rest } = options
  const log = on ?? new MemoryLog({ now: () => runtime.now(), random: () => runtime.random(), ...rest })
  const capabilities = { identity: true, longPoll: true, readCommitted: true, ...chosen }
  const calls = { produce: 0, offsets: 0, read: 0 }
  const faults = new Faults<LogOperation>()

  async function call<T>(
    operation: LogOperation,
    signal: AbortSignal | undefined,
    work: () => T | Promise<T>,
  ) {
    calls[operation]++
    signal?.throwIfAborted()
    const ms = typeof latency === 'number' ? latency : latency()
    if (ms > 0) await runtime.sleep(ms, signal)
    await faults.open(signal)
    // Aborted while this call was on its way here: a listener added from now on would never be called.
    signal?.throwIfAborted()
    faults.check(operation, 'before')
    const result = await work()
    await faults.open(signal)
    faults.check(operation, 'after')
    return result
  }

  return {
    log,
    calls,
    capabilities,
    fail: (error, faultOptions) => faults.set(error, faultOptions),
    pause: () => faults.pause(),
    resume: () => faults.resume(),

    produce: (topic, records, { signal } = {}) =>
      call('produce', signal, () => records.map((record, at) => append(log, topic, record, at > 0))),

    offsets: (topic, { partitions, signal } = {}) =>
      call('offsets', signal, () => {
        const wanted =
          partitions ?? Array.from({ length: log.partitions(topic) }, (_, partition) => partition)
        return wanted.map((partition) => {
          const { beginning, end, logId } = log.offsets(topic, partition)
          return { partition, beginning, end, ...(capabilities.identity && { logId }) }
        })
      }),

    read: (topic, positions, readOptions) =>
      call('read', readOptions.signal, async () => {
        const isolation = capabilities.readCommitted ? readOptions.isolation : 'uncommitted'
        const effective = { ...readOptions, isolation }
        const first = collect(log, topic, positions, effective)
        if (!capabilities.longPoll || readOptions.waitMs <= 0 || saysSomething(first, positions)) return first
        await within(runtime, readOptions, (signal) => log.waitFor(topic, positions, { isolation, signal }))
        return collect(log, topic, positions, effective)
      }),
  }
}

function append(log: MemoryLog, topic: string, record: NewRecord, isLater: boolean): Position {
  const headers = Object.entries(record.headers ?? {}).map(([name, value]) => ({
    name,
    value: encoder.encode(value),
  }))
  try {
    const { partition, offset } = log.append(topic, { ...record, headers })
    return { partition, offset }
  } catch (cause) {
    if (!isLater) throw cause
    throw new KedgeError('ERR_PUBLISH', `a record was not appended to ${topic}`, { cause })
  }
}

function collect(
  log: MemoryLog,
  topic: string,
  positions: readonly Position[],
  options: ReadOptions,
): ReadResult {
  const records: LogRecord[] = []
  const next: Position[] = []
  const outOfRange: number[] = []
  let left = options.maxBytes
  for (const position of positions) {
    const { partition } = position
    // A partition whose turn comes when the answer is full waits for the next read, at its position.
    const slice =
      left > 0 || records.length === 0 ? log.read(topic, position, { ...options, maxBytes: left }) : null
    if (slice === undefined) outOfRange.push(partition)
    for (const { offset, key, value, timestamp, headers } of slice?.records ?? []) {
      const said = boundedHeaders(headers.map((header) => [header.name, header.value]))
      records.push({ partition, offset, key, value, timestamp, ...said })
    }
    left -= slice?.bytes ?? 0
    next.push({ partition, offset: slice?.next ?? position.offset })
  }
  return { records, next, outOfRange }
}

function saysSomething({ records, outOfRange, next }: ReadResult, positions: readonly Position[]): boolean {
  return (
    records.length > 0 ||
    outOfRange.length > 0 ||
    next.some(({ offset }, index) => offset !== positions[index]?.offset)
  )
}

/** Ends `wait` after `waitMs` without an error, or with `signal.reason`. */
async function within(
  runtime: Runtime,
  { waitMs, signal }: ReadOptions,
  wait: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ended = eitherSignal(signal)
  try {
    await Promise.race([runtime.sleep(waitMs, ended.signal), wait(ended.signal)])
  } catch (error) {
    if (!ended.signal.aborted) throw error
  } finally {
    ended.done()
    ended.abort('ended')
  }
  signal?.throwIfAborted()
}
