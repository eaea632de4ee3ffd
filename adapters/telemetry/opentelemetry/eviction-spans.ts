/** Spans of an isolate that applies evictions of traces that are recorded: linked to their writers, or within their traces. @module */
import type { KedgeEvent } from '../../../src/api/events.ts'
import type { Attributes, Link, SpanContext } from './api.ts'
import { messaging, placeOf } from './messaging.ts'
import { timeOf, type Spans } from './spans.ts'
import { isSampled, writerIn } from './trace-parent.ts'

/** What is made of them. */
export type EvictionTracing = 'link' | 'child' | false

/** Of one poll: as many links as an SDK keeps of a span by default, and as many spans. */
const MAX_WRITERS = 128

export class EvictionSpans {
  readonly #spans: Spans
  readonly #topic: string
  readonly #how: EvictionTracing
  /** Of the poll under way. */
  #links: Link[] = []
  #applied = 0
  #since = 0

  constructor(spans: Spans, topic: string, how: EvictionTracing) {
    this.#spans = spans
    this.#topic = topic
    this.#how = how
  }

  /** @param said of an eviction: what its writer says */
  take(event: KedgeEvent, said: unknown): void {
    if (this.#how === false) return
    if (event.type === 'poll' || event.type === 'poll_failed') this.#end()
    else if (event.type === 'evict' && said !== undefined) this.#apply(event, said)
  }

  #apply(event: Extract<KedgeEvent, { readonly type: 'evict' }>, said: unknown): void {
    const context = writerIn(this.#spans.api, said)
    if (context === undefined || !isSampled(context)) return
    if (this.#applied++ === 0) this.#since = this.#spans.now()
    if (this.#applied > MAX_WRITERS) return
    const attributes = attributesOf(event)
    if (this.#how === 'link') this.#links.push({ context, attributes })
    else this.#within(context, attributes)
  }

  #within(writer: SpanContext, attributes: Attributes): void {
    const { api, now } = this.#spans
    const parent = api.trace.setSpanContext(api.ROOT_CONTEXT, writer)
    this.#process({ startTime: timeOf(now()) }, attributes, parent)
  }

  /** The poll is over. */
  #end(): void {
    const [links, applied] = [this.#links, this.#applied]
    this.#links = []
    this.#applied = 0
    if (links.length === 0) return
    const options = { links, startTime: timeOf(this.#since) }
    this.#process(options, { 'messaging.batch.message_count': applied }, this.#spans.api.ROOT_CONTEXT)
  }

  #process(
    options: { readonly links?: Link[]; readonly startTime: [number, number] },
    more: Attributes,
    parent: Spans['api']['ROOT_CONTEXT'],
  ): void {
    const { api, now, tracer } = this.#spans
    const attributes = { ...messaging(this.#topic, 'process', 'process'), ...more }
    const kind = api.SpanKind.CONSUMER
    tracer.startSpan(`process ${this.#topic}`, { ...options, kind, attributes }, parent).end(timeOf(now()))
  }
}

const attributesOf = ({
  namespace,
  partition,
  offset,
}: Extract<KedgeEvent, { readonly type: 'evict' }>): Attributes =>
  namespace === undefined
    ? placeOf(partition, offset)
    : { ...placeOf(partition, offset), 'kedge.namespace': namespace }
