/**
 * Reads as Redpanda's HTTP Proxy has them: stateless, by explicit offset, with a long poll. `offset`, `timeout` and
 * `max_bytes` are mandatory, and so is an `Accept` that names a format.
 *
 * Beyond Redpanda: `isolation_level=read_committed` (Kafka's own name and value) leaves out records of open and
 * aborted transactions, and the answer tells in `kedge-log-id`, `kedge-beginning-offset`, `kedge-end-offset` and
 * `kedge-next-offset` what the partition is and where to go on (past gaps and transaction markers).
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { confluentErrors, REDPANDA_ERRORS } from './confluent-errors.ts'
import { EMBEDDED_TYPES, encodeEmbedded, formatOf } from './embedded.ts'
import type { EmbeddedFormat } from './embedded.ts'
import { accepted } from './media-type.ts'
import { partitionOfPath, wholeNumber } from './parameter.ts'
import { Refusal } from './refusal.ts'
import type { Service } from './service.ts'

export function redpanda(service: Service): Hono {
  const { cluster, limits, polls } = service
  const app = new Hono()
  app.onError(confluentErrors(service, REDPANDA_ERRORS, 'application/vnd.kafka.v2+json'))

  app.get('/topics/:topic/partitions/:partition/records', async (c) => {
    const format = formatAccepted(c)
    const offset = mandatory(c, 'offset')
    const waitMs = Math.min(mandatory(c, 'timeout'), limits.maxWaitMs)
    const maxBytes = Math.min(mandatory(c, 'max_bytes'), limits.maxReadBytes)
    const topic = c.req.param('topic')
    const partition = partitionOfPath(c)
    const isolation = isolationOf(c)
    const poll = () =>
      cluster.read([{ topic, partition, offset }], { maxBytes, waitMs, isolation, signal: c.req.raw.signal })
    const read = await (waitMs > 0 ? polls.run(poll) : poll())
    const { logId, beginning, end } = await cluster.offsets(topic, partition)
    c.header('kedge-log-id', logId)
    c.header('kedge-beginning-offset', String(beginning))
    c.header('kedge-end-offset', String(end))
    if (read.outOfRange.length > 0) throw new Refusal('out-of-range', 'offset_out_of_range')
    c.header('kedge-next-offset', String(read.next[0]?.offset ?? offset))
    c.header('content-type', EMBEDDED_TYPES[format])
    const records = read.records.map((record) => ({
      topic,
      key: encodeEmbedded(format, record.key),
      value: encodeEmbedded(format, record.value),
      partition,
      offset: record.offset,
    }))
    return c.body(JSON.stringify(records))
  })
  return app
}

/** Anything goes is not a format: Redpanda answers 406 to it, and so do we. */
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
