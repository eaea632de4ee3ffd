/**
 * Values that come after their read, from a framework that loads by itself: it asks, the cache has nothing, the
 * framework loads, and brings what it has loaded.
 *
 * The read begins a load of the cache's own, which waits for that value. So its as-of is older than the framework's load,
 * and an eviction that comes while the framework loads keeps the value from being held (decision 78).
 *
 * Most frameworks do not say which read a value belongs to. So a value that may be of an earlier one must never meet a
 * later wait: a delete does not end a wait, and every read that ends without a value, however it ends, is remembered
 * for as long as its framework may load. Where an eviction came since one of those, what is brought is not held. A
 * framework that lists its running loads ({@link Loads}) is asked instead.
 *
 * @module
 */
import { settledWithin } from '../../src/runtime/deadline.ts'
import { isKedgeError, KedgeError } from '../../src/ports/errors.ts'
import { checkHoldable } from '../../src/wire/holdable.ts'
import { MAX_KEY_LENGTH } from '../../src/wire/ids.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Loader, LoadOptions } from '../../src/api/load-types.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import type { Entry } from '../../src/api/read-types.ts'
import type { DeferredFillOptions, Loads, Origin } from './deferred-fill/framework-loads.ts'
import { holdsCold, isLost, logPositionOf, unchanged } from './deferred-fill/load-state.ts'
import type { LogPosition } from './deferred-fill/load-state.ts'
import { WaitingLimit } from './deferred-fill/waiting-limit.ts'
import { UnansweredReads } from './deferred-fill/unanswered-reads.ts'

/** How long a value is waited for. Each that is waited for takes one of the cache's places for loads. */
const LOAD_TIMEOUT_MS = 10_000
/** A wait that is older is of a request that is gone (Workers): its own timer would have ended it. */
const LIFETIME_MS = LOAD_TIMEOUT_MS + 1000
/** How long it may take to hold a value; on Workers the request that waits for it may be gone. */
const HOLDING_MS = 100

/** How long a framework may load, where no option says so. */
const MAX_LOAD_MS = 60_000

/** A value that is waited for. */
interface Wait<T> {
  /** Wall clock: when it was read. */
  readonly readAt: number
  /** Monotonic: when its reader is gone. */
  readonly until: number
  /** Wall clock: when the cache has asked for the value, and its as-of is of. */
  askedAt: number
  /** Where the framework's load stands, at the worst: that of the read, and once the cache has asked, of that moment. */
  logPosition: LogPosition
  /** Which loads of the framework had begun by then. */
  began?: ReturnType<Loads['atNow']> | undefined
  /** Takes the value; `undefined` where there is none. Absent until the cache has asked for it. */
  give?: (value: T | undefined) => Promise<void>
}

export class DeferredFills<T> {
  readonly #space: Namespace<T>
  readonly #room: WaitingLimit
  readonly #runtime: Runtime
  readonly #open = new Map<string, Wait<T>>()
  readonly #unanswered: UnansweredReads
  readonly #loads: Loads | undefined
  /** Kafka was out of reach: few loads have a place then, and nothing that they bring is served. */
  #isBypassed = false

  constructor(
    space: Namespace<T>,
    runtime: Runtime = systemRuntime(),
    { loads, maxLoadMs = MAX_LOAD_MS }: DeferredFillOptions = {},
  ) {
    this.#space = space
    this.#loads = loads
    this.#unanswered = new UnansweredReads(maxLoadMs)
    this.#room = WaitingLimit.of(space)
    this.#runtime = runtime
  }

  /** The value that is held, a stale one too where `options.swr` says so; else `undefined`, and it is waited for. */
  read(key: string, options: LoadOptions<T> = {}): Promise<T | undefined> {
    this.#forget(key)
    this.#overtaken(key)
    // A read beside another one that waits loads as well: the other load may fail, and its framework does not say so.
    if (this.#open.has(key) || this.#room.isFull(this.#space)) return this.get(key)
    if (this.#isUnheld) return this.#beside(key, async () => this.#look(key))
    const until = this.#runtime.monotonic() + LIFETIME_MS
    const wait: Wait<T> = {
      readAt: this.#runtime.now(),
      until,
      askedAt: Infinity,
      logPosition: this.#logPosition,
    }
    this.#open.set(key, wait)
    this.#room.take(wait, () => this.#giveUp(key, wait))
    let miss!: (stale: T | undefined) => void
    const missed = new Promise<T | undefined>((resolve) => (miss = resolve))
    const takesStale = options.swr !== undefined && options.swr !== 0
    const asked: Loader<T> = ({ signal, stale }) => {
      // A stale value was served meanwhile, and its framework loads already: an eviction may have come since.
      if (this.#open.get(key) !== wait)
        throw new KedgeError('ERR_TIMEOUT', 'the reader did not wait for the value')
      // A stale value that is taken for a fresh one would never be brought anew.
      miss(takesStale ? stale : undefined)
      // That there is none is said with `undefined`: a loader's type has no other word for it.
      return this.#value(key, wait, signal, () => settled) as Promise<T>
    }
    const whole: LoadOptions<T> = { hardTimeout: LOAD_TIMEOUT_MS, swr: 0, staleIfError: 0, ...options }
    const landed = this.#space.getEntry(key, asked, whole).then(
      (entry) => {
        this.#noteReach(entry)
        const isExpired = entry.state === 'stale' && entry.ttlMs <= 0
        if (wait.give === undefined) this.#endUnasked(key, wait, isExpired || entry.value === undefined)
        return isExpired && !takesStale ? undefined : entry.value
      },
      (error: unknown) => {
        if (wait.give === undefined) this.#endUnasked(key, wait, true)
        // It has not been asked for: its framework loads, and what it brings is not held.
        if (isKedgeError(error) && error.code === 'ERR_OVERLOADED') return undefined
        throw error
      },
    )
    const settled = landed.then(
      () => undefined,
      () => undefined,
    )
    return Promise.race([missed, landed])
  }

  /** The value that is held; nothing is waited for. Its framework may load all the same. */
  get(key: string): Promise<T | undefined> {
    return this.#beside(key, async () => this.#space.get(key))
  }

  /** A read that nothing is waited for. */
  async #beside(key: string, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const logPosition = this.#logPosition
    let value: T | undefined
    try {
      return (value = await read())
    } finally {
      // Also where it rejects: a framework that bears it loads as if there were nothing.
      if (value === undefined) this.#addUnanswered(key, logPosition)
    }
  }

  /** Ends a wait that the cache has not asked for a value, and never will. */
  #endUnasked(key: string, wait: Wait<T>, loads: boolean): void {
    if (this.#end(key, wait) && loads) this.#addUnanswered(key, wait.logPosition)
  }

  /** Remembers a load of the framework that no wait is for. */
  #addUnanswered(key: string, logPosition: LogPosition): void {
    // A longer key is never waited for.
    if (this.#loads !== undefined || key.length > MAX_KEY_LENGTH) return
    this.#unanswered.add(key, logPosition, this.#runtime.monotonic())
  }

  /** Whether what is brought would not be held: Kafka is out of reach. */
  get #isUnheld(): boolean {
    return this.#isBypassed || isLost(this.#space)
  }

