/** A log whose bounds come from a tail, or from another client that asked the tail before. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type {
  KafkaLog,
  LogRecord,
  OffsetsOptions,
  PartitionOffsets,
  Position,
  ReadOptions,
  ReadResult,
} from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { randomId } from '../../../src/runtime/random-id.ts'
import type { Http } from '../../kafka/rest/http.ts'
import { askRecords, pathOf } from './ask-records.ts'
import { Echoes } from './echoes.ts'
import type { ClockedOffsets } from './place.ts'
import { decodeProof, type Proof } from './proof.ts'
import { KeptRecords, type Taken } from './kept-records.ts'
import { keep } from './places.ts'
import type { Segments } from './segments.ts'
import type { SharedProofs } from './shared-proofs.ts'

export interface TailClientOptions {
  readonly origin: KafkaLog
  readonly http: Http
  readonly topics: ReadonlySet<string>
  readonly proofs: SharedProofs | undefined
  /** Beside the proofs. */
  readonly segments: Segments | undefined
  readonly driftPpm: number
  readonly timeoutMs: number
  readonly runtime: Runtime
}

type AgeClock = NonNullable<OffsetsOptions['clock']>

/** How old a proof may be, and by which clock. */
interface Aging {
  readonly clock: AgeClock
  readonly echoes: Echoes
  readonly maxAgeMs: number
}

/** The part of the allowed age that a tail may use up where the answer is handed on: the rest is for those who adopt it. */
const HANDED_ON_PART = 3
/** XFetch (Vattani et al., VLDB 2015): how much earlier than it must one of many asks, in costs of an answer. */
const EARLY = 1.3
/** The most that an answer counts to have taken. */
const MAX_COST_MS = 250
/** What a read asks the tail for that also fills the store. */
const SEGMENT_BYTES = 1_000_000
/** A store that takes longer is slower than the tail. */
const STORE_MS = 500

export class TailClient {
  readonly #options: TailClientOptions
  /** By the clock of the caller: a step back that it has noticed takes back its earlier readings. */
  readonly #echoes = new WeakMap<AgeClock, Echoes>()
  readonly #kept = new KeptRecords()
  /** Where the reads of a place have come to, and which log they are of. */
  readonly #read = new Map<string, { readonly logId: string; readonly next: number }>()
  /** Proofs that are to be handed on, by place. Not promises of it: on Workers those belong to the request that made them. */
  readonly #unput = new Map<string, Proof>()

  constructor(options: TailClientOptions) {
    this.#options = options
  }

