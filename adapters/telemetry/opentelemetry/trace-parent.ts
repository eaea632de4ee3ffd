/** Traces as text: `traceparent` of W3C Trace Context, level 1. @module */
import type { LogHeader } from '../../../src/ports/kafka-log.ts'
import { decodeUtf8 } from '../../../src/wire/codec.ts'
import type { Context, OpenTelemetry, Span, SpanContext } from './api.ts'

const TRACE_PARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/
/** Bit 0 of the flags: the SDK of the caller records the trace. */
const SAMPLED = 1
/** W3C asks for no more of `tracestate` to be handed on. */
const MAX_STATE = 512

export const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & SAMPLED) === SAMPLED

export function traceParentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`
}

/** `undefined` for a text of another form, and where an id is all zeros. */
function spanContextIn(api: OpenTelemetry, text: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return api.trace.isSpanContextValid(context) ? context : undefined
}

/** Of who wrote an eviction: what its message says, or else the headers of its record. */
export function writerIn(api: OpenTelemetry, said: unknown): SpanContext | undefined {
  const text = Array.isArray(said) ? headerIn(said as readonly LogHeader[]) : said
  return typeof text === 'string' ? spanContextIn(api, text) : undefined
}

function headerIn(headers: readonly LogHeader[]): string | undefined {
  // A stranger's message may have any list in the place of the text.
  const value = headers.find((each) => Array.isArray(each) && each[0] === 'traceparent')?.[1]
  return value instanceof Uint8Array ? decodeUtf8(value) : undefined
}

/** For the records of a write. */
export function headersOf(context: SpanContext): Readonly<Record<string, string>> {
  const traceparent = traceParentOf(context)
  const tracestate = context.traceState?.serialize() ?? ''
  return tracestate === '' || tracestate.length > MAX_STATE ? { traceparent } : { traceparent, tracestate }
}

/** The context that a span's parent is taken from: the active one where it has a span, else what the request was given. */
export function parentIn(api: OpenTelemetry, trace: unknown): Context {
  const active = api.context.active()
  if (trace === undefined || api.trace.getSpan(active) !== undefined) return active
  if (typeof trace === 'string') {
    const context = spanContextIn(api, trace)
    return context === undefined ? active : api.trace.setSpanContext(active, context)
  }
  const given: Partial<Span & Context> | null = trace
  if (typeof given?.spanContext === 'function') return api.trace.setSpan(active, given as Span)
  return typeof given?.getValue === 'function' ? (given as Context) : active
}
