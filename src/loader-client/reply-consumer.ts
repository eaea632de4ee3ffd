/**
 * Answers: hands the updates of a key, as they are written, to the requests that wait for the key.
 *
 * One loop reads a partition for all requests that wait for keys of it, and ends with the last of them. On
 * Workers, where promises must not be shared between requests, each request has loops of its own.
 *
 * @module
 */
import { decodeUtf8 } from '../wire/codec.ts'
import { decodeRecord } from '../coherence/apply-eviction.ts'
import type { DecodedRecord } from '../coherence/apply-eviction.ts'
import { readBatch } from '../runtime/consumer.ts'
import { KedgeError, isKedgeError } from '../ports/errors.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { Settings } from '../api/settings.ts'
import type { Clock } from '../runtime/clock.ts'

/** A request that waits for a key. */
interface Listener {
  take(decoded: DecodedRecord): void
  /** The partition cannot be read any more. */
  fail(error: unknown): void
}

/** The updates that a listener waits for: those of one key. */
export interface ReplyOptions {
  readonly partition: number
  /** The key of their records. */
  readonly recordKey: string
  readonly listener: Listener
}

const FIRST_PAUSE_MS = 10
const MAX_PAUSE_MS = 250
/** A read may take longer than it was to wait, by this factor of `pollTimeout`. */
const READ_DEADLINE_FACTOR = 4

/** One partition, as it is read. */
class Loop {
  /** The loop has handed out every record below it: a listener that is added now gets all from here on. */
  next: number
  readonly listeners: Map<string, Set<Listener>> = new Map()
  readonly stop: AbortController = new AbortController()

  constructor(next: number) {
    this.next = next
  }
}

export class ReplyConsumer {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #loops: Map<number, Loop> | undefined

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#loops = settings.runtime.isolatesRequests ? undefined : new Map()
  }

  /** A place to listen from, for one request. */
  open(scope: RequestScope): ReplySubscription {
    return new ReplySubscription(this.#settings, this.#clock, scope, this.#loops ?? new Map())
  }
}

/** What one request listens to. */
export class ReplySubscription {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #scope: RequestScope
  readonly #loops: Map<number, Loop>
  readonly #ends: (() => void)[] = []

  constructor(settings: Settings, clock: Clock, scope: RequestScope, loops: Map<number, Loop>) {
    this.#settings = settings
    this.#clock = clock
    this.#scope = scope
    this.#loops = loops
  }

  /**
   * Adds the listeners. Resolves with the offset, for each of them, from which on it gets every record: the
   * end of its partition as of now, or the place where a loop already reads it.
   */
  async listen(ears: readonly ReplyOptions[], signal: AbortSignal): Promise<number[]> {
    const partitions = new Set(ears.map(({ partition }) => partition))
    const ends = new Map<number, number>()
    for (;;) {
      // Loops of others may begin and end while this waits.
      const missing = [...partitions].filter((each) => !this.#loops.has(each) && !ends.has(each))
      if (missing.length === 0) break
      for (const [partition, end] of await this.#endsOf(missing, signal)) ends.set(partition, end)
    }
    // No `await` from here on, so that `close` ends every loop that begins now.
    signal.throwIfAborted()
    for (const partition of partitions)
      if (!this.#loops.has(partition)) this.#loops.set(partition, new Loop(ends.get(partition)!))
    return ears.map((ear) => this.#add(ear, this.#loops.get(ear.partition)!))
  }

  async #endsOf(partitions: readonly number[], signal: AbortSignal): Promise<[number, number][]> {
    const { log, updatesTopic } = this.#settings
    const bounds = await log.offsets(updatesTopic, { partitions, signal })
    return partitions.map((partition) => {
      const end = bounds.find((bound) => bound.partition === partition)?.end
      if (end === undefined)
        throw new KedgeError(
          'ERR_UNKNOWN_TOPIC',
          `partition ${partition} of the updates topic does not exist: check \`updatePartitions\``,
        )
      return [partition, end]
    })
  }

  #add({ partition, recordKey, listener }: ReplyOptions, loop: Loop): number {
    const isFirst = loop.listeners.size === 0
    const own = loop.listeners.get(recordKey) ?? new Set()
    loop.listeners.set(recordKey, own.add(listener))
    this.#ends.push(() => {
      own.delete(listener)
      if (own.size === 0 && loop.listeners.get(recordKey) === own) loop.listeners.delete(recordKey)
      if (loop.listeners.size === 0) this.#end(partition, loop)
    })
    if (isFirst) this.#scope.waitUntil(this.#read(partition, loop))
    return loop.next
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end()
  }

  #end(partition: number, loop: Loop): void {
    if (this.#loops.get(partition) === loop) this.#loops.delete(partition)
    loop.stop.abort()
  }

  /** Reads until the last listener has gone. Never rejects. */
  async #read(partition: number, loop: Loop): Promise<void> {
    const { runtime } = this.#settings
    const { signal } = loop.stop
    let pauseMs = FIRST_PAUSE_MS
    try {
      while (!signal.aborted) {
        const began = this.#clock.now()
        const before = loop.next
        const retryInMs = await this.#step(partition, loop)
        pauseMs = loop.next > before ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, pauseMs * 2)
        // Pause after an empty answer that came at once: else this loop would ask the log without end.
        const earlyMs = loop.next > before ? 0 : pauseMs - (this.#clock.now() - began)
        const waitMs = Math.max(earlyMs, retryInMs)
        if (waitMs > 0) await runtime.sleep(waitMs, signal)
      }
    } catch (error) {
      if (signal.aborted) return
      const listeners = [...loop.listeners.values()].flatMap((own) => [...own])
      this.#end(partition, loop)
      for (const listener of listeners) listener.fail(error)
    }
  }

  /** Reads once. Resolves with the pause that the log asked for; rejects where another try would fail. */
  async #step(partition: number, loop: Loop): Promise<number> {
    const { log, runtime, updatesTopic, pollTimeoutMs, maxPollBytes, updatesIsolation } = this.#settings
    const deadline = { runtime, ms: pollTimeoutMs * READ_DEADLINE_FACTOR }
    const source = { log, topic: updatesTopic, isolation: updatesIsolation, deadline }
    const fetch = { maxBytes: maxPollBytes, waitMs: pollTimeoutMs }
    try {
      const batch = await readBatch(source, [{ partition, offset: loop.next }], fetch, loop.stop.signal)
      if (batch.outOfRange.length > 0) throw new KedgeError('ERR_PROTOCOL', 'the updates topic was replaced')
      for (const record of batch.records) await this.#handOut(loop, record)
      loop.next = Math.max(loop.next, batch.next.get(partition) ?? 0)
      return 0
    } catch (error) {
      loop.stop.signal.throwIfAborted()
      if (!isKedgeError(error) || !error.retryable) throw error
      return Math.min(error.retryAfterMs ?? 0, MAX_PAUSE_MS)
    }
  }

  async #handOut(loop: Loop, record: DecodedRecord['record']): Promise<void> {
    if (record.offset < loop.next) return
    const recordKey = (record.key && decodeUtf8(record.key)) ?? ''
    if (loop.listeners.has(recordKey)) {
      const decoded = await decodeRecord(record, this.#settings.codec, this.#settings.maxMessageBytes)
      // Looked up after the wait: a listener that was added meanwhile must get this record, too.
      for (const listener of loop.listeners.get(recordKey) ?? []) listener.take(decoded)
    }
    loop.next = record.offset + 1
  }
}
