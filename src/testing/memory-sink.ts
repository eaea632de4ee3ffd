/**
 * `memorySink()`: a store in this process that is kept equal to a topic, with faults to order.
 *
 * @module
 */
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Sink, SinkBatch, SinkOutcome } from '../ports/sink.ts'
import { Faults } from './faults.ts'
import type { FaultsOptions } from './faults.ts'
import { MemoryStore } from './memory-store.ts'

/** The calls of a `Sink`. */
export type SinkOperation = 'state' | 'begin' | 'write'

export interface MemorySinkOptions {
  /** The store to stand on, so that several sinks share one. @default a new one */
  readonly on?: MemoryStore
  /** Clocks and timers: values live and `latency` sleeps by it. @default `systemRuntime()` */
  readonly runtime?: Runtime
  /** How long every call takes, in milliseconds. @default 0 */
  readonly latency?: number | (() => number)
  /** Longer keys are refused, in UTF-8 bytes. @default 1024 */
  readonly maxKeyBytes?: number
  /** Larger values are refused. @default 1_048_576 */
  readonly maxValueBytes?: number
}

/** `'midway'`: half of a batch is written, and the call fails. */
export type SinkFaultOptions = FaultsOptions<SinkOperation, 'midway' | 'after'>

/** A `Sink` in memory. */
export interface MemorySink extends Sink {
  /** What it stands on: for looking, and for wiping. */
  readonly store: MemoryStore
  /** How often each call was made, failed ones included. */
  readonly calls: Readonly<Record<SinkOperation, number>>
  /** Lets calls reject with `error`, from now on; without one, lets them succeed again. */
  readonly fail: (error?: unknown, options?: SinkFaultOptions) => void
  /** Calls, also those under way, settle only after `resume()` or when aborted, as with a host that went silent. */
  readonly pause: () => void
  readonly resume: () => void
}

const encoder = new TextEncoder()

/**
 * A store in this process.
 *
 * @throws TypeError for options that are none.
 * @example
 * ```ts
 * import { createSync } from 'kedge/sync'
 * import { memory, memorySink } from 'kedge/testing'
 *
 * const [kafka, sink] = [memory(), memorySink()]
 * await createSync({ kafka, topic: 'orders', sink, key: 'order:{key}' }).step()
 * console.log(sink.store.keys())
 * ```
 */
export function memorySink(options: MemorySinkOptions = {}): MemorySink {
  const {
    on,
    runtime = systemRuntime(),
    latency = 0,
    maxKeyBytes = 1024,
    maxValueBytes = 1_048_576,
    ...rest
  } = options
  for (const name of Object.keys(rest))
    throw new TypeError(`\`${name}\` is not an option of the sink in memory`)
  const store = on ?? new MemoryStore(() => runtime.now())
  const calls = { state: 0, begin: 0, write: 0 }
  const faults = new Faults<SinkOperation, 'midway' | 'after'>()

  async function call<T>(
    operation: SinkOperation,
    signal: AbortSignal | undefined,
    work: () => T,
  ): Promise<T> {
    calls[operation]++
    signal?.throwIfAborted()
    const ms = typeof latency === 'number' ? latency : latency()
    if (ms > 0) await runtime.sleep(ms, signal)
    await faults.open(signal)
    faults.check(operation, 'before')
    const result = work()
    await faults.open(signal)
    faults.check(operation, 'after')
    return result
  }

  const refusal = (key: string, value: Uint8Array | null): string | undefined => {
    const length = encoder.encode(key).length
    if (length === 0 || length > maxKeyBytes) return `a key of ${length} bytes`
    return value !== null && value.length > maxValueBytes ? `a value of ${value.length} bytes` : undefined
  }

  const write = (stream: string, batch: SinkBatch): SinkOutcome => {
    const { epoch, writes } = batch
    let written = 0
    const refused: { index: number; reason: string }[] = []
    if (store.state(stream)?.epoch !== epoch) return { outcome: 'wiped', written: 0, superseded: 0, refused }
    for (const [index, each] of writes.entries()) {
      if (index >= writes.length / 2) faults.check('write', 'midway')
      if (each.ttlMs !== undefined && !(each.ttlMs > 0)) throw new TypeError('`ttlMs` must be above 0')
      const reason = refusal(each.key, each.value)
      if (reason !== undefined) refused.push({ index, reason })
      else if (store.put(each, epoch)) written++
    }
    store.move(stream, batch)
    return { outcome: 'written', written, superseded: writes.length - written - refused.length, refused }
  }

  return {
    name: 'memory',
    store,
    calls,
    fail: (error, faultOptions) => faults.set(error, faultOptions),
    pause: () => faults.pause(),
    resume: () => faults.resume(),
    state: (stream, { signal } = {}) => call('state', signal, () => store.state(stream)),
    begin: (stream, epoch, logId, { replaces, signal } = {}) =>
      call('begin', signal, () => store.begin(stream, epoch, logId, replaces)),
    write: (stream, batch, { signal } = {}) => call('write', signal, () => write(stream, batch)),
  }
}
