/** What is needed of `@opentelemetry/api`, as the program has it. @module */
import type * as api from '@opentelemetry/api'

export type { Attributes, Context, Link, Meter, Span, SpanContext, Tracer } from '@opentelemetry/api'

/** The module `@opentelemetry/api`, 1.9 or later. */
export type OpenTelemetry = Pick<
  typeof api,
  'context' | 'metrics' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'trace'
>