  async offsets(topic: string, options: OffsetsOptions = {}): Promise<PartitionOffsets[]> {
    const { partitions, maxAgeMs = 0, clock, signal } = options
    const aging = clock && { clock, echoes: this.echoesOf(clock), maxAgeMs }
    // Which partitions there are the tail does not know.
    if (!this.#options.topics.has(topic) || partitions === undefined)
      return this.#options.origin.offsets(topic, options)
    signal?.throwIfAborted()
    return Promise.all(partitions.map((partition) => this.#bounds(topic, partition, aging, signal)))
  }

  /** What tails have echoed to questions that were sent by this clock. */
  echoesOf(clock: AgeClock): Echoes {
    const known = this.#echoes.get(clock) ?? new Echoes(this.#options.driftPpm)
    this.#echoes.set(clock, known)
    return known
  }

  async #bounds(
    topic: string,
    partition: number,
    aging: Aging | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PartitionOffsets> {
    const place = placeOf(topic, partition)
    const { clock, echoes, maxAgeMs = 0 } = aging ?? {}
    const now = clock?.now() ?? 0
    const ageOf = (proof: Proof, moment: number): number =>
      echoes?.ageMs(proof, moment, clock!.unknownBefore) ?? Infinity
    if (maxAgeMs > 0) {
      const found = await this.#stored(place, signal)
      if (found) this.#options.segments?.found(place, found)
      const ageMs = found ? ageOf(found, now) : Infinity
      const earlyMs = -Math.log(1 - this.#options.runtime.random()) * EARLY * (found?.costMs ?? 0)
      if (found && ageMs + earlyMs <= maxAgeMs) return this.#adopt(place, partition, found, ageMs)
    }
    const allowedMs = this.#options.proofs ? Math.floor(maxAgeMs / HANDED_ON_PART) : maxAgeMs
    return this.#within(signal, this.#options.timeoutMs, async (until) => {
      const { proof, mine } = await this.#ask(topic, partition, allowedMs, aging, until)
      // What is not allowed to be older began after the question arrived: no clock has to say so.
      const ageMs = allowedMs === 0 ? 0 : ageOf(proof, mine)
      if (ageMs <= maxAgeMs) return this.#adopt(place, partition, proof, ageMs)
      return this.#adopt(place, partition, (await this.#ask(topic, partition, 0, aging, until)).proof, 0)
    })
  }

  /** Before the tail is asked, with a deadline of its own: a store that hangs takes no time from the tail. */
  async #stored(place: string, signal: AbortSignal | undefined): Promise<Proof | undefined> {
    const { proofs } = this.#options
    if (proofs === undefined) return undefined
    try {
      return await this.#within(signal, STORE_MS, (until) => proofs.find(place, until))
    } catch (error) {
      if (signal?.aborted) throw error
      // The tail has what the store does not.
      return undefined
    }
  }

  async #ask(
    topic: string,
    partition: number,
    maxAgeMs: number,
    aging: Aging | undefined,
    signal: AbortSignal,
  ) {
    const { http, runtime, proofs, segments } = this.#options
    const place = placeOf(topic, partition)
    const question = randomId(runtime)
    const query = new URLSearchParams({ max_age: String(maxAgeMs), question })
    const from = this.#read.get(place)?.next
    if (from !== undefined) query.set('from', String(segments?.askFrom(place, from) ?? from))
    if (proofs) query.set('held', '1')
    const path = `${pathOf(topic, partition)}?${query.toString()}`
    // Before it is sent, and nothing in between: the clock of the tail is read after this.
    const [mine, began] = [aging?.clock.now() ?? 0, runtime.monotonic()]
    const answer = await http.ask({ method: 'GET', path }, signal, 'asking the tail')
    const proof = decodeProof(answer.body)
    if (proof?.theirs === undefined || proof.question !== question)
      throw new KedgeError('ERR_PROTOCOL', 'the tail answers with something that is no proof', {
        retryable: true,
      })
    aging?.echoes.note(proof.life, mine, proof.theirs)
    const costMs = Math.round(Math.min(MAX_COST_MS, Math.max(0, runtime.monotonic() - began)))
    if (proofs) keep(this.#unput, place, { ...proof, costMs })
    segments?.keep(place, proof.logId, proof)
    return { proof, mine }
  }

  #adopt(place: string, partition: number, proof: Proof, ageMs: number): ClockedOffsets {
    const { beginning, end, logId, life, at } = proof
    const bounds = { partition, beginning, end, logId, clock: { life, at }, ...(ageMs > 0 && { ageMs }) }
    const known = this.#read.get(place)
    // That the log is another one an exact answer tells: until then, a read under way is of the one that is known.
    if (ageMs > 0 && known !== undefined && known.logId !== logId) return bounds
    this.#kept.set(place, proof)
    if (known?.logId !== logId) keep(this.#read, place, { logId, next: end })
    return bounds
  }

  async read(topic: string, positions: readonly Position[], how: ReadOptions): Promise<ReadResult> {
    const { origin, topics } = this.#options
    if (!topics.has(topic) || how.isolation === 'committed') return origin.read(topic, positions, how)
    how.signal?.throwIfAborted()
    const found = await Promise.all(
      positions.map((position) => this.#readOne(topic, position, how.maxBytes, how.signal)),
    )
    return {
      records: found.flatMap(({ records }) => records),
      next: found.flatMap(({ next }) => next),
      outOfRange: found.flatMap(({ outOfRange }) => outOfRange),
    }
  }

  async #readOne(
    topic: string,
    position: Position,
    maxBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult> {
    const place = placeOf(topic, position.partition)
    const fetch = (until: AbortSignal) => this.#fetch(topic, position, maxBytes, until)
    const { records, next } =
      this.#kept.take(place, position.offset, maxBytes) ??
      (await this.#between(place, position.offset, maxBytes, signal)) ??
      (await this.#within(signal, this.#options.timeoutMs, fetch)) ??
      {}
    const { partition } = position
    if (records === undefined || next === undefined)
      return { records: [], next: [position], outOfRange: [partition] }
    this.passed(topic, partition, next)
    const found = records.map((record): LogRecord => ({ partition, ...record }))
    return { records: found, next: [{ partition, offset: next }], outOfRange: [] }
  }

  /** Reads have come to there: the tail need not send what is before. */
  passed(topic: string, partition: number, next: number): void {
    const place = placeOf(topic, partition)
    const read = this.#read.get(place)
    if (read) keep(this.#read, place, { ...read, next: Math.max(read.next, next) })
  }

  /** What lies between the position and the records of the last proof, out of the store. */
  async #between(place: string, offset: number, maxBytes: number, signal: AbortSignal | undefined) {
    const { segments } = this.#options
    const kept = this.#kept.after(place, offset)
    if (segments === undefined || kept === undefined) return undefined
    const reading = this.#within(signal, STORE_MS, (until) =>
      segments.read(place, kept.logId, offset, kept.base, until),
    )
    // The tail has what the store does not.
    const run = await reading.catch(() => undefined)
    signal?.throwIfAborted()
    return run && this.#kept.join(place, kept.logId, run, offset, maxBytes)
  }

  /** From the tail, which asks the log for what it lacks; `undefined` where the offset is not in that log. */
  async #fetch(
    topic: string,
    { partition, offset }: Position,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Taken | undefined> {
    const place = placeOf(topic, partition)
    const logId =
      this.#read.get(place)?.logId ?? (await this.#ask(topic, partition, 0, undefined, signal)).proof.logId
    const { http, segments } = this.#options
    const asked = { topic, partition, logId }
    const kept = segments && this.#kept.after(place, offset)
    // The store lacks a segment: the client that reads it whole puts it there for the others.
    const start = segments?.startOf(offset) ?? offset
    if (kept?.logId === logId && start >= kept.beginning) {
      const run = await askRecords(http, { ...asked, offset: start, maxBytes: SEGMENT_BYTES }, signal)
      if (run) segments?.keep(place, logId, run, true)
      if (run && run.next > offset) return this.#kept.join(place, logId, run, offset, maxBytes)
    }
    return askRecords(http, { ...asked, offset, maxBytes }, signal)
  }

  /** Hands on what the tail has answered. Begun here, so that it belongs to the request that keeps it alive. */
  async settled(): Promise<void> {
    const proofs = [...this.#unput]
    this.#unput.clear()
    const now = Math.floor(this.#options.runtime.now())
    const within = <T>(call: (signal: AbortSignal) => Promise<T>) =>
      this.#within(undefined, this.#options.timeoutMs, call)
    // Before the proofs: who adopts one finds what its records lack.
    await this.#options.segments?.put(now, within)
    const put = ([place, proof]: [string, Proof]) =>
      within((until) => this.#options.proofs!.put(place, proof, now, until))
    // A client that finds nothing asks the tail.
    await Promise.allSettled(proofs.map(put))
  }

  #within<T>(
    signal: AbortSignal | undefined,
    ms: number,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = () => new KedgeError('ERR_TIMEOUT', `no answer within ${ms} ms`, { retryable: true })
    return withDeadline(this.#options.runtime, ms, late, call, signal)
  }
}

const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`
