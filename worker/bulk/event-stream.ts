/**
 * One stream of evictions, as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * While it is open it has the log polled where nothing else does: its own waiting is the timer that Workers allow. It shares no
 * promise with other requests: all of them look at the feed.
 *
 * @module
 */
import type { CacheScope } from '../../src/api/cache-types.ts'
import type { CacheContext } from '../../src/coherence/cache-context.ts'
import { eitherSignal } from '../../src/runtime/abort.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import type { BulkSettings } from './bulk-options.ts'
import type { EvictionFeed, ResyncReason } from './eviction-feed.ts'

export interface EventStreamParts {
  readonly shared: CacheContext
  /** Of the request. */
  readonly scope: CacheScope
  readonly feed: EvictionFeed
  readonly settings: BulkSettings
  /** Where the client goes on, or why it begins anew; `undefined` where it comes for the first time. */
  readonly from: number | ResyncReason | undefined
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal | undefined
  /** Keeps what the stream has taken until this moment. */
  readonly renew: (until: number) => void
}

/** About how many characters go out at once. */
const PIECE = 64_000
/** How soon a browser comes back when the stream has ended, in milliseconds. */
const RETRY_MS = 2000
/** The first wait for a poll to pass what was applied ahead of it; each after it is twice as long. */
const AHEAD_MS = 20
/** The shortest wait otherwise. */
const LEAST_MS = 50
/** Streams that began together do not end together: by this part of their life. */
const SPREAD = 0.2

const WOKEN = 'woken'

export class EventStream {
  readonly #parts: EventStreamParts
  readonly #endAt: number
  #beatAt: number
  #cursor: number
  #epoch: number
  #opening: string | undefined
  #isProved = true
  #aheadMs = AHEAD_MS

  constructor(parts: EventStreamParts) {
    const { feed, from, settings, shared } = parts
    this.#parts = parts
    const now = shared.clock.now()
    this.#endAt = now + settings.streamLifeMs * (1 - SPREAD * shared.settings.runtime.random())
    this.#beatAt = now + settings.heartbeatMs
    this.#epoch = feed.epoch
    this.#cursor = typeof from === 'number' ? from : feed.position
    this.#opening = `retry: ${RETRY_MS}\n\n${this.#first(from)}`
  }

  /** What is to be sent next; `undefined` at the end. Rejects with the reason of the signal, or where the cache is closed. */
  async next(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { settings, shared, stopping, renew } = this.#parts
    for (;;) {
      const now = shared.clock.now()
      if (now >= this.#endAt || stopping?.aborted === true) return undefined
      renew(now + settings.stallMs + settings.heartbeatMs)
      const text = this.#news(now)
      if (text !== undefined) {
        this.#beatAt = now + settings.heartbeatMs
        return encodeUtf8(text)
      }
      const wasAhead = this.#parts.feed.isAhead
      await this.#wait(now, signal)
      await this.#poll(wasAhead, signal)
    }
  }

  #news(now: number): string | undefined {
    const opening = this.#opening
    this.#opening = undefined
    const text = `${opening ?? ''}${this.#evictions()}${this.#proof()}`
    if (text !== '') return text
    // Without data it is no event, but the client's id moves on: it can come back to another server with it.
    return now >= this.#beatAt ? `: still here\nid: ${this.#parts.feed.id}\n\n` : undefined
  }

  #evictions(): string {
    const { feed } = this.#parts
    if (feed.epoch !== this.#epoch) return this.#resyncs('reanchor')
    const to = feed.position
    const events = feed.since(this.#cursor)
    if (events === 'gap') return this.#resyncs('gap')
    let text = ''
    for (const { id, offset, data } of events) {
      if (text.length >= PIECE) return text
      text += `event: evict\nid: ${id}\ndata: ${data}\n\n`
      this.#cursor = offset + 1
    }
    this.#cursor = to
    return text
  }

  /** So that a client knows at once whether what it has is still good. */
  #first(from: EventStreamParts['from']): string {
    if (from === undefined) return this.#at('begin', this.#cursor)
    return typeof from === 'number' ? this.#at('resume', from) : this.#resyncs(from)
  }

  /** The client must drop what it has: from here on it hears of every eviction. */
  #resyncs(because: ResyncReason): string {
    const { feed } = this.#parts
    this.#epoch = feed.epoch
    this.#cursor = feed.position
    return this.#at('resync', this.#cursor, because)
  }

  #at(event: 'begin' | 'resume' | 'resync', position: number, because?: ResyncReason): string {
    const { feed } = this.#parts
    const data = JSON.stringify({ position, log: feed.partition.logId, because })
    return `event: ${event}\nid: ${feed.idAt(position)}\ndata: ${data}\n\n`
  }

  /** Whether the server knows what is evicted: told when it changes. */
  #proof(): string {
    const { proved, ageMs } = this.#parts.scope.freshness()
    if (proved === this.#isProved) return ''
    this.#isProved = proved
    const age = Number.isFinite(ageMs) ? Math.round(ageMs) : undefined
    return `event: ${proved ? 'proved' : 'unproved'}\ndata: ${JSON.stringify({ ageMs: age })}\n\n`
  }

  async #wait(now: number, signal: AbortSignal): Promise<void> {
    const { feed, shared, stopping } = this.#parts
    const { runtime, refreshAfterMs } = shared.settings
    const dueMs = Math.max(LEAST_MS, Math.min(refreshAfterMs, this.#beatAt - now, this.#endAt - now))
    const stop = eitherSignal(signal, stopping)
    const wake = () => stop.abort(WOKEN)
    // On Workers what one request does must not touch another one.
    if (!runtime.isolatesRequests && !feed.isAhead) feed.wakers.add(wake)
    try {
      await runtime.sleep(feed.isAhead ? Math.min(this.#aheadMs, dueMs) : dueMs, stop.signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error !== WOKEN && stopping?.aborted !== true) throw error
    } finally {
      feed.wakers.delete(wake)
      stop.done()
    }
  }

  /** Polls where no one else has, and for what was applied ahead: the position must pass it before the client hears of it. */
  async #poll(wasAhead: boolean, signal: AbortSignal): Promise<void> {
    const { feed, scope, shared, stopping } = this.#parts
    const isStuck = wasAhead && feed.isAhead
    this.#aheadMs = isStuck ? this.#aheadMs * 2 : AHEAD_MS
    if (stopping?.aborted === true) return
    if (isStuck || scope.freshness().ageMs >= shared.settings.refreshAfterMs) await scope.sync({ signal })
  }
}
