/**
 * Held values as reads may have them: served as they are, within a window past their TTL, or after they have arrived
 * while the read waited.
 *
 * @module
 */
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Follower } from '../coherence/follower.ts'
import { keepMsOf } from '../coherence/ttl-and-tags.ts'
import { msOf } from '../runtime/duration.ts'
import { isSame, type StoredEntry, type Windows } from '../store/entry.ts'
import type { Entry } from '../api/read-types.ts'
import type { FreshnessGate, ServeLevel } from './freshness-gate.ts'
import { heldEntry } from './reading.ts'
import type { ReadContext } from './reading.ts'
import type { ExpiryPublisher } from './core-hooks.ts'

export class HeldValues<T> {
  readonly #space: CoherentStore<T>
  readonly #shared: CacheContext
  readonly #gate: FreshnessGate
  readonly #follower: Follower
  readonly #publisher: ExpiryPublisher

  constructor(
    space: CoherentStore<T>,
    gate: FreshnessGate,
    context: { shared: CacheContext; follower: Follower; publisher: ExpiryPublisher },
  ) {
    this.#space = space
    this.#gate = gate
    this.#shared = context.shared
    this.#follower = context.follower
    this.#publisher = context.publisher
  }

  /** The held entry, where the read may use what is held; else the read goes on as if there were none. */
  usable(key: string, level: ServeLevel): StoredEntry<T> | undefined {
    return level === 'proved' || level === 'outage' ? this.#space.current(key) : undefined
  }

  /** What the read serves of the entry, fresh or within `swr` if it can load; else the read counts as a miss. */
  serve(
    key: string,
    entry: StoredEntry<T> | undefined,
    now: number,
    level: ServeLevel,
    reading: ReadContext<T>,
    loads: boolean,
  ): Entry<T> | undefined {
    if (entry && now < entry.freshUntil) return this.#served(key, entry, now, level)
    if (entry && loads && now < until(entry, windows(entry, reading).swrMs))
      return this.#served(key, entry, now, level, 'swr')
    const { counters, settings } = this.#shared
    counters.misses++
    settings.emitRead?.({ type: 'miss', namespace: this.#space.name, key })
    return undefined
  }

  /** The value that has expired but is kept, to fall back to; one that is past that is dropped. */
  expired(
    key: string,
    entry: StoredEntry<T>,
    now: number,
    reading: ReadContext<T>,
  ): StoredEntry<T> | undefined {
    reading.expired ??= new Set()
    reading.expired.add(key)
    if (now < until(entry, Infinity)) return entry
    const { name, partition, settings } = this.#space
    this.#space.drop(key, 'expired')
    if (settings.announceExpiry) this.#publisher.announceExpiry(name, partition.id, key, reading.scope)
    return undefined
  }

  /** A value that another load, write or poll has brought in while this read was waiting. */
  async arrived(key: string, reading: ReadContext<T>): Promise<Entry<T> | undefined> {
    const { clock } = this.#shared
    const isFresh = (entry: StoredEntry<T> | undefined) =>
      entry !== undefined && clock.now() < entry.freshUntil
    if (!isFresh(this.#space.current(key))) return undefined
    const level = await this.#gate.level(true, reading, this.#follower.next)
    const held = this.usable(key, level)
    return isFresh(held) ? this.#served(key, held!, clock.now(), level) : undefined
  }

  /** The expired value, if no eviction has come in the meantime and it is still within its window. */
  async fallback(
    key: string,
    entry: StoredEntry<T> | undefined,
    because: 'timeout' | 'error',
    reading: ReadContext<T>,
  ): Promise<Entry<T> | undefined> {
    const { clock } = this.#shared
    if (entry === undefined || clock.now() >= this.fallbackUntil(entry, because, reading)) return undefined
    const level = await this.#gate.level(true, reading, this.#follower.next)
    const isHeld = isSame(this.usable(key, level), entry)
    return isHeld ? this.#served(key, entry, clock.now(), level, because) : undefined
  }

  /** Until when a read may fall back to the entry. */
  fallbackUntil(entry: StoredEntry<T>, because: 'timeout' | 'error', reading: ReadContext<T>): number {
    const allowed = windows(entry, reading)
    return until(entry, because === 'error' ? allowed.staleIfErrorMs : keepMsOf(allowed))
  }

  #served(
    key: string,
    entry: StoredEntry<T>,
    now: number,
    level: ServeLevel,
    because?: 'swr' | 'timeout' | 'error',
  ): Entry<T> {
    const { counters, settings } = this.#shared
    // This reason comes before the others: it says that the promise of `maxStaleness` does not hold.
    const staleBecause = level === 'outage' ? 'unreachable' : because
    const stale = staleBecause !== undefined
    counters.hits++
    settings.emitRead?.({ type: 'hit', namespace: this.#space.name, key, stale })
    return heldEntry(entry, now, staleBecause)
  }
}

/** How long past its TTL: as the value says of itself, but no longer than this read says; else as the read does. */
function windows<T>(entry: StoredEntry<T>, { load, options }: ReadContext<T>): Windows {
  if (entry.windows === undefined) return load
  const given = options ?? {}
  return {
    swrMs: Math.min(entry.windows.swrMs, msOf(given, 'swr', Infinity)),
    staleIfErrorMs: Math.min(entry.windows.staleIfErrorMs, msOf(given, 'staleIfError', Infinity)),
  }
}

/** When an expired value stops being of use to a reader that allows this window. */
const until = (entry: StoredEntry<unknown>, windowMs: number): number =>
  entry.freshUntil + Math.min(entry.keepMs, windowMs)
