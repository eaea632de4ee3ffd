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
import { anything, fields, offsetShape, optional } from '../../answer-shape.ts'
import { type Http, parsed, segment } from '../../kafka/rest/http.ts'
import { Echoes } from './echoes.ts'
import type { ClockedOffsets } from './place.ts'
import { decodeProof, decodeRecords, type Proof } from './proof.ts'
import type { SharedProofs } from './shared-proofs.ts'
import { fitting } from './window.ts'

export interface TailClientOptions {
  readonly origin: KafkaLog
  readonly http: Http
  readonly topics: ReadonlySet<string>
  readonly proofs: SharedProofs | undefined
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

/** A proof whose records have not been read yet, from `from` on. */
interface Kept {
  readonly proof: Proof
  readonly from: number
}

/** The part of the allowed age that a tail may use up where the answer is handed on: the rest is for those who adopt it. */
const HANDED_ON_PART = 3
/** XFetch (Vattani et al., VLDB 2015): how much earlier than it must one of many asks, in costs of an answer. */
const EARLY = 1.3
/** The most that an answer counts to have taken. */
const MAX_COST_MS = 250
const MAX_PLACES = 64
/** A store that takes longer is slower than the tail. */
const STORE_MS = 500

const recordsAnswer = fields({
  next: optional(offsetShape),
  // Checked where they are decoded.
  records: anything,
})

export class TailClient {
  readonly #options: TailClientOptions
  /** By the clock of the caller: a step back that it has noticed takes back its earlier readings. */
  readonly #echoes = new WeakMap<AgeClock, Echoes>()
  readonly #kept = new Map<string, Kept>()
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
    const { http, runtime, proofs } = this.#options
    const place = placeOf(topic, partition)
    const question = randomId(runtime)
    const query = new URLSearchParams({ max_age: String(maxAgeMs), question })
    const from = this.#read.get(place)?.next
    if (from !== undefined) query.set('from', String(from))
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
    return { proof, mine }
  }

  #adopt(place: string, partition: number, proof: Proof, ageMs: number): ClockedOffsets {
    keep(this.#kept, place, { proof, from: proof.base })
    const { beginning, end, logId, life, at } = proof
    const next = this.#read.get(place)
    if (next?.logId !== logId) keep(this.#read, place, { logId, next: end })
    return { partition, beginning, end, logId, clock: { life, at }, ...(ageMs > 0 && { ageMs }) }
  }

  async read(topic: string, positions: readonly Position[], how: ReadOptions): Promise<ReadResult> {
    const { origin, topics } = this.#options
    if (!topics.has(topic) || how.isolation === 'committed') return origin.read(topic, positions, how)
    how.signal?.throwIfAborted()
    return this.#within(how.signal, this.#options.timeoutMs, async (until) => {
      const found = await Promise.all(
        positions.map((position) => this.#readOne(topic, position, how.maxBytes, until)),
      )
      return {
        records: found.flatMap(({ records }) => records),
        next: found.flatMap(({ next }) => next),
        outOfRange: found.flatMap(({ outOfRange }) => outOfRange),
      }
    })
  }

  async #readOne(
    topic: string,
    position: Position,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<ReadResult> {
    const place = placeOf(topic, position.partition)
    const { records, next } =
      this.#take(place, position.offset, maxBytes) ??
      (await this.#fetch(topic, position, maxBytes, signal)) ??
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

  /**
   * The records of the last proof, once: a caller that reads again asks for what is there by then. As many as fit; the next read goes
   * on with the rest.
   */
  #take(place: string, offset: number, maxBytes: number) {
    const kept = this.#kept.get(place)
    if (kept === undefined || offset < kept.from || offset >= kept.proof.next) return undefined
    const { records, next } = fitting(kept.proof.records, offset, kept.proof.next, maxBytes)
    if (next === kept.proof.next) this.#kept.delete(place)
    else this.#kept.set(place, { proof: kept.proof, from: next })
    return { records, next }
  }

  /** From the tail, which asks the log; `undefined` where the offset is not in that log. */
  async #fetch(topic: string, { partition, offset }: Position, maxBytes: number, signal: AbortSignal) {
    const logId =
      this.#read.get(placeOf(topic, partition))?.logId ??
      (await this.#ask(topic, partition, 0, undefined, signal)).proof.logId
    const query = new URLSearchParams({ offset: String(offset), max_bytes: String(maxBytes), log: logId })
    const path = `${pathOf(topic, partition)}/records?${query.toString()}`
    const doing = 'reading from the tail'
    const { next, records } = parsed(
      await this.#options.http.ask({ method: 'GET', path }, signal, doing),
      recordsAnswer,
      doing,
    )
    if (next === undefined) return undefined
    const found = decodeRecords(records, offset, next)
    if (found === undefined || next < offset)
      throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer contradicts itself`, { retryable: true })
    return { records: found, next }
  }

  /** Hands on what the tail has answered. Begun here, so that it belongs to the request that keeps it alive. */
  async settled(): Promise<void> {
    const proofs = [...this.#unput]
    this.#unput.clear()
    const now = Math.floor(this.#options.runtime.now())
    const put = ([place, proof]: [string, Proof]) =>
      this.#within(undefined, this.#options.timeoutMs, (until) =>
        this.#options.proofs!.put(place, proof, now, until),
      )
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
const pathOf = (topic: string, partition: number): string => `/tail/${segment(topic)}/${partition}`

/** Sets it, and drops the place that was set first where there are too many. */
function keep<T>(map: Map<string, T>, place: string, value: T): void {
  map.set(place, value)
  const [oldest] = map.keys()
  if (map.size > MAX_PLACES && oldest !== undefined) map.delete(oldest)
}
