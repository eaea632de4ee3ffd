/**
 * A partition as a tail follows it: samples of its bounds, in the order in which they began, and the records before them.
 *
 * @module
 */
import type { KafkaLog, PartitionOffsets, ReadOptions } from '../../../src/ports/kafka-log.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { randomId } from '../../../src/runtime/random-id.ts'
import type { LifeClock } from './life-clock.ts'
import type { AgeClock } from './link-echoes.ts'
import { Lineage, type TailStorage } from './lineage.ts'
import { RecordWindow } from './window.ts'

/** Bounds of a log that tells a clock of its own, read before it asked for them: see `kedge-clock` in docs/protocol.md. */
export interface ClockedOffsets extends PartitionOffsets {
  readonly clock?: { readonly life: string; readonly at: number }
}

export interface Sample {
  /** In the order in which they began. */
  readonly number: number
  /** When it began, by the clock of `life`: that of the log where it tells one, else the tail's own. */
  readonly life: string
  readonly at: number
  /** The same by the tail's own clock: not after it began. */
  readonly own: number
  /** Whether a step back of the tail's own clock may hide since it began: it answers those who waited for it, and no other client. */
  readonly isDoubted: boolean
  readonly logId: string
  readonly beginning: number
  readonly end: number
}

export interface PlaceOptions {
  readonly log: KafkaLog
  readonly runtime: Runtime
  readonly clock: LifeClock
  readonly storage: TailStorage | undefined
  readonly counts: PlaceCounts
  readonly isolation: ReadOptions['isolation']
}

/** Requests to the log. */
export interface PlaceCounts {
  samples: number
  reads: number
}

/** How long the log may take to answer a sample. */
const DEADLINE_MS = 5000
/** How many records before the end a new window begins: who is a little behind need not read for itself. */
const LOOK_BACK = 256
/** A place stays warm for so long after the last question that allowed an age. */
const WARM_FOR_MS = 2000
/** How often a warm place is sampled, from beginning to beginning: a client that asks then rarely waits for the log. */
const WARM_EVERY_MS = 170
const READ = { maxBytes: 1_000_000, waitMs: 0 }

export class Place {
  readonly topic: string
  readonly partition: number
  readonly window: RecordWindow = new RecordWindow()
  /** The latest sample, unless the clock has stepped since. */
  last: Sample | undefined
  readonly #options: PlaceOptions
  readonly #lineage: Lineage
  #logId: string | undefined
  #number = 0
  #running: { readonly own: number; readonly aging: AgeClock; readonly settled: Promise<Sample> } | undefined
  #waiting: { readonly settled: Promise<Sample>; maxAgeMs: number } | undefined
  /** What the last question allowed that allowed an age. */
  #allowedMs = 0
  #askedAt = -Infinity
  #isWarm = false

  constructor(topic: string, partition: number, options: PlaceOptions) {
    this.topic = topic
    this.partition = partition
    this.#options = options
    this.#lineage = new Lineage(`${topic}/${partition}`, options.storage, options.runtime)
  }

  /** Which log its window is of; `undefined` before the first sample. */
  get logId(): string | undefined {
    return this.#logId
  }

  /** Whether no client has asked for a while, and nothing is under way. */
  isIdle(now: number): boolean {
    return !this.#isWarm && this.#running === undefined && Math.abs(now - this.#askedAt) >= WARM_FOR_MS
  }

