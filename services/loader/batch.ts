/**
 * One batch: keys of a namespace, found or loaded, and published.
 *
 * The cache of the service follows the evictions as any other does. It knows the end of that log before it
 * reads the source, so that each loaded value carries an as-of that every asker can judge. A value that an
 * eviction matched during its load is not published, but loaded again.
 *
 * @module
 */
import type { OpenCache } from '../../src/cache.ts'
import type { Call } from '../../src/api/feature.ts'
import type { LoadRequest, Flight, Outcome } from '../../src/read/flight.ts'
import type { CoherentStore } from '../../src/coherence/coherent-store.ts'
import { tagsOf } from '../../src/coherence/ttl-and-tags.ts'
import type { NamespaceParts } from '../../src/write/namespace-parts.ts'
import type { RequestScope } from '../../src/coherence/request-scope.ts'
import type { Finding } from './finding.ts'
import type { Publication } from './publication.ts'
import type { Wanted } from './queue.ts'
import type { LoaderCounters } from './stats.ts'

/** How often a key is loaded when an eviction matches each of its loads. */
const MAX_ATTEMPTS = 3

export class Batch {
  readonly #cache: OpenCache
  readonly #parts: NamespaceParts<unknown>
  readonly #call: Call<unknown>
  readonly #scope: RequestScope
  readonly #counters: LoaderCounters
  /** What the loader threw, if it did. */
  failure: { readonly error: unknown } | undefined
  readonly findings: Finding[] = []

  constructor(
    cache: OpenCache,
    parts: NamespaceParts<unknown>,
    call: Call<unknown>,
    scope: RequestScope,
    counters: LoaderCounters,
  ) {
    this.#cache = cache
    this.#parts = parts
    this.#call = call
    this.#scope = scope
    this.#counters = counters
  }

  /**
   * Finds or loads the keys, and sets the outcome of those that it cannot answer. Rejects only by the signal.
   */
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
   * Polls the end of the evictions log, unless the proof is young enough and covers the askers' positions.
   * Returns whether the proof is younger than `maxStaleness`.
   */
  async #prove(wanted: readonly Wanted[], signal: AbortSignal): Promise<boolean> {
    const { shared, follower } = this.#cache.reading
    const { partition } = this.#parts.space
    const asked = Math.max(...wanted.map(({ asOf }) => asOf))
    const proved = () => shared.clock.now() - partition.freshAt < shared.settings.maxStalenessMs
    if (proved() && partition.position >= asked) return true
    await follower.sync(this.#scope, signal)
    return proved()
  }

  /** Publishes a held value again where this asker can use it. Returns whether it did. */
  #again(wanted: Wanted): boolean {
    const { space } = this.#parts
    const { clock } = this.#cache.reading.shared
    const { position, generation } = space.partition
    const held = space.current(wanted.key)
    if (held === undefined || clock.now() >= held.freshUntil || position < wanted.asOf) return false
    const { value, loadedAt, freshUntil, tags, version } = held
    // No eviction below the position matched the value: the position is a valid as-of for it.
    const asOf = Math.max(held.asOf, position)
    const ttlMs = freshUntil - loadedAt
    const times = { generation, loadedAt, ttlMs, keepMs: 0, settleMs: 0 }
    const candidate = { value, asOf, tags, version, ...times }
    this.findings.push({ wanted, asOf, generation, loadedAt, candidate })
    this.#counters.republished++
    return true
  }

  /** Loads the keys in one call. Returns those that an eviction matched: they must be loaded again. */
  async #load(wanted: readonly Wanted[], signal: AbortSignal): Promise<Wanted[]> {
    if (wanted.length === 0) return []
    const { flights, space } = this.#parts
    const { slots, shared } = this.#cache.reading
    const { load } = space.settings
    const demand: LoadRequest<unknown> = {
      call: { many: this.#call },
      load,
      scope: this.#scope,
      slots,
      signal,
      required: 0,
      bypasses: false,
    }
    const keys = wanted.map(({ key }) => key)
    this.#counters.loads++
    this.#counters.loaded += keys.length
    const flown = flights.of(keys, demand, shared.clock.now())
    // The leader times out just before, with a more precise error.
    const deadline = shared.clock.now() + load.hardTimeoutMs + 1
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

  /** Whether an eviction matched the load. */
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
    // A value that is too large for this cache may fit others. A value refused for any other reason must not
    // be shared.
    if ((refused !== undefined && refused !== 'size') || ttlMs <= 0) {
      wanted.outcome = 'unshareable'
      return
    }
    const tags = tagsOf(value, this.#parts.space.settings.load)
    const times = { generation, loadedAt, ttlMs, keepMs: 0, settleMs: 0 }
    const candidate = { value, asOf, tags, version: undefined, ...times }
    this.findings.push({ wanted, asOf, generation, loadedAt, candidate })
  }

  /**
   * Publishes the findings. Resolves with the offsets; a finding that cannot be published has the outcome
   * `'failed'`.
   */
  async publish(publication: Publication, signal: AbortSignal): Promise<void> {
    const space: CoherentStore<unknown> = this.#parts.space
    this.failure = (await publication.publish(space, this.findings, signal)) ?? this.failure
  }
}
