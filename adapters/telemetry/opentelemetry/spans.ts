/** Spans of a cache: how they begin and end. @module */
import { isKedgeError } from '../../../src/ports/errors.ts'
import type { Attributes, Context, OpenTelemetry, Span, Tracer } from './api.ts'
import { parentIn } from './trace-parent.ts'

export interface SpansOptions {
  readonly api: OpenTelemetry
  readonly tracer: Tracer
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A span of what has ended already. */
export interface EndedSpan {
  readonly name: string
  readonly kind: 'CLIENT' | 'INTERNAL'
  readonly attributes: Attributes
  readonly parent: Context
  readonly durationMs: number
  readonly error?: unknown
}

/** Seconds and nanoseconds: a number could be taken for one of the monotonic clock. */
export const timeOf = (ms: number): [number, number] => [
  Math.floor(ms / 1000),
  Math.floor((ms % 1000) * 1_000_000),
]

export class Spans {
  readonly api: OpenTelemetry
  readonly tracer: Tracer
  readonly now: () => number

  constructor({ api, tracer, now }: SpansOptions) {
    this.api = api
    this.tracer = tracer
    this.now = now
  }

  parent(trace: unknown): Context {
    return parentIn(this.api, trace)
  }

  hasSpan(context: Context): boolean {
    return this.api.trace.getSpan(context) !== undefined
  }

  ended({ name, kind, attributes, parent, durationMs, ...failure }: EndedSpan): void {
    const now = this.now()
    const options = { kind: this.api.SpanKind[kind], attributes, startTime: timeOf(now - durationMs) }
    const span = this.tracer.startSpan(name, options, parent)
    if ('error' in failure) this.fails(span, failure.error)
    span.end(timeOf(now))
  }

  /** A hit takes no time: its span says that it was, within the span that is active. */
  hit(namespace: string, stale: boolean): void {
    const parent = this.api.context.active()
    if (!this.hasSpan(parent)) return
    const attributes = { 'kedge.namespace': namespace, 'kedge.cache.hit': true, 'kedge.cache.stale': stale }
    this.ended({ name: `hit ${namespace}`, kind: 'INTERNAL', attributes, parent, durationMs: 0 })
  }

  /** The message of an error may have keys in it, and is not told. */
  fails(span: Span, error: unknown): void {
    span.setStatus({ code: this.api.SpanStatusCode.ERROR })
    span.setAttribute('error.type', isKedgeError(error) ? error.code : nameOf(error))
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '_OTHER')
