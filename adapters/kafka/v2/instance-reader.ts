/**
 * Reads by explicit offset over consumer instances that keep positions of their own.
 *
 * The positions asked for are looked up in the partitions' bounds first: an instance is made only when there
 * is something to read, and positions outside the log need none. While the bounds show records ahead, the
 * reader does not take an empty poll for the end.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { PartitionOffsets, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import type { Call } from '../rest/http.ts'
import { advance, hasGap } from '../rest/positions.ts'
import type { Poll } from './instance.ts'
import { InstancePoller, type InstancePollerOptions } from './instance-poller.ts'
import { BoundsHints, sortNow, type SortedPositions } from './position-bounds.ts'

/** Polls of one read. */
const MAX_POLLS = 4
/** What proxies allow at most by default (`consumer.request.timeout.ms`). */
const MAX_POLL_MS = 1000
/** Long enough for a fetch. */
const MIN_POLL_MS = 100

export interface InstanceReaderOptions extends InstancePollerOptions {
  readonly maxResponseBytes: number
}

export class InstanceReader {
  readonly #options: InstanceReaderOptions
  readonly #instances: InstancePoller
  readonly #pollMs: number
  readonly #hints = new BoundsHints()

  constructor(options: InstanceReaderOptions) {
    this.#options = options
    this.#pollMs = Math.max(1, Math.min(MAX_POLL_MS, Math.floor(options.timeoutMs / (MAX_POLLS + 1))))
    this.#instances = new InstancePoller(options, this.#pollMs)
  }

  /** Remembers bounds just sampled, so that the read that follows need not ask again. */
  hint(topic: string, bounds: readonly PartitionOffsets[]): void {
    this.#hints.keep(topic, bounds)
    this.#instances.sweep()
  }

  async read(
    call: Call,
    topic: string,
    positions: readonly Position[],
    how: ReadOptions,
  ): Promise<ReadResult> {
    const leave = this.#instances.enter(how.waitMs)
    // A transport that ignores its signal must not hold the place of a read that has ended.
    call.signal.addEventListener('abort', leave, { once: true })
    this.#instances.sweep()
    try {
      const sorted = this.#hints.take(topic, positions) ?? (await sortNow(call, topic, positions))
      return await this.#readBehind(call, topic, positions, sorted, how)
    } finally {
      call.signal.removeEventListener('abort', leave)
      leave()
    }
  }

  close(): Promise<void> {
    return this.#instances.close()
  }

  async #readBehind(
    call: Call,
    topic: string,
    positions: readonly Position[],
    known: SortedPositions,
    how: ReadOptions,
  ): Promise<ReadResult> {
    let sorted = known
    let gone = 0
    let bytes = how.maxBytes
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      const waits = sorted.behind.length === 0
      if (waits && !this.#mayWait(sorted, how)) break
      const asked = this.#pollBytes(bytes, sorted.distance)
      const poll = await this.#instances.poll(call, {
        topic,
        positions: waits ? positions : sorted.behind,
        isolation: how.isolation,
        pollMs: waits ? Math.ceil(how.waitMs) : this.#pollTimeMs(how.waitMs, sorted.distance, polls),
        maxBytes: asked,
        waits,
      })
      if (poll === 'gone') {
        if (++gone > 1) throw vanishing()
        continue
      }
      if (poll === 'too large') {
        if (asked >= this.#options.maxResponseBytes) throw tooLarge()
        bytes = this.#options.maxResponseBytes
        continue
      }
      if (poll === 'unsure') {
        // A reset to the end shows as an empty poll, too.
        if (this.#instances.resetsToEnd) sorted = await sortNow(call, topic, positions)
        continue
      }
      const empty = poll !== 'out of range' && poll.records.length === 0
      if (poll === 'out of range' || poll.dropped > 0 || this.#doubts(sorted, poll.records, empty)) {
        // Retention may have taken the position since the bounds were sampled: these records prove nothing.
        sorted = await sortNow(call, topic, positions)
      }
      if (poll === 'out of range') continue
      const records = poll.records.filter(({ partition }) => !sorted.outOfRange.includes(partition))
      if (records.length > 0) {
        return { records, next: advance(positions, records), outOfRange: sorted.outOfRange }
      }
      if (waits) break
      // Warming up, or the first record is as large as `max_bytes`: kafka-rest then never returns it.
      bytes = this.#larger(bytes)
    }
    return { records: [], next: [...positions], outOfRange: sorted.outOfRange }
  }

  /** Whether to wait for a first record: the proxy can, and no position lies outside the log. */
  #mayWait({ outOfRange }: SortedPositions, { waitMs }: ReadOptions): boolean {
    return this.#options.dialect.longPoll && waitMs > 0 && outOfRange.length === 0
  }

  /** Whether the bounds should be looked at again: a reset to the end shows as a gap, or as nothing at all. */
  #doubts(sorted: SortedPositions, records: Poll['records'], empty: boolean): boolean {
    return (
      hasGap(sorted.behind, records) || (empty && sorted.behind.length > 0 && this.#instances.resetsToEnd)
    )
  }

  /** How long a poll for existing records may take: a proxy that waits it out must not exceed `waitMs`. */
  #pollTimeMs(waitMs: number, distance: number, polls: number): number {
    const { waitsOut, few } = this.#options.dialect
    if (polls === 0 && distance > 1 && distance <= few) return MIN_POLL_MS
    if (!waitsOut || waitMs === 0) return this.#pollMs
    return Math.min(this.#pollMs, Math.max(MIN_POLL_MS, Math.ceil(waitMs)))
  }

  #pollBytes(maxBytes: number, behind: number): number {
    const { dialect, maxResponseBytes } = this.#options
    return dialect.pollBytes({ maxBytes, behind, maxResponseBytes })
  }

  #larger(bytes: number): number {
    const most = Math.floor(this.#options.maxResponseBytes / 2)
    return bytes >= 65_536 ? Math.max(bytes, most) : Math.min(65_536, most)
  }
}

const tooLarge = () =>
  new KedgeError(
    'ERR_TOO_LARGE',
    'an answer is larger than `maxResponseBytes`: raise it, or let the proxy fetch less at once',
  )

const vanishing = () =>
  new KedgeError(
    'ERR_HTTP',
    'consumer instances are lost as soon as they are made: are there several proxies?',
    {
      retryable: true,
    },
  )
