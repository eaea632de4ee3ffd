/**
 * One `Cache-Status` (RFC 9211) for all that a request has read.
 *
 * The field has one member for each cache on the way, so the reads of a request are one together: a hit where every one
 * of them was, and forwarded where any was not. A request that read one value is described as that value is.
 *
 * | what the request read | `Cache-Status` |
 * |---|---|
 * | one value | as in `cacheStatusHeaders`: `kedge; hit; ttl=299`, `kedge; fwd=miss; stored`, … |
 * | one value, and its loader failed | `kedge; fwd=miss; detail=failed` |
 * | several, all of them held | `kedge; hit; ttl=12; detail="3 reads: 2 hit, 1 swr"`, with the least `ttl` |
 * | several, and some had to be loaded | `kedge; fwd=miss; stored; detail="3 reads: 2 hit, 1 miss"` |
 * | several, and some are nowhere | `kedge; detail="2 reads: 1 hit, 1 absent"` |
 * | nothing | `kedge; detail=unread` |
 *
 * `fwd` is the first of theirs in the order `bypass`, `miss`, `stale`; `stored` says that all that was loaded
 * is held now. It keeps counts and not the reads, so its length is bounded.
 *
 * @module
 */
import type { Entry, ScopeRead } from '../src/api/read-types.ts'
import { cacheStatusHeaders } from './cache-status.ts'
import { ReadTimes } from './read-times.ts'

/** What may come of a read, in the order in which the field names it. */
const KINDS = [
  'hit',
  'tier',
  'swr',
  'error',
  'timeout',
  'unreachable',
  'stale',
  'miss',
  'bypass',
  'failed',
  'absent',
] as const

type Kind = (typeof KINDS)[number]

/** Kinds of reads that were forwarded, the one that wins first, with its name in the field. */
const FORWARDED: readonly (readonly [Kind, fwd: string])[] = [
  ['bypass', 'bypass'],
  ['miss', 'miss'],
  ['failed', 'miss'],
  ['stale', 'stale'],
]

export class RequestStatus {
  readonly #counts = new Map<Kind, number>()
  #reads = 0
  #leastTtlMs = Infinity
  #isStored = true
  /** The member for the first read alone. */
  #alone = 'kedge; detail=unread'
  readonly #times = new ReadTimes()

  /** Adds the outcome of a read: `onRead` of a scope. */
  readonly add = (read: ScopeRead): void => {
    const { entry, error, loads } = read
    const kind = entry === undefined || error !== undefined ? 'failed' : kindOf(entry, loads)
    this.#times.add(read)
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    this.#reads++
    if (this.#reads === 1) this.#alone = aloneOf(entry, loads)
    if (entry?.cached === true) this.#leastTtlMs = Math.min(this.#leastTtlMs, entry.ttlMs)
    else if (kind !== 'absent' && entry?.stored !== true) this.#isStored = false
  }

  /** The member that stands for this cache. */
  toString(): string {
    if (this.#reads <= 1) return this.#alone
    const detail = `detail="${this.#summary()}"`
    const forwarded = FORWARDED.find(([kind]) => this.#counts.has(kind))
    if (forwarded) {
      const isStored = this.#isStored && forwarded[0] !== 'bypass'
      return `kedge; fwd=${forwarded[1]}${isStored ? '; stored' : ''}; ${detail}`
    }
    if (this.#counts.has('absent')) return `kedge; ${detail}`
    return `kedge; hit; ttl=${Math.floor(this.#leastTtlMs / 1000)}; ${detail}`
  }

  /** What `Server-Timing` says of the same reads: no more than `Cache-Status` does, and how long they took. */
  timing(): string {
    return this.#times.header(this.#summary())
  }

  /** `hit`, `unread`, `3 reads: 2 hit, 1 miss`. */
  #summary(): string {
    const told = KINDS.filter((kind) => this.#counts.has(kind))
    if (this.#reads <= 1) return told[0] ?? 'unread'
    return `${this.#reads} reads: ${told.map((kind) => `${this.#counts.get(kind)} ${kind}`).join(', ')}`
  }
}

function kindOf(entry: Entry<unknown>, loads: boolean): Kind {
  if (entry.cached && entry.state !== 'miss')
    return entry.staleBecause ?? (entry.from === 'tier' ? 'tier' : 'hit')
  if (entry.bypassed) return 'bypass'
  if (!loads) return 'absent'
  return entry.expired === true ? 'stale' : 'miss'
}

const aloneOf = (entry: Entry<unknown> | undefined, loads: boolean): string =>
  entry === undefined ? 'kedge; fwd=miss; detail=failed' : cacheStatusHeaders(entry, loads)['cache-status']!
