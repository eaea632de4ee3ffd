/**
 * One batch: keys of a namespace, found or loaded, and published.
 *
 * The cache of the service follows the evictions as any other does: it knows the end of that log before a source is
 * read, so that what is loaded carries an as-of that every asker can judge; and what an eviction has met on the way is
 * not published, but loaded again.
 *
 * @module
 */
import type { OpenCache } from '../src/cache.ts'
import type { Call, Demand, Flight, Outcome } from '../src/flight.ts'
import type { Candidate, Keyspace } from '../src/keyspace.ts'
import { tagsOf } from '../src/lifetime.ts'
import type { NamespaceParts } from '../src/namespace.ts'
import type { Scope } from '../src/scope.ts'
import type { Publication } from './publication.ts'
import type { Wanted } from './queue.ts'
import type { LoaderCounters } from './stats.ts'

/** How often a key is loaded when evictions meet each of its loads. */
const MAX_ATTEMPTS = 3

/** What is to be said of a key: a value, or that there is none. */
export interface Finding {
  readonly wanted: Wanted
  readonly asOf: number
  /** Of the partition, when the source was read: the as-of says nothing in another one. */
  readonly generation: number
  readonly loadedAt: number
  readonly candidate: Candidate<unknown> | undefined
}

export class Batch {
  readonly #cache: OpenCache
  readonly #parts: NamespaceParts<unknown>
  readonly #call: Call<unknown>
  readonly #scope: Scope
  readonly #counters: LoaderCounters
  /** What the loader threw, if it did. */
  failure: { readonly error: unknown } | undefined
  readonly findings: Finding[] = []

  constructor(
    cache: OpenCache,
    parts: NamespaceParts<unknown>,
    call: Call<unknown>,
    scope: Scope,
    counters: LoaderCounters,
  ) {
    this.#cache = cache
    this.#parts = parts
    this.#call = call
    this.#scope = scope
    this.#counters = counters
  }

  /** Finds or loads the keys. Those that cannot be answered have their outcome set. Never rejects but by the signal. */
  async find(wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
    let open = wanted
    for (let attempt = 0; open.length > 0 && attempt < MAX_ATTEMPTS; attempt++) {
      const proved = await this.#prove(open, signal)
      const missing = proved ? open.filter((each) => !this.#again(each)) : open
      open = await this.#load(missing, signal)
    }
    for (const each of open) each.outcome = 'unshareable'
  }

  /**
   * Learns the end of the evictions log, unless it is known well enough: whether every eviction is known that
   * `maxStaleness` promises, and those that the askers knew.
   */
  async #prove(wanted: readonly Wanted[], signal: AbortSignal): Promise<boolean> {
    const { ground, follower } = this.#cache.reading
    const { partition } = this.#parts.space
    const asked = Math.max(...wanted.map(({ asOf }) => asOf))
    const proved = () => ground.timeline.now() - partition.freshAt < ground.settings.maxStalenessMs
    if (proved() && partition.position >= asked) return true
    await follower.sync(this.#scope, signal)
    return proved()
  }

  /** Whether the value is held, and good for this asker: then it is said again. */
  #again(wanted: Wanted): boolean {
    const { space } = this.#parts
    const { timeline } = this.#cache.reading.ground
    const { position, generation } = space.partition
    const held = space.current(wanted.key)
    if (held === undefined || timeline.now() >= held.freshUntil || position < wanted.asOf) return false
    const { value, loadedAt, freshUntil, tags, version } = held
    // No eviction below the position has met it: it is as good as if it had been loaded there.
    const asOf = Math.max(held.asOf, position)
    const ttlMs = freshUntil - loadedAt
    const times = { generation, loadedAt, ttlMs, keepMs: 0, settleMs: 0 }
    const candidate = { value, asOf, tags, version, ...times }
    this.findings.push({ wanted, asOf, generation, loadedAt, candidate })
    this.#counters.republished++
    return true
  }

  /** Loads the keys in one call. Those that an eviction has met are returned: they must be loaded again. */
  async #load(wanted: readonly Wanted[], signal: AbortSignal): Promise<Wanted[]> {
    if (wanted.length === 0) return []
    const { flights, space } = this.#parts
    const { slots, ground } = this.#cache.reading
    const { load } = space.settings
    const demand: Demand<unknown> = { call: this.#call, load, scope: this.#scope, slots, signal, required: 0 }
    const keys = wanted.map(({ key }) => key)
    this.#counters.loads++
    this.#counters.loaded += keys.length
    const flown = flights.of(keys, demand)
    // The leader ends by itself at that moment, with an error that says more.
    const deadline = ground.timeline.now() + load.hardTimeoutMs + 1
    const again: Wanted[] = []
    for (const each of wanted) {
      const flight = flown.get(each.key)!
      const outcome = await flights.outcome(each.key, flight, demand, deadline)
      if (outcome === undefined || outcome === 'gone') each.outcome = 'failed'
      else if (this.#met(each.key, flight, outcome)) again.push(each)
      else this.#take(each, flight, outcome)
    }
    return again
  }

  /** Whether an eviction has met the load. */
  #met(key: string, flight: Flight<unknown>, outcome: Outcome<unknown>): boolean {
    const { space } = this.#parts
    if ('error' in outcome) return false
    if (outcome.value !== undefined) return outcome.refused === 'fenced' || outcome.refused === 'horizon'
    const { partition } = space
    return flight.generation !== partition.generation || !space.joinable(key, flight.asOf, flight.startedAt)
  }

  #take(wanted: Wanted, flight: Flight<unknown>, outcome: Outcome<unknown>): void {
    if ('error' in outcome) {
      this.failure = outcome
      wanted.outcome = 'failed'
      return
    }
    const { asOf, generation } = flight
    const { value, loadedAt, ttlMs, refused } = outcome
    if (value === undefined) {
      this.findings.push({ wanted, asOf, generation, loadedAt, candidate: undefined })
      return
    }
    // Too large to be held here, but perhaps not elsewhere. What is refused otherwise must not be shared.
    if ((refused !== undefined && refused !== 'size') || ttlMs <= 0) {
      wanted.outcome = 'unshareable'
      return
    }
    const tags = tagsOf(value, this.#parts.space.settings.load)
    const times = { generation, loadedAt, ttlMs, keepMs: 0, settleMs: 0 }
    const candidate = { value, asOf, tags, version: undefined, ...times }
    this.findings.push({ wanted, asOf, generation, loadedAt, candidate })
  }

  /** Publishes what was found. Resolves with the offsets; of those that could not be, the outcome is `'failed'`. */
  async publish(publication: Publication, signal: AbortSignal): Promise<void> {
    const space: Keyspace<unknown> = this.#parts.space
    this.failure = (await publication.publish(space, this.findings, signal)) ?? this.failure
  }
}
