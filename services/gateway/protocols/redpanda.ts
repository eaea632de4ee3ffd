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
import type { ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import { clientOf } from '../client.ts'
import { confluentErrors, gone, REDPANDA_ERRORS } from './confluent/errors.ts'
import { EMBEDDED_TYPES, formatOf } from '../embedded-format.ts'
import type { EmbeddedFormat } from '../embedded-format.ts'
import { headerOf } from '../header.ts'
import { accepted } from '../media-type.ts'
import { partitionOfPath } from '../parameter.ts'
import { ALREADY_SENT } from '../node-answer.ts'
import type { NodeAnswer } from '../node-answer.ts'
import type { PartitionRead } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { REQUEST_ID, requestIdFrom } from '../../audit/request-ids.ts'
import { requestIdOf } from '../request-id.ts'
import type { Service } from '../service.ts'
import { NodeRead } from './node-read.ts'
import { answerOf, readOf, RECORDS, refusedWith, V2_TYPE } from './stateless-read.ts'
import type { Asked } from './stateless-read.ts'

export function redpanda(service: Service): Hono<{ Bindings: Partial<HttpBindings> }> {
  const app = new Hono<{ Bindings: Partial<HttpBindings> }>()
  app.onError(confluentErrors(service, REDPANDA_ERRORS, V2_TYPE))

  app.get(RECORDS, async (c) => {
    const asked = askedOf(c, service)
    const outgoing = c.env?.outgoing
    if (outgoing && !service.cors) {
      // Thousands wait: what Hono has made of their requests is not kept meanwhile.
      new NodeRead(service, asked, outgoing).begin()
      return ALREADY_SENT
    }
    // The headers of CORS are on Hono's own answer.
    const answer = await answerTo(service, asked, outgoing ?? c.req.raw.signal)
    if (!answer) return gone()
    if (answer.release) service.answers.releaseWhenSent(outgoing, answer.release)
    return c.newResponse(answer.body, answer.status as StatusCode, answer.headers)
  })
  return app
}

type Who = ServerResponse | AbortSignal

/** `undefined` where the client is gone. */
async function answerTo(service: Service, asked: Asked, who: Who): Promise<NodeAnswer | undefined> {
  const headers: Record<string, string> = { [REQUEST_ID]: requestIdFrom(asked.requestId) }
  const { client, waitMs } = asked
  const read = () => found(asked, who)
  try {
    return answerOf(service, asked, await (waitMs > 0 ? service.polls.run(client, read) : read()), headers)
  } catch (error) {
    if (!(error instanceof Refusal)) {
      if (who instanceof AbortSignal ? who.aborted : who.destroyed) return undefined
      service.onError(error)
    }
    return refusedWith(service, error, headers)
  }
}

function found({ cluster, position, ...options }: Asked, who: Who): Promise<PartitionRead> {
  if (who instanceof AbortSignal) return cluster.readPartition(position, { ...options, signal: who })
  return new Promise((resolve, reject) => {
    const read = cluster.startRead(position, options, { answer: resolve, refuse: reject })
    who.on('close', () => read.leave())
  })
}

function askedOf(c: Context, service: Service): Asked {
  const format = formatAccepted(c)
  // All parameters at once: Hono would go through the URL for each.
  const { offset, ...options } = readOf(c.req.query(), service)
  return {
    ...options,
    format,
    position: { topic: c.req.param('topic')!, partition: partitionOfPath(c), offset },
    ifNoneMatch: headerOf(c, 'if-none-match'),
    client: clientOf(c),
    requestId: requestIdOf(c),
    cluster: service.clusterOf(c),
  }
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
