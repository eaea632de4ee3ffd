/**
 * One socket of a tail: which records and beats it is sent, in which order, and when it is ended.
 *
 * A beat goes out only after every record below its end went out on the same socket: that is what makes it a proof.
 *
 * @module
 */
import type { Runtime } from '../../../src/ports/runtime.ts'
import { MAX_FRAME_BYTES, partsOf, type RecordsPart, type Tick } from './feed-tick.ts'
import { decodeQuestion, echoText, endText, type EndReason } from './frames.ts'
import type { TailState } from './state.ts'

/** What a tail needs of a socket: that of `ws`, of the web, or a Durable Object’s. */
export interface FeedSocket {
  send(text: string): void
  close(code: number, reason: string): void
  /** Bytes that the network has not taken yet. */
  readonly bufferedAmount: number
}

export interface FeedTerms {
  readonly topic: string
  readonly partition: number
  /** The first record that is wanted. */
  readonly from: number
  /** The log that `from` is of. @default the one that is there */
  readonly logId?: string | undefined
  /** How often a beat is wanted, in milliseconds. */
  readonly everyMs: number
}

/** RFC 6455, section 7.4.1. */
export const CLOSE = { gone: 1001, policy: 1008 } as const

/** A client that lets so much wait takes too little. */
const MAX_BUFFERED = 2 ** 20
/** Older records go out only while no more than this waits. */
const CALM_BUFFERED = 2 ** 18
/** And a client that does not come to that takes too little as well. */
const DRAIN_MS = 5000
const DRAIN_LOOK_MS = 20
/** Questions of one client in a second. */
const MAX_QUESTIONS = 10
const SECOND_MS = 1000
/** A client that has asked nothing for so long has gone, though its connection may look open. */
const SILENT_MS = 90_000
/** A socket lives so long, or up to a quarter more: its credential is looked at anew when it opens again. */
const LIFE_MS = 3_600_000
/** A beat may come so much before its time: the next would be late. */
const EARLY_MS = 30
/** Samples that end before what was sent: reads may run ahead of one, the log has been cut where they all do. */
const MAX_BEHIND = 3

export class FeedSession {
  readonly terms: FeedTerms
  /** All records before it have been sent. */
  next: number
  /** Whether it is sent older records, which the window of the tail does not have. */
  isReading = false
  readonly #socket: FeedSocket
  readonly #state: TailState
  readonly #runtime: Runtime
  readonly #onEnd: () => void
  #logId: string | undefined
  #end = 0
  #behind = 0
  #beatAt = -Infinity
  #heardAt: number
  readonly #endsAt: number
  #questions = 0
  #questionsSince = -Infinity
  #isOpen = true

  constructor(
    socket: FeedSocket,
    terms: FeedTerms,
    { state, runtime, onEnd }: { state: TailState; runtime: Runtime; onEnd: () => void },
  ) {
    this.terms = terms
    this.next = terms.from
    this.#logId = terms.logId
    this.#socket = socket
    this.#state = state
    this.#runtime = runtime
    this.#onEnd = onEnd
    this.#heardAt = runtime.monotonic()
    this.#endsAt = this.#heardAt + LIFE_MS * (1 + runtime.random() / 4)
  }

  /** The client has sent something. */
  heard(text: unknown): void {
    if (!this.#isOpen) return
    const { topic, partition } = this.terms
    const question = decodeQuestion(text)
    if (question === undefined) return this.close(CLOSE.policy, 'this is no question')
    // The tail reads its clock here, after the client has sent its question: an earlier reading would make proofs too young.
    const echo = this.#state.echo(topic, partition)
    const now = this.#runtime.monotonic()
    this.#heardAt = now
    if (!(now - this.#questionsSince < SECOND_MS)) {
      this.#questionsSince = now
      this.#questions = 0
    }
    if (++this.#questions > MAX_QUESTIONS) return this.close(CLOSE.policy, 'too many questions')
    if (echo) this.#socket.send(echoText({ question, ...echo }))
  }

  /** Ends it where its time is over: also while the log is away. */
  look(): void {
    const now = this.#runtime.monotonic()
    if (now - this.#heardAt >= SILENT_MS) return this.close(CLOSE.gone, 'nothing was heard')
    if (now >= this.#endsAt) this.close(CLOSE.gone, 'open for long enough')
  }

  /** The tail has sampled the log. */
  take(tick: Tick): void {
    this.look()
    if (!this.#isOpen) return
    const now = this.#runtime.monotonic()
    if (!this.isReading && this.#socket.bufferedAmount > MAX_BUFFERED) return this.end('slow')
    const { beat, base, next } = tick
    this.#logId ??= beat.logId
    if (beat.logId !== this.#logId || beat.end < this.#end) return this.end('replaced')
    this.#end = beat.end
    if (this.isReading) return
    if (this.next < beat.beginning) return this.end('truncated')
    if (this.next > next) {
      if (++this.#behind >= MAX_BEHIND) this.end('replaced')
      return
    }
    this.#behind = 0
    if (this.next < base) return void this.#readUpTo(base)
    const isNews = next > this.next
    if (isNews) this.#send(tick.partsFrom(this.next))
    const sinceMs = now - this.#beatAt
    if (!isNews && sinceMs >= 0 && sinceMs < this.terms.everyMs - EARLY_MS) return
    this.#beatAt = now
    this.#socket.send(tick.text)
  }

  /** Says why, and closes. */
  end(reason: EndReason): void {
    if (!this.#isOpen) return
    this.#socket.send(endText(reason))
    this.close(CLOSE.gone, reason)
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen) return
    this.ended()
    this.#socket.close(code, reason)
  }

  /** The socket has closed. */
  ended(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onEnd()
  }

  #send(parts: readonly RecordsPart[]): void {
    for (const { text, next } of parts) {
      this.#socket.send(text)
      this.next = next
    }
  }

  /** Older records than the window has come from the log. What fails the next sample begins again. */
  async #readUpTo(until: number): Promise<void> {
    const { topic, partition } = this.terms
    this.isReading = true
    try {
      while (this.#isOpen && this.next < until) {
        const asked = { topic, partition, offset: this.next, maxBytes: MAX_FRAME_BYTES }
        const found = await this.#state.records({ ...asked, logId: this.#logId! })
        if (!this.#isOpen) return
        if (found === undefined) return this.end('replaced')
        if (found.outOfRange.length > 0) return this.end('truncated')
        const to = found.next.find((position) => position.partition === partition)?.offset ?? 0
        if (to <= this.next) return
        this.#send(partsOf(found.records, this.next, to))
        await this.#calm()
      }
    } catch {
      // The log, or the tail, is away: so long no beat goes out.
    } finally {
      this.isReading = false
    }
  }

  async #calm(): Promise<void> {
    for (
      let waited = 0;
      this.#isOpen && this.#socket.bufferedAmount > CALM_BUFFERED;
      waited += DRAIN_LOOK_MS
    ) {
      if (waited >= DRAIN_MS) return this.end('slow')
      await this.#runtime.sleep(DRAIN_LOOK_MS)
    }
  }
}
