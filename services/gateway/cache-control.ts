/**
 * What caches on the way may do with a read (RFC 9111): they may keep settled records, and not the end of the
 * log.
 *
 * @module
 */
import type { PartitionRead } from './partition-reader.ts'

export interface CacheControl {
  readonly headers: Readonly<Record<string, string>>
  /** The client has this very answer already (RFC 9110, section 13.1.2). */
  readonly notModified: boolean
}

export interface CachedRequest {
  readonly offset: number
  readonly isolation: string
  readonly format: string
  /** Whether the URL names the log, so that a cache holds no other log's answer under it. */
  readonly named: boolean
  /** Whether the gateway answers every client, or only clients with credentials. */
  readonly open: boolean
  /** The header `If-None-Match`. */
  readonly ifNoneMatch: string | undefined
}

/** No longer than the shortest retention of the evictions topic: 24 hours. */
const MAX_AGE_S = 86_400

/** Longest `If-None-Match` that is looked at. */
const MAX_HEADER = 4096

/**
 * A settled answer has an `ETag` of the log and its offsets. Where the URL names the log as well the answer
 * is `immutable`. Where it does not, the same URL has other records once the topic is created anew, so a
 * cache must ask again each time. Every other answer is `no-store`.
 */
export function cacheControlOf(read: PartitionRead, request: CachedRequest): CacheControl {
  // Only this process knows what its lineage stands for: no cache could ask again by it.
  if (!read.settled || read.outOfRange || read.bounds.isLineage)
    return { headers: { 'cache-control': 'no-store' }, notModified: false }
  const { offset, isolation, format, named, open, ifNoneMatch } = request
  // Compaction removes records: their number tells the answers before and after it apart.
  const parts = [read.bounds.logId, offset, read.next, read.records.length, isolation, format]
  const etag = `"${parts.join('.').replaceAll(/[^\w.-]/g, '_')}"`
  const who = open ? 'public' : 'private'
  return {
    headers: {
      etag,
      'cache-control': named ? `${who}, max-age=${MAX_AGE_S}, immutable` : `${who}, no-cache`,
      vary: open ? 'accept' : 'accept, authorization',
    },
    notModified: matches(ifNoneMatch, etag),
  }
}

/** Compared weakly, as the RFC asks for with this header. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined || header.length > MAX_HEADER) return false
  if (header.trim() === '*') return true
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}
