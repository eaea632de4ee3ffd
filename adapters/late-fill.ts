/**
 * Values that come after their read, from a framework that loads by itself: it asks, is told that there is nothing,
 * loads, and brings what it has loaded.
 *
 * The read begins a load of the cache's own, which waits for that value. So its as-of is of before the framework began
 * to load, and an eviction that comes while it loads keeps the value from being held.
 *
 * Nobody says which read a value belongs to. So a value that may be of an earlier one must never meet a later wait: a
 * delete does not end a wait, and after one that was given up the next value is not held.
 *
 * @module
 */
import { settledWithin } from '../src/deadline.ts'
import { isKedgeError, KedgeError } from '../src/errors.ts'
import { ScopedNamespace } from '../src/namespace.ts'
import { systemRuntime } from '../src/runtime.ts'
import type { Runtime } from '../src/runtime.ts'
import type { Loader, LoadOptions, Namespace } from '../src/types.ts'

/** How long a value is waited for. Each that is waited for takes one of the cache's places for loads. */
const PATIENCE_MS = 10_000
/** A wait that is older is of a request that is gone (Workers): its own timer would have ended it. */
const LIFETIME_MS = PATIENCE_MS + 1000
/** Values waited for at once, on all namespaces of a cache. What is read beyond is not held. */
const MAX_OPEN = 100
/** Keys whose value was given up, and may still come. The oldest are forgotten. */
const MAX_LATE = 10_000
/** How long it may take to hold a value; on Workers whoever waits for it may be gone. */
const HOLDING_MS = 100

/** A value that is waited for. */
interface Wait<T> {
  /** Wall clock: when it was read. */
  readonly readAt: number
  /** Monotonic: when its reader is gone. */
  readonly until: number
  /** Wall clock: when the cache has asked for the value, and its as-of is of. */
  askedAt: number
  /** Takes the value; `undefined` where there is none. Absent until the cache has asked for it. */
  give?: (value: T | undefined) => Promise<void>
}

/** The waits of all that stand on one cache, and how each is given up. */
interface Room {
  readonly most: number
  readonly waits: Map<{ readonly until: number }, () => void>
}

const rooms = new WeakMap<object, Room>()

/**
 * Waits take places for loads, and one whose framework has failed for as long as it is waited for: so never more than
 * half of them, or a source that is down would keep everybody else's loads, and these reads themselves, waiting.
 */
function roomOf(space: object): Room {
  const slots = space instanceof ScopedNamespace ? space.slots : undefined
  let room = rooms.get(slots ?? space)
  if (room === undefined) {
    room = { most: Math.min(MAX_OPEN, Math.ceil((slots?.max ?? Infinity) / 2)), waits: new Map() }
    rooms.set(slots ?? space, room)
  }
  return room
}

export class LateFills<T> {
  readonly #space: Namespace<T>
  readonly #room: Room
  readonly #runtime: Runtime
  readonly #open = new Map<string, Wait<T>>()
  readonly #late = new Set<string>()
  /** Kafka was out of reach: few loads have a place then, and nothing that they bring is served. */
  #isBypassed = false

  constructor(space: Namespace<T>, runtime: Runtime = systemRuntime()) {
    this.#space = space
    this.#room = roomOf(space)
    this.#runtime = runtime
  }

  /** The value that is held, a stale one too where `options.swr` says so; else `undefined`, and it is waited for. */
  read(key: string, options: LoadOptions<T> = {}): Promise<T | undefined> {
    this.#forget(key)
    // Whoever reads beside somebody who is loading loads too: the other one may fail, and nobody would say so.
    if (this.#open.has(key) || this.#late.has(key) || this.#isFull) return this.#space.get(key)
    if (this.#isBypassed || (this.#space instanceof ScopedNamespace && this.#space.isLost))
      return this.#look(key)
    const until = this.#runtime.monotonic() + LIFETIME_MS
    const wait: Wait<T> = { readAt: this.#runtime.now(), until, askedAt: Infinity }
    this.#open.set(key, wait)
    this.#room.waits.set(wait, () => this.#giveUp(key, wait))
    let miss!: (stale: T | undefined) => void
    const missed = new Promise<T | undefined>((resolve) => (miss = resolve))
    const asked: Loader<T> = ({ signal, stale }) => {
      // A stale value was served meanwhile, and its framework loads already: an eviction may have come since.
      if (this.#open.get(key) !== wait) throw new KedgeError('ERR_TIMEOUT', 'its reader did not wait')
      miss(stale)
      // That there is none is said with `undefined`: a loader's type has no other word for it.
      return this.#value(key, wait, signal, () => settled) as Promise<T>
    }
    // A stale value that is taken for a fresh one would never be brought anew.
    const whole: LoadOptions<T> = { hardTimeout: PATIENCE_MS, swr: 0, staleIfError: 0, ...options }
    const entry = this.#space.getEntry(key, asked, whole)
    const ended = (): void => {
      if (wait.give === undefined) this.#end(key, wait)
    }
    const settled = entry.then(ended, ended)
    const landed = entry.then(
      ({ value, bypassed }) => {
        this.#isBypassed = bypassed
        return value
      },
      (error: unknown) => {
        // It has not been asked for: its framework loads, and what it brings is not held.
        if (isKedgeError(error) && error.code === 'ERR_OVERLOADED') return undefined
        throw error
      },
    )
    return Promise.race([missed, landed])
  }

  async #look(key: string): Promise<T | undefined> {
    const { value, bypassed } = await this.#space.getEntry(key)
    this.#isBypassed = bypassed
    return value
  }

  /**
   * Brings the value; resolves when it is held, or refused; where its reader was given a stale one, soon after. `false`
   * where nobody waits for it: it is not held.
   *
   * @param since wall clock: when its framework began with it, at the moment of its own read or later. One that began
   * before the wait is of somebody else, and is not held.
   * @param graceMs how long before its read the framework may have taken that time.
   */
  async bring(key: string, value: T | undefined, since?: number, graceMs = 0): Promise<boolean> {
    this.#forget(key)
    const wait = this.#open.get(key)
    if (wait?.give === undefined) {
      this.#late.delete(key)
      return false
    }
    if (since !== undefined && !(since >= wait.askedAt)) {
      const isOfReader = since <= wait.readAt && since >= wait.readAt - graceMs
      if (!isOfReader) return false
    }
    // Never without an end: on Workers it may be of a request that is gone.
    await settledWithin(this.#runtime, wait.give(value), HOLDING_MS)
    return true
  }

  #value(key: string, wait: Wait<T>, signal: AbortSignal, done: () => Promise<void>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      wait.askedAt = this.#runtime.now()
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
    this.#room.waits.delete(wait)
    return this.#open.get(key) === wait && this.#open.delete(key)
  }

  get #isFull(): boolean {
    return this.#room.waits.size >= this.#room.most
  }

  #giveUp(key: string, wait: Wait<T>): void {
    if (!this.#end(key, wait)) return
    this.#late.add(key)
    if (this.#late.size <= MAX_LATE) return
    for (const oldest of this.#late) {
      this.#late.delete(oldest)
      return
    }
  }

  /** Waits of readers that are gone: that of the key, and where there is no room for more all of them. */
  #forget(key: string): void {
    const now = this.#runtime.monotonic()
    const wait = this.#open.get(key)
    if (wait && now > wait.until) this.#giveUp(key, wait)
    if (!this.#isFull) return
    for (const [each, giveUp] of this.#room.waits) if (now > each.until) giveUp()
  }
}
