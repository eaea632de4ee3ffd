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
import { cacheControlOf } from '../cache-control.ts'
import { clientOf } from '../client.ts'
import { confluentErrors, REDPANDA_ERRORS } from './confluent/errors.ts'
import { EMBEDDED_TYPES, formatOf } from '../embedded-format.ts'
import type { EmbeddedFormat } from '../embedded-format.ts'
import { encodedRecords } from '../encoded-records.ts'
import { headerOf } from '../header.ts'
import { accepted } from '../media-type.ts'
import { partitionOfPath, wholeNumber } from '../parameter.ts'
import type { PartitionRead } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { REQUEST_ID, requestIdOf } from '../request-id.ts'
import type { Service } from '../service.ts'

const V2_TYPE = 'application/vnd.kafka.v2+json'
const ANOTHER_LOG = { error_code: 41201, message: 'The topic is not the log that `log` names.' }

export function redpanda(service: Service): Hono<{ Bindings: Partial<HttpBindings> }> {
  const { answers, clusterOf, limits, polls } = service
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>()
  app.onError(confluentErrors(service, REDPANDA_ERRORS, V2_TYPE))

  app.get('/topics/:topic/partitions/:partition/records', async (c) => {
    const format = formatAccepted(c)
    const offset = mandatory(c, 'offset')
    const waitMs = Math.min(mandatory(c, 'timeout'), limits.maxWaitMs)
    const maxBytes = Math.min(mandatory(c, 'max_bytes'), limits.maxReadBytes)
    const topic = c.req.param('topic')
    const partition = partitionOfPath(c)
    const isolation = isolationOf(c)
    const logId = c.req.query('log')
    const outgoing = c.env?.outgoing
    const cluster = clusterOf(c)
    // Hono makes a signal only when it is read: thousands of waiting requests do without one.
    const who = cluster.endsWaits && outgoing ? { leaving: outgoing } : { signal: c.req.raw.signal }
    const asked = { maxBytes, waitMs, isolation, logId, ...who }
    const poll = () => cluster.readPartition({ topic, partition, offset }, asked)
    const client = clientOf(c)
    const read = await (waitMs > 0 ? polls.run(client, poll) : poll())
    const { bounds } = read
    const named = logId !== undefined
    const headers: Record<string, string> = { 'kedge-log-id': bounds.logId }
    if (read.sampled && !(read.settled && named)) {
      headers['kedge-beginning-offset'] = String(bounds.beginning)
      headers['kedge-end-offset'] = String(bounds.end)
    }
    if (named && logId !== bounds.logId) {
      return c.json(ANOTHER_LOG, 412, { ...headers, 'content-type': V2_TYPE })
    }
    if (read.outOfRange) {
      for (const [name, value] of Object.entries(headers)) c.header(name, value)
      throw new Refusal('out-of-range', 'offset_out_of_range')
    }
    const { encoded, release } = encodedRecords(read.records, format, () => answers.open(client))
    answers.releaseWhenSent(outgoing, release)
    const shown = upTo(read, encoded.count)
    headers['kedge-next-offset'] = String(shown.next)
    const open = service.open
    const ifNoneMatch = headerOf(c, 'if-none-match')
    const caching = cacheControlOf(shown, { offset, isolation, format, named, open, ifNoneMatch })
    Object.assign(headers, caching.headers)
    if (caching.notModified) return c.body(null, 304, headers)
    headers['content-type'] = EMBEDDED_TYPES[format]
    headers[REQUEST_ID] = requestIdOf(c)
    const { body, length } = encoded
    // The headers of CORS are on Hono's own answer.
    const written = service.cors ? undefined : sent(c, headers, body, length)
    return written ?? c.body(body, 200, headers)
  })
  return app
}

/** The header by which `@hono/node-server` knows that it has nothing to send. */
export const ALREADY_SENT = 'x-hono-already-sent'
/**
 * Tells `@hono/node-server` that the answer is written, and the gateway's middleware to add no header to it.
 */
const SENT = new Response(null, { headers: { [ALREADY_SENT]: 'true', 'cache-control': '' } })

/**
 * Writes the answer to Node's response, where there is one: a `Response` with its headers and its stream would cost
 * several times as much as the answer itself, for each of thousands of polls that end at once.
 */
function sent(
  { env }: Context<{ Bindings: Partial<HttpBindings> }>,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array<ArrayBuffer>,
  length: number,
): Response | undefined {
  const outgoing = env?.outgoing
  if (!outgoing || outgoing.headersSent || outgoing.destroyed) return undefined
  outgoing.writeHead(200, { ...headers, 'content-length': length })
  outgoing.end(body)
  return SENT
}

/** The first of the records alone: what stands before the first that is not JSON. */
function upTo(read: PartitionRead, count: number): PartitionRead {
  const stop = read.records[count]
  return stop ? { ...read, records: read.records.slice(0, count), next: stop.offset } : read
}

/** An `Accept` of any type names no format: Redpanda answers 406 to it, and so does the gateway. */
function formatAccepted(c: Context): EmbeddedFormat {
  for (const type of accepted(c)) {
    const format = formatOf(type)
    if (format) return format
  }
  throw new Refusal('not-acceptable', `Accept must be ${EMBEDDED_TYPES.binary} or ${EMBEDDED_TYPES.json}`)
}

function isolationOf(c: Context): 'uncommitted' | 'committed' {
  const level = c.req.query('isolation_level') ?? 'read_uncommitted'
  if (level === 'read_committed') return 'committed'
  if (level === 'read_uncommitted') return 'uncommitted'
  throw new Refusal('malformed', 'isolation_level must be read_committed or read_uncommitted')
}

function mandatory(c: Context, name: string): number {
  const text = c.req.query(name)
  if (text === undefined) throw new Refusal('malformed', `Missing mandatory parameter '${name}'`)
  return wholeNumber(text, name)
}
