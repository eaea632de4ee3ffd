/** The span of a write to the log, which the write's records and messages name. @module */
import type { BeginSending } from '../../../src/api/sending.ts'
import type { Position } from '../../../src/ports/kafka-log.ts'
import { messaging, placeOf } from './messaging.ts'
import type { Spans } from './spans.ts'
import { headersOf, isSampled, traceParentOf } from './trace-parent.ts'

export function beginSending(spans: Spans): BeginSending {
  const { api, tracer } = spans
  return (topic, trace, make) => {
    try {
      const options = { kind: api.SpanKind.PRODUCER, attributes: messaging(topic, 'send', 'send') }
      const span = tracer.startSpan(`send ${topic}`, options, spans.parent(trace))
      const context = span.spanContext()
      // There is no SDK, and no trace that could be handed on.
      if (!api.trace.isSpanContextValid(context)) return undefined
      const acknowledged = (positions: readonly Position[]) => {
        const [first] = positions
        if (first) span.setAttributes(placeOf(first.partition, first.offset))
        if (positions.length !== 1) span.setAttribute('messaging.batch.message_count', positions.length)
        span.end()
      }
      const failed = (error: unknown) => {
        spans.fails(span, error)
        span.end()
      }
      const headers = headersOf(context)
      const made = make(isSampled(context) ? traceParentOf(context) : undefined)
      return {
        records: made.then((records) => records.map((record) => ({ ...record, headers }))),
        until: (positions) => void positions.then(acknowledged, failed).catch(() => undefined),
      }
    } catch {
      // A broken SDK must not break a write.
      return undefined
    }
  }
}
