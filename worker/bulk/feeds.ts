/**
 * The feeds of an app: one for each namespace that is followed, kept for a while after its last reader has gone, so that one
 * that comes back goes on where it was.
 *
 * @module
 */
import type { CacheParts } from '../../src/write/cache-parts.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { partitionOf } from '../../src/wire/partitioner.ts'
import { EvictionFeed } from './eviction-feed.ts'
import type { FeedLimits } from './eviction-feed.ts'

/** Namespaces that are followed at once, or were a moment ago. */
const MAX_FEEDS = 32

interface Kept {
  readonly feed: EvictionFeed
  /** A reader needs it until then. */
  until: number
}

/** A feed, and what keeps it. */
export interface KeptFeed {
  readonly feed: EvictionFeed
  readonly renew: (until: number) => void
}

export class Feeds {
  readonly #parts: CacheParts
  readonly #limits: FeedLimits
  /** Those that were opened last stand last. */
  readonly #kept = new Map<string, Kept>()

  constructor(parts: CacheParts, limits: FeedLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  /** The feed of a namespace; `undefined` where too many others are being read. */
  open(namespace: string, now: number, until: number): KeptFeed | undefined {
    const kept = this.#kept.get(namespace) ?? this.#made(namespace, now)
    if (kept === undefined) return undefined
    this.#kept.delete(namespace)
    this.#kept.set(namespace, kept)
    const renew = (longer: number) => void (kept.until = Math.max(kept.until, longer))
    renew(until)
    return { feed: kept.feed, renew }
  }

  #made(namespace: string, now: number): Kept | undefined {
    if (this.#kept.size >= MAX_FEEDS) {
      const idle = [...this.#kept].find(([, { until }]) => until <= now)
      if (idle === undefined) return undefined
      idle[1].feed.leave()
      this.#kept.delete(idle[0])
    }
    const { follower, shared } = this.#parts.context
    const id = partitionOf(encodeUtf8(namespace), shared.settings.evictionPartitions)
    return { feed: new EvictionFeed(namespace, follower.partition(id), this.#limits), until: now }
  }
}
