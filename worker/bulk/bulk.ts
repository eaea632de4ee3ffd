/**
 * What the routes for many share: streams of evictions, and dumps of what is held.
 *
 * @module
 */
import type { CacheParts } from '../../src/write/cache-parts.ts'
import { Problem } from '../problem.ts'
import type { BulkSettings } from './bulk-options.ts'
import { Feeds } from './feeds.ts'
import { Places } from './places.ts'

/** Characters of evictions that are remembered of a namespace. */
const MAX_REMEMBERED_LENGTH = 512_000

export class Bulk {
  readonly settings: BulkSettings
  readonly streams: Places
  readonly dumps: Places
  readonly feeds: Feeds
  readonly parts: CacheParts

  constructor(settings: BulkSettings, parts: CacheParts) {
    this.settings = settings
    this.parts = parts
    const { maxStreams, maxStreamsEach, maxDumps, maxRemembered } = settings
    this.streams = new Places({ max: maxStreams, maxEach: maxStreamsEach })
    this.dumps = new Places({ max: maxDumps, maxEach: Math.ceil(maxDumps / 2) })
    this.feeds = new Feeds(parts, { maxEvents: maxRemembered, maxLength: MAX_REMEMBERED_LENGTH })
  }
}

export const overloaded = (what: string): Problem =>
  new Problem(503, 'ERR_OVERLOADED', `Too many ${what} at once.`, { headers: { 'retry-after': '5' } })

export const notProved = (): Problem =>
  new Problem(503, 'ERR_NOT_READY', 'The worker cannot reach the log, so it cannot prove freshness.', {
    headers: { 'retry-after': '1' },
  })
