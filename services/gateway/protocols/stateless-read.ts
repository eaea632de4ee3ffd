/** One stateless read of a partition: what it asks for, and what it is answered. @module */
import type { AuthorizedCluster } from '../authorized-cluster.ts'
import { cacheControlOf } from '../cache-control.ts'
import { EMBEDDED_TYPES } from '../embedded-format.ts'
import type { EmbeddedFormat } from '../embedded-format.ts'
import { encodedRecords } from '../encoded-records.ts'
import type { NodeAnswer } from '../node-answer.ts'
import { wholeNumber } from '../parameter.ts'
import type { PartitionRead, PartitionReadOptions } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import type { Service } from '../service.ts'
import type { TopicPosition } from '../topic-position.ts'
import { errorAnswer, REDPANDA_ERRORS } from './confluent/errors.ts'

/** The route of such a read, as the router and the counters know it. */
export const RECORDS = '/topics/:topic/partitions/:partition/records'
export const V2_TYPE = 'application/vnd.kafka.v2+json'
const ANOTHER_LOG = { error_code: 41201, message: 'The topic is not the log that `log` names.' }

type Isolation = 'uncommitted' | 'committed'

/** One read, as its request asks for it. */
export interface Asked extends Omit<PartitionReadOptions, 'signal'> {
  readonly position: TopicPosition
  readonly format: EmbeddedFormat
  readonly isolation: Isolation
  readonly ifNoneMatch: string | undefined
  readonly client: string | undefined
  /** Of the request; without one the answer gets a new one. */
  readonly requestId: string | undefined
  /** As its sender may use it. */
  readonly cluster: AuthorizedCluster
}

type Query = Readonly<Record<string, string>>

/** What the request says of its read. @throws Refusal `malformed`. */
export function readOf(
  query: Query,
  { limits, stopping }: Service,
): Omit<PartitionReadOptions, 'signal'> & { readonly isolation: Isolation; readonly offset: number } {
  const offset = mandatory(query, 'offset')
  return {
    waitMs: Math.min(mandatory(query, 'timeout'), limits.maxWaitMs),
    maxBytes: Math.min(mandatory(query, 'max_bytes'), limits.maxReadBytes),
    isolation: isolationOf(query),
    logId: query['log'],
    stopping,
    offset,
  }
}

/** What the request is answered where its read was refused; a refusal is counted. */
export function refusedWith(
  { counters }: Service,
  error: unknown,
  headers: Record<string, string>,
): NodeAnswer {
  if (error instanceof Refusal) counters.refuse(error.reason)
  return errorAnswer(error, REDPANDA_ERRORS, { ...headers, 'content-type': V2_TYPE })
}

/** @param headers are set also where it throws */
export function answerOf(
  service: Service,
  { position, format, isolation, logId, ifNoneMatch, client }: Asked,
  read: PartitionRead,
  headers: Record<string, string>,
): NodeAnswer {
  const { bounds } = read
  const named = logId !== undefined
  if (!bounds.isLineage) headers['kedge-log-id'] = bounds.logId
  if (read.sampled && !(read.settled && named)) {
    headers['kedge-beginning-offset'] = String(bounds.beginning)
    headers['kedge-end-offset'] = String(bounds.end)
  }
  if (named && logId !== bounds.logId) {
    const body = JSON.stringify(ANOTHER_LOG)
    headers['content-type'] = V2_TYPE
    headers['cache-control'] = 'no-store'
    return { status: 412, headers, body, length: body.length }
  }
  if (read.outOfRange) throw new Refusal('out-of-range', 'offset_out_of_range')
  const { encoded, release } = encodedRecords(read.records, format, () => service.answers.open(client))
  const shown = upTo(read, encoded.count)
  headers['kedge-next-offset'] = String(shown.next)
  const { offset } = position
  const caching = cacheControlOf(shown, { offset, isolation, format, named, open: service.open, ifNoneMatch })
  Object.assign(headers, caching.headers)
  if (caching.notModified) {
    release?.()
    return { status: 304, headers, body: null, length: 0 }
  }
  headers['content-type'] = EMBEDDED_TYPES[format]
  const { body, length } = encoded
  return { status: 200, headers, body, length, ...(release && { release }) }
}

/** The first of the records alone: what stands before the first that is not JSON. */
function upTo(read: PartitionRead, count: number): PartitionRead {
  const stop = read.records[count]
  return stop ? { ...read, records: read.records.slice(0, count), next: stop.offset } : read
}

function isolationOf(query: Query): Isolation {
  const level = query['isolation_level'] ?? 'read_uncommitted'
  if (level === 'read_committed') return 'committed'
  if (level === 'read_uncommitted') return 'uncommitted'
  throw new Refusal('malformed', 'isolation_level must be read_committed or read_uncommitted')
}

function mandatory(query: Query, name: string): number {
  const text = query[name]
  if (text === undefined) throw new Refusal('malformed', `Missing mandatory parameter '${name}'`)
  return wholeNumber(text, name)
}
