/**
 * Reads as Redpanda's HTTP Proxy has them: stateless, by explicit offset, with a long poll. `offset`, `timeout` and
 * `max_bytes` are mandatory, and so is an `Accept` that names a format.
 *
 * Beyond Redpanda: `isolation_level=read_committed` (Kafka's own name and value) leaves out records of open
 * and aborted transactions, and the answer has the headers `kedge-log-id`, `kedge-beginning-offset`,
 * `kedge-end-offset` and `kedge-next-offset`: the log, its bounds, and where to go on (past gaps and
 * transaction markers). `log=` followed by such an id asks for that log: the gateway answers 412 when the
 * topic has been created anew since, unless it still holds the records. An answer that will never change says
 * so to caches (`caching.ts`); where a cache may keep it without asking again, it leaves out the bounds,
 * which do change. The gateway also leaves them out where it answers before it asks the cluster for them: for
 * a long poll as soon as its records arrive, and for a read of a named log from memory.
 *
 * @module
 */
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import type { AuthorizedCluster } from '../authorized-cluster.ts'
import { cacheControlOf } from '../cache-control.ts'
import { clientOf } from '../client.ts'
import { confluentErrors, errorAnswer, gone, REDPANDA_ERRORS } from './confluent/errors.ts'
import { EMBEDDED_TYPES, formatOf } from '../embedded-format.ts'
import type { EmbeddedFormat } from '../embedded-format.ts'
import { encodedRecords } from '../encoded-records.ts'
import { headerOf } from '../header.ts'
import { accepted } from '../media-type.ts'
import { partitionOfPath, wholeNumber } from '../parameter.ts'
import { ALREADY_SENT, send } from '../node-answer.ts'
import type { NodeAnswer } from '../node-answer.ts'
import type { PartitionRead, PartitionReadOptions } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { REQUEST_ID } from '../../audit/request-ids.ts'
import { requestIdOf } from '../request-id.ts'
import type { Service } from '../service.ts'
import type { TopicPosition } from '../topic-position.ts'

type Isolation = 'uncommitted' | 'committed'

const V2_TYPE = 'application/vnd.kafka.v2+json'
const ANOTHER_LOG = { error_code: 41201, message: 'The topic is not the log that `log` names.' }

/** One read, as its request asks for it. */
interface Asked {
  readonly position: TopicPosition
  readonly format: EmbeddedFormat
  readonly waitMs: number
  readonly maxBytes: number
  readonly isolation: Isolation
  /** The log that the URL names. */
  readonly logId: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly client: string | undefined
  readonly requestId: string
  /** As its sender may use it. */
  readonly cluster: AuthorizedCluster
}

type Query = Readonly<Record<string, string>>

type Who = Pick<PartitionReadOptions, 'leaving' | 'signal'>

export function redpanda(service: Service): Hono<{ Bindings: Partial<HttpBindings> }> {
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>()
  app.onError(confluentErrors(service, REDPANDA_ERRORS, V2_TYPE))

  app.get('/topics/:topic/partitions/:partition/records', async (c) => {
    const asked = askedOf(c, service)
    const outgoing = c.env?.outgoing
    if (outgoing && !service.cors) {
      // Thousands wait: what Hono has made of their requests is not kept meanwhile.
      answerLater(service, asked, outgoing)
      return ALREADY_SENT
    }
    // The headers of CORS are on Hono's own answer.
    const who = outgoing ? whoOf(asked, outgoing) : { signal: c.req.raw.signal }
    const isGone = () => (outgoing ? outgoing.destroyed : c.req.raw.signal.aborted)
    const answer = await answerTo(service, asked, who, isGone)
    if (!answer) return gone()
    if (answer.release) service.answers.releaseWhenSent(outgoing, answer.release)
    return c.newResponse(answer.body, answer.status as StatusCode, answer.headers)
  })
  return app
}

function answerLater(service: Service, asked: Asked, outgoing: HttpBindings['outgoing']): void {
  const answering = answerTo(service, asked, whoOf(asked, outgoing), () => outgoing.destroyed)
  void answering.then((answer) => answer && send(outgoing, answer))
}

/** Who waits. A signal for each costs more than the rest of a wait. */
function whoOf({ cluster }: Asked, outgoing: HttpBindings['outgoing']): Who {
  if (cluster.endsWaits) return { leaving: outgoing }
  const left = new AbortController()
  outgoing.on('close', () => left.abort())
  return { signal: left.signal }
}

/**
 * `undefined` where the client is gone. While the read waits, this one function waits with it: each more would keep its own
 * objects for each of thousands.
 */
async function answerTo(
  service: Service,
  asked: Asked,
  who: Who,
  isGone: () => boolean,
): Promise<NodeAnswer | undefined> {
  const headers: Record<string, string> = { [REQUEST_ID]: asked.requestId }
  const { polls } = service
  const { client, waitMs } = asked
  let isPoll = false
  try {
    if (waitMs > 0) {
      polls.enter(client)
      isPoll = true
    }
    const read = await readOf(asked, who)
    return answerOf(service, asked, read, headers)
  } catch (error) {
    if (!(error instanceof Refusal)) {
      if (isGone()) return undefined
      service.onError(error)
    }
    return errorAnswer(error, REDPANDA_ERRORS, { ...headers, 'content-type': V2_TYPE })
  } finally {
    if (isPoll) polls.leave(client)
  }
}

function readOf(asked: Asked, who: Who): Promise<PartitionRead> {
  const { cluster, position, maxBytes, waitMs, isolation, logId } = asked
  return cluster.readPartition(position, { maxBytes, waitMs, isolation, logId, ...who })
}

/** @param headers are set also where it throws */
function answerOf(
  service: Service,
  { position, format, isolation, logId, ifNoneMatch, client }: Asked,
  read: PartitionRead,
  headers: Record<string, string>,
): NodeAnswer {
  const { bounds } = read
  const named = logId !== undefined
  headers['kedge-log-id'] = bounds.logId
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

function askedOf(c: Context, service: Service): Asked {
  const { limits } = service
  const format = formatAccepted(c)
  // All of them at once: Hono would go through the URL for each.
  const query = c.req.query()
  const offset = mandatory(query, 'offset')
  return {
    format,
    waitMs: Math.min(mandatory(query, 'timeout'), limits.maxWaitMs),
    maxBytes: Math.min(mandatory(query, 'max_bytes'), limits.maxReadBytes),
    position: { topic: c.req.param('topic')!, partition: partitionOfPath(c), offset },
    isolation: isolationOf(query),
    logId: query['log'],
    ifNoneMatch: headerOf(c, 'if-none-match'),
    client: clientOf(c),
    requestId: requestIdOf(c),
    cluster: service.clusterOf(c),
  }
}

/** The first of the records alone: what stands before the first that is not JSON. */
function upTo(read: PartitionRead, count: number): PartitionRead {
  const stop = read.records[count]
  return stop ? { ...read, records: read.records.slice(0, count), next: stop.offset } : read
}

/** An `Accept` of any type names no format: Redpanda answers 406 to it, and so does the gateway. */
function formatAccepted(c: Context): EmbeddedFormat {
  const only = formatOf(headerOf(c, 'accept') ?? '')
  if (only) return only
  for (const type of accepted(c)) {
    const format = formatOf(type)
    if (format) return format
  }
  throw new Refusal('not-acceptable', `Accept must be ${EMBEDDED_TYPES.binary} or ${EMBEDDED_TYPES.json}`)
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