  /**
   * The last sample if it began at most `maxAgeMs` before the question arrived, else the one under way if that did, else the
   * next to begin, of which at most one waits.
   */
  sample(maxAgeMs: number, arrived: number): Promise<Sample> {
    this.#askedAt = arrived
    if (maxAgeMs > 0) this.#allowedMs = maxAgeMs
    if (maxAgeMs > 0 && !this.#isWarm) void this.#keepWarm()
    const isYoung = (own: number): boolean => maxAgeMs > 0 && arrived - own <= maxAgeMs
    if (this.last && !this.last.isDoubted && isYoung(this.last.own)) return Promise.resolve(this.last)
    const isDoubted = this.#running?.aging !== this.#options.clock.aging
    if (this.#running && !isDoubted && isYoung(this.#running.own)) return this.#running.settled
    if (!this.#running) return this.#begin(maxAgeMs)
    if (!this.#waiting) {
      const begin = () => this.#begin(this.#waiting?.maxAgeMs)
      this.#waiting = { settled: this.#running.settled.then(begin, begin), maxAgeMs }
    }
    this.#waiting.maxAgeMs = Math.min(this.#waiting.maxAgeMs, maxAgeMs)
    return this.#waiting.settled
  }

  /** @param maxAgeMs how old it may be where the log shares samples of others */
  #begin(maxAgeMs = 0): Promise<Sample> {
    this.#waiting = undefined
    const { clock } = this.#options
    const own = clock.now()
    const { life, aging } = clock
    const allowedMs = this.#options.log.capabilities.shared ? maxAgeMs : 0
    const settled = this.#learn(own, { life, aging }, allowedMs).finally(() => {
      if (this.#running?.settled === settled) this.#running = undefined
    })
    this.#running = { own: own - allowedMs, aging, settled }
    return settled
  }

  /** Samples on for as long as clients ask: else the first to ask would wait for the log, and all others behind it. */
  async #keepWarm(): Promise<void> {
    this.#isWarm = true
    const { runtime, clock } = this.#options
    try {
      for (;;) {
        const sinceMs = this.last ? clock.now() - this.last.own : 0
        await runtime.sleep(Math.max(1, WARM_EVERY_MS - sinceMs))
        const idleMs = clock.now() - this.#askedAt
        // A clock that has stepped back would have it sample on for as long as the step was.
        if (!(idleMs >= 0 && idleMs < WARM_FOR_MS)) return
        await (this.#running?.settled ?? this.#begin(this.#allowedMs))
      }
    } catch {
      // The next question begins again, and its answer says why if that fails as well.
    } finally {
      this.#isWarm = false
    }
  }

  async #learn(
    asked: number,
    { life: ownLife, aging }: Pick<LifeClock, 'life' | 'aging'>,
    maxAgeMs: number,
  ): Promise<Sample> {
    const { runtime, clock } = this.#options
    const number = ++this.#number
    this.#options.counts.samples++
    const late = () =>
      new KedgeError('ERR_TIMEOUT', 'the log did not answer the tail in time', { retryable: true })
    return withDeadline(runtime, DEADLINE_MS, late, async (signal) => {
      let bounds = await this.#bounds(maxAgeMs, signal)
      // Bounds that were sampled earlier may contradict what is known here by now: those of this moment decide.
      if (!this.#fits(bounds)) bounds = await this.#bounds(0, signal)
      signal.throwIfAborted()
      await this.#catchUp(bounds, asked, signal)
      // Read again: a step of the clock since then makes the stamp worthless.
      clock.now()
      if (clock.life !== ownLife)
        throw new KedgeError('ERR_NETWORK', 'the clock of the tail stepped during a sample', {
          retryable: true,
        })
      const { beginning } = bounds
      const end = this.#isCommitted ? Math.min(bounds.end, this.window.next) : bounds.end
      const own = asked - (bounds.ageMs ?? 0)
      const isDoubted = clock.aging !== aging
      // No client has an echo of a life that is named once.
      const stamp = bounds.clock ?? { life: isDoubted ? randomId(runtime) : ownLife, at: own }
      // What another question has learned meanwhile is younger.
      if (this.last && this.last.own > own && this.last.logId === this.#logId) return this.last
      const sample: Sample = { number, ...stamp, own, isDoubted, logId: this.#logId!, beginning, end }
      if ((this.last?.number ?? 0) < number) this.last = sample
      return sample
    })
  }

  async #bounds(maxAgeMs: number, signal: AbortSignal): Promise<ClockedOffsets> {
    const { log, clock } = this.#options
    const aged = maxAgeMs > 0 && { maxAgeMs, clock: clock.aging }
    const found = await log.offsets(this.topic, { partitions: [this.partition], signal, ...aged })
    const bounds = found.find(({ partition }) => partition === this.partition)
    if (bounds) return bounds
    throw new KedgeError('ERR_UNKNOWN_TOPIC', `${this.topic} has no partition ${this.partition}`)
  }

  #fits({ ageMs = 0, logId, beginning, end }: PartitionOffsets): boolean {
    const { next } = this.window
    return ageMs === 0 || (logId === this.#logId && end >= next && beginning <= next)
  }

  /** Reads up to the end of the bounds; begins anew where they contradict what is held. */
  async #catchUp(bounds: PartitionOffsets, now: number, signal: AbortSignal): Promise<void> {
    const { window } = this
    const lineage = bounds.logId === undefined ? this.#lineage : undefined
    await lineage?.load()
    signal.throwIfAborted()
    const { beginning, end } = bounds
    const isAnother = this.#logId !== (bounds.logId ?? lineage!.id)
    if (isAnother || end < window.next || beginning > window.next) {
      if (lineage && (lineage.isRewound(bounds) || (!isAnother && end < window.next))) lineage.break()
      this.#restart(bounds, lineage)
    }
    let find = lineage?.toFind(bounds, window.next, now)
    while (find !== undefined || window.next < end) {
      const from = find === undefined ? window.next : Math.min(find.offset, window.next)
      const offset = find?.offset ?? from
      this.#options.counts.reads++
      const read = await this.#options.log.read(this.topic, [{ partition: this.partition, offset }], {
        ...READ,
        isolation: this.#options.isolation,
        signal,
      })
      // The next sample may have begun: the window is its own by then.
      signal.throwIfAborted()
      const next = read.next.find(({ partition }) => partition === this.partition)?.offset ?? offset
      // What is not committed yet cannot be read: the end of what can be is here.
      if (this.#isCommitted && read.outOfRange.length === 0 && next <= offset) break
      if (read.outOfRange.length > 0 || next <= offset)
        throw new KedgeError('ERR_PROTOCOL', 'the log does not return what it has', { retryable: true })
      const records = read.records.filter((record) => record.partition === this.partition)
      if (find !== undefined && !lineage!.isFound(records[0], now)) {
        lineage!.break()
        this.#restart(bounds, lineage)
        find = undefined
        continue
      }
      find = undefined
      window.append(records, next, now)
      lineage?.read(records.at(-1))
    }
    window.forgetBefore(beginning)
    await lineage?.save(now)
    signal.throwIfAborted()
  }

  get #isCommitted(): boolean {
    return this.#options.isolation === 'committed'
  }

  #restart({ beginning, end, logId }: PartitionOffsets, lineage: Lineage | undefined): void {
    this.last = undefined
    this.#logId = logId ?? lineage!.id
    this.window.restart(Math.max(beginning, end - LOOK_BACK))
  }
}
