/**
 * The sockets of a tail: samples the places that they follow, once for all of them, and tells each what it has not got.
 *
 * It has no platform: the gateway, a relay and a Durable Object hand it sockets alike. While no client follows, it asks nothing.
 *
 * @module
 */
import { isKedgeError } from '../../../src/ports/errors.ts'
import { systemRuntime, type Runtime } from '../../../src/ports/runtime.ts'
import { backoffMs } from '../../../src/runtime/retry.ts'
import { Stop } from '../../../src/runtime/stop.ts'
import { CLOSE, FeedSession, type FeedSocket, type FeedTerms } from './feed-session.ts'
import { Tick } from './feed-tick.ts'
import { nameOf, numberOf } from './query.ts'
import type { TailState } from './state.ts'

export type { FeedSession, FeedSocket, FeedTerms } from './feed-session.ts'

/** How often a beat may be asked for, and how often one comes where it is not said. */
const EVERY_MS = { least: 100, most: 10_000, usual: 1000 }
/** A busy log is sampled so often at most: sockets that open meanwhile share a sample as well. */
const MIN_GAP_MS = 20
const BACKOFF = { firstMs: 100, maxMs: 5000 }

export interface TailFeedOptions {
  readonly state: TailState
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/**
 * What the query of `GET /tail/{topic}/{partition}/ws?from=&log=&beat=` asks for.
 *
 * @throws Malformed
 */
export function feedTerms(topic: string, partition: number, query: URLSearchParams): FeedTerms {
  const { least, most, usual } = EVERY_MS
  return {
    topic,
    partition,
    from: numberOf(query, 'from') ?? 0,
    logId: nameOf(query, 'log'),
    everyMs: Math.min(most, Math.max(least, numberOf(query, 'beat') ?? usual)),
  }
}

export class TailFeed {
  readonly #options: TailFeedOptions & { readonly runtime: Runtime }
  readonly #places = new Map<string, FeedPlace>()
  #isClosed = false

  constructor(options: TailFeedOptions) {
    this.#options = { ...options, runtime: options.runtime ?? systemRuntime() }
  }

  /** Sockets that are open. */
  get size(): number {
    let size = 0
    for (const place of this.#places.values()) size += place.sessions.size
    return size
  }

  /** A socket that has just opened. The caller tells the session what the client sends, and when the socket has closed. */
  open(socket: FeedSocket, terms: FeedTerms): FeedSession {
    const { state, runtime } = this.#options
    const key = `${terms.topic}/${terms.partition}`
    const place = this.#places.get(key) ?? new FeedPlace(state, runtime, () => this.#places.delete(key))
    this.#places.set(key, place)
    const session: FeedSession = new FeedSession(socket, terms, {
      state,
      runtime,
      onEnd: () => place.leave(session),
    })
    if (this.#isClosed) session.close(CLOSE.gone, 'the tail is stopping')
    else place.join(session)
    return session
  }

  /** Ends every socket, so that clients turn to another tail. */
  close(): void {
    this.#isClosed = true
    for (const place of this.#places.values()) place.close(CLOSE.gone, 'the tail is stopping')
  }
}

/** A partition that sockets follow. */
class FeedPlace {
  readonly sessions = new Set<FeedSession>()
  readonly #state: TailState
  readonly #runtime: Runtime
  readonly #onIdle: () => void
  #isRunning = false
  /** Up to where the last sample went. */
  #next = Infinity
  #pause = new Stop()

  constructor(state: TailState, runtime: Runtime, onIdle: () => void) {
    this.#state = state
    this.#runtime = runtime
    this.#onIdle = onIdle
  }

  join(session: FeedSession): void {
    this.sessions.add(session)
    if (!this.#isRunning) void this.#run(session.terms)
    // It need not wait for the next beat of the others.
    this.#pause.abort('joined')
  }

  leave(session: FeedSession): void {
    this.sessions.delete(session)
    if (this.sessions.size === 0) this.#pause.abort('left')
  }

  close(code: number, reason: string): void {
    for (const session of this.sessions) session.close(code, reason)
  }

  async #run({ topic, partition }: FeedTerms): Promise<void> {
    this.#isRunning = true
    let failures = 0
    while (this.sessions.size > 0) {
      const began = this.#runtime.monotonic()
      this.#pause = new Stop()
      try {
        const tick = await this.#sample(topic, partition)
        for (const session of this.sessions) session.take(tick)
        failures = 0
      } catch (error) {
        if (isKedgeError(error) && !error.retryable) this.close(CLOSE.policy, error.code)
        for (const session of this.sessions) session.look()
        failures++
      }
      await this.#wait(topic, partition, began, failures)
    }
    this.#isRunning = false
    this.#onIdle()
  }

  /** How often one of them wants a beat. */
  get #everyMs(): number {
    return Math.min(EVERY_MS.most, ...[...this.sessions].map(({ terms }) => terms.everyMs))
  }

  async #sample(topic: string, partition: number): Promise<Tick> {
    const maxAgeMs = this.#state.agedMs(this.#everyMs)
    const ask = (from: number | undefined) => this.#state.proof({ topic, partition, maxAgeMs, from })
    const nexts = [...this.sessions].filter(({ isReading }) => !isReading).map(({ next }) => next)
    const from = Math.min(this.#next, ...nexts)
    let proof = await ask(from === Infinity ? undefined : from)
    // One of them is far behind: it must not cost the others what the window has.
    if (proof.base > this.#next && from < this.#next) proof = await ask(this.#next)
    this.#next = proof.next
    return new Tick(proof)
  }

  /** Until a record comes, a socket joins, or a beat is due. */
  async #wait(topic: string, partition: number, began: number, failures: number): Promise<void> {
    const { signal } = this.#pause
    const passed = () => Math.max(0, this.#runtime.monotonic() - began)
    try {
      if (failures > 0)
        await this.#runtime.sleep(backoffMs(BACKOFF, failures - 1, this.#runtime.random()), signal)
      else {
        const waitMs = this.#everyMs - passed()
        const offset = { partition, offset: this.#next }
        if (waitMs > 0 && this.sessions.size > 0) await this.#state.arrival(topic, offset, waitMs, signal)
      }
    } catch {
      // Joined or left; or the log cannot say, and the next sample will tell.
    }
    if (passed() < MIN_GAP_MS) await this.#runtime.sleep(MIN_GAP_MS - passed())
  }
}
