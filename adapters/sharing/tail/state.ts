/**
 * A tail: samples the ends of a log's partitions for many readers, and tells each of them a proof that it can judge by its own
 * clock. It has no platform: a Durable Object, the gateway and a relay drive it alike.
 *
 * @module
 */
import type { KafkaLog, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import { isKedgeError, KedgeError } from '../../../src/ports/errors.ts'
import { systemRuntime, type Runtime } from '../../../src/ports/runtime.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { APART_MS, LifeClock } from './life-clock.ts'
import type { TailStorage } from './lineage.ts'
import { Place, type PlaceCounts, type Sample } from './place.ts'
import type { Proof } from './proof.ts'

export interface TailStateOptions {
  /**
   * What it samples. Where that is a tail itself, such as `tail()` with a socket, its samples serve where a question allows their
   * age: then a quiet tail sends no request.
   */
  readonly log: KafkaLog
  /**
   * Which records it reads. Where it is those that are committed, the end that it tells is that of what can be read.
   *
   * @default 'uncommitted'
   */
  readonly isolation?: ReadOptions['isolation']
  /** Keeps the lineage of a log that tells no identity. @default none: a new tail is a new lineage */
  readonly storage?: TailStorage | undefined
  /** How much faster one clock may run than another, in parts per million. @default 1000 */
  readonly driftPpm?: number
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

export interface ProofQuestion {
  readonly topic: string
  readonly partition: number
  /** How long before the question the sample may have begun, in milliseconds. 0: after it. */
  readonly maxAgeMs: number
  /** Records from this offset on are wanted. @default none */
  readonly from?: number | undefined
  /** Also those that are worth handing on. @default false */
  readonly held?: boolean
  /** Comes back in the answer. */
  readonly question?: string | undefined
}

export interface RecordsQuestion {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
  /** The log that the offset is of. */
  readonly logId: string
}

/** What a tail has done since it began. */
export interface TailStats {
  readonly life: string
  readonly questions: number
  readonly refused: number
  readonly samples: number
  readonly reads: number
  readonly places: number
}

const MAX_PLACES = 64
const MAX_QUESTIONS = 256
/** The most that the records of an answer take. */
const MAX_RECORD_BYTES = 1_000_000
const DEADLINE_MS = 5000

export class TailState {
  readonly #options: TailStateOptions & { readonly runtime: Runtime }
  readonly #clock: LifeClock
  readonly #drift: number
  readonly #places = new Map<string, Place>()
  /** Reads of the log under way, by what they ask for: clients that ask for the same share one. */
  readonly #reads = new Map<string, Promise<ReadResult>>()
  #underWay = 0
  #questions = 0
  #refused = 0
  readonly #counts: PlaceCounts = { samples: 0, reads: 0 }

  constructor(options: TailStateOptions) {
    const { driftPpm = 1000, runtime = systemRuntime() } = options
    this.#options = { ...options, runtime }
    this.#drift = driftPpm / 1e6
    this.#clock = new LifeClock(runtime, () => {
      for (const place of this.#places.values()) place.last = undefined
    })
  }

  /** How old a sample may be that a feed sends: 0 where the log shares none. */
  agedMs(everyMs: number): number {
    return this.#options.log.capabilities.shared ? everyMs : 0
  }

  stats(): TailStats {
    const [questions, refused, places] = [this.#questions, this.#refused, this.#places.size]
    return { life: this.#clock.life, questions, refused, ...this.#counts, places }
  }

  /**
   * A proof that is at most as old as asked for.
   *
   * @throws KedgeError `ERR_RATE_LIMITED` where too many ask at once, `ERR_UNKNOWN_TOPIC`, or what the log throws
   */
  async proof({ topic, partition, maxAgeMs, from, held = false, question }: ProofQuestion): Promise<Proof> {
    // Before anything else: whatever happens after this reading happens after the question was sent.
    const arrived = this.#clock.now()
    const { life } = this.#clock
    return this.#admitted(async () => {
      const place = this.#place(topic, partition, arrived)
      const sample = await this.#sample(place, maxAgeMs, arrived)
      const told = place.last
      // The window belongs to the last sample. A new life has forgotten that.
      if (told === undefined || told.number < sample.number || this.#clock.life !== life)
        throw new KedgeError('ERR_NETWORK', 'the clock of the tail stepped meanwhile', { retryable: true })
      return { ...this.#told(place, told, arrived, from, held), ...(question !== undefined && { question }) }
    })
  }

  /** A name without a topic keeps no place from those that have one. */
  async #sample(place: Place, maxAgeMs: number, arrived: number): Promise<Sample> {
    try {
      return await place.sample(maxAgeMs, arrived)
    } catch (error) {
      const key = keyOf(place.topic, place.partition)
      const isMissing = isKedgeError(error) && error.code === 'ERR_UNKNOWN_TOPIC' && place.logId === undefined
      if (isMissing && this.#places.get(key) === place) this.#places.delete(key)
      throw error
    }
  }

  #told(place: Place, sample: Sample, arrived: number, from: number | undefined, held: boolean): Proof {
    const { window } = place
    const { life, at, logId, beginning, end } = sample
    return {
      logId,
      life,
      at: Math.floor(at),
      beginning,
      end,
      ...window.newest(from, held, arrived, MAX_RECORD_BYTES),
      next: window.next,
      theirs: this.#theirs(sample, arrived),
    }
  }

  /** What the clock of the sample's life had not passed when the tail's own showed `arrived`. */
  #theirs({ life, at, own }: Sample, arrived: number): number {
    const isOwn = life === this.#clock.life
    // At `own` the other clock had not shown `at` yet: what it shows later is at most what passed here since then.
    const theirs = isOwn ? arrived : at + Math.max(0, arrived - own) * (1 + this.#drift)
    // A machine may have slept so long without a new life.
    return Math.ceil(theirs + APART_MS)
  }

  /**
   * The echo of a question that has arrived just now, by the clock that the samples of the place are stamped with; `undefined` before
   * the first sample, and after a step of the clock until the next.
   */
  echo(topic: string, partition: number): { readonly life: string; readonly theirs: number } | undefined {
    const arrived = this.#clock.now()
    const last = this.#places.get(keyOf(topic, partition))?.last
    return last && !last.isDoubted ? { life: last.life, theirs: this.#theirs(last, arrived) } : undefined
  }

  /**
   * Waits until the log has a record at `offset`, at most `waitMs`: it may end early. Where the log cannot tell, it waits for all of
   * that time. Rejects with `signal.reason`, or with what the log throws.
   */
  async arrival(
    topic: string,
    { partition, offset }: Position,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, runtime } = this.#options
    if (!log.capabilities.longPoll) return runtime.sleep(waitMs, signal)
    const how = { maxBytes: 1, waitMs, isolation: this.#isolation }
    const late = () => new KedgeError('ERR_TIMEOUT', 'the log did not end a long poll', { retryable: true })
    const wait = (until: AbortSignal) => log.read(topic, [{ partition, offset }], { ...how, signal: until })
    await withDeadline(runtime, waitMs + DEADLINE_MS, late, wait, signal)
  }

  /**
   * Records that a proof does not have: of the window where it has them, else read from the log.
   *
   * @returns `undefined` where the tail does not know the log to be the one that the offset is of
   */
  async records(asked: RecordsQuestion): Promise<ReadResult | undefined> {
    const { topic, partition, offset, maxBytes, logId } = asked
    const arrived = this.#clock.now()
    return this.#admitted(async () => {
      const place = this.#place(topic, partition, arrived)
      // It has just begun: the client knows that log from the tail before.
      if (place.logId === undefined) await this.#sample(place, 0, arrived)
      if (place.logId !== logId) return undefined
      const held = place.window.read(offset, Math.min(maxBytes, MAX_RECORD_BYTES))
      if (held) return { records: held.records, next: [{ partition, offset: held.next }], outOfRange: [] }
      // With the log: a read that began before the topic was made anew returns records of the old topic.
      const key = `${logId} ${topic}/${partition}/${offset}/${maxBytes}`
      const read = this.#reads.get(key) ?? this.#read(topic, partition, offset, maxBytes)
      this.#reads.set(key, read)
      const found = await read.finally(() => this.#reads.delete(key))
      // The topic may have been made anew before the read: the next sample tells.
      await place.sample(0, this.#clock.now())
      return place.logId === logId ? found : undefined
    })
  }

  get #isolation(): ReadOptions['isolation'] {
    return this.#options.isolation ?? 'uncommitted'
  }

  #read(topic: string, partition: number, offset: number, maxBytes: number): Promise<ReadResult> {
    this.#counts.reads++
    const { log, runtime } = this.#options
    const late = () =>
      new KedgeError('ERR_TIMEOUT', 'the log did not answer the tail in time', { retryable: true })
    const how = {
      maxBytes: Math.min(maxBytes, MAX_RECORD_BYTES),
      waitMs: 0,
      isolation: this.#isolation,
    }
    return withDeadline(runtime, DEADLINE_MS, late, (signal) =>
      log.read(topic, [{ partition, offset }], { ...how, signal }),
    )
  }

  async #admitted<T>(answer: () => Promise<T>): Promise<T> {
    this.#questions++
    if (this.#underWay >= MAX_QUESTIONS) {
      this.#refused++
      throw new KedgeError('ERR_RATE_LIMITED', 'too many questions wait for the tail', {
        retryable: true,
        retryAfterMs: 1000,
      })
    }
    this.#underWay++
    try {
      return await answer()
    } finally {
      this.#underWay--
    }
  }

  #place(topic: string, partition: number, now: number): Place {
    const key = keyOf(topic, partition)
    const known = this.#places.get(key)
    if (known) return known
    if (this.#places.size >= MAX_PLACES) {
      const [idle] = [...this.#places].find(([, place]) => place.isIdle(now)) ?? []
      if (idle === undefined) {
        this.#refused++
        throw new KedgeError('ERR_RATE_LIMITED', `the tail follows ${MAX_PLACES} partitions already`, {
          retryable: true,
          retryAfterMs: 1000,
        })
      }
      this.#places.delete(idle)
    }
    const { log, runtime, storage } = this.#options
    const isolation = this.#isolation
    const [clock, counts] = [this.#clock, this.#counts]
    const place = new Place(topic, partition, { log, runtime, clock, storage, counts, isolation })
    this.#places.set(key, place)
    return place
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`