  /** Takes down whether the next read may be waited for. */
  #noteReach({ bypassed }: Entry<T>): void {
    this.#isBypassed = bypassed && !holdsCold(this.#space)
  }

  get #logPosition(): LogPosition {
    return logPositionOf(this.#space)
  }

  #unchanged(key: string, since: LogPosition, by: LogPosition): boolean {
    return unchanged(this.#space, key, since, by)
  }

  /** Ends a wait whose framework is known to have given up, where what comes next could not be held by it. */
  #overtaken(key: string): void {
    const wait = this.#open.get(key)
    if (wait?.give === undefined || this.#loads === undefined) return
    if (this.#loads.isUnderWay(key)) return
    // Evictions that this isolate has not read yet will kill the held value, of this wait or of a new one.
    if (this.#unchanged(key, wait.logPosition, { ...wait.logPosition, asOf: 0 })) return
    void wait.give(undefined)
  }

  async #look(key: string): Promise<T | undefined> {
    const entry = await this.#space.getEntry(key)
    this.#noteReach(entry)
    return entry.value
  }

  /**
   * Brings the value; resolves when it is held, or refused; where its reader was given a stale one, soon after. `false`
   * where no read waits for it: it is not held.
   *
   * @throws KedgeError `ERR_CODEC` where it cannot outlive a request
   */
  async bring(key: string, value: T | undefined, origin: Origin = {}): Promise<boolean> {
    this.#forget(key)
    const wait = this.#open.get(key)
    if (wait?.give === undefined) return false
    if (!this.#isOf(wait, origin)) return false
    // Who says when it began has said whose it is.
    if (origin.since === undefined && !this.#isOfAll(key, wait)) {
      void wait.give(undefined)
      return false
    }
    if (value !== undefined) {
      try {
        checkHoldable(value, this.#space.name, key)
      } catch (error) {
        void wait.give(value)
        throw error
      }
    }
    // Never without an end: on Workers it may be of a request that is gone.
    await settledWithin(this.#runtime, wait.give(value), HOLDING_MS)
    return true
  }

  /** Whether the value's load began after the waiting read. */
  #isOf(wait: Wait<T>, { load, since, graceMs = 0 }: Origin): boolean {
    const began = load ? (wait.began?.(load.of, load.via) ?? 'unknown') : 'unknown'
    if (began !== 'unknown') return began === 'after'
    if (since === undefined || since >= wait.askedAt) return true
    return since <= wait.readAt && since >= wait.readAt - graceMs
  }

  /** Whether it may as well be of any other read whose value may still come. */
  #isOfAll(key: string, { logPosition }: Wait<T>): boolean {
    const others = this.#unanswered.still(key, this.#runtime.monotonic())
    // It is of one of them, and who waited may still bring its own.
    if (others.length > 0) this.#addUnanswered(key, logPosition)
    return others.every((other) => this.#unchanged(key, other, logPosition))
  }

  #value(key: string, wait: Wait<T>, signal: AbortSignal, done: () => Promise<void>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      wait.askedAt = this.#runtime.now()
      wait.logPosition = this.#logPosition
      wait.began = this.#loads?.atNow(key)
      wait.give = (value) => {
        this.#end(key, wait)
        resolve(value)
        return done()
      }
      const giveUp = (): void => {
        this.#giveUp(key, wait)
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #end(key: string, wait: Wait<T>): boolean {
    this.#room.leave(wait)
    return this.#open.get(key) === wait && this.#open.delete(key)
  }

  /** Its framework may still load. */
  #giveUp(key: string, wait: Wait<T>): void {
    if (this.#end(key, wait)) this.#addUnanswered(key, wait.logPosition)
  }

  /** Waits of readers that are gone: that of the key, and where there is no room for more all of them. */
  #forget(key: string): void {
    const now = this.#runtime.monotonic()
    const wait = this.#open.get(key)
    if (wait && now > wait.until) this.#giveUp(key, wait)
    if (this.#room.isFull(this.#space)) this.#room.clear(now)
  }
}
