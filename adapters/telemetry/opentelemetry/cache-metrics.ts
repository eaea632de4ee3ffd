/** The metrics of a cache with OpenTelemetry's meter, by the names that Prometheus has them under. @module */
import { BUCKETS, samplesOf } from '../../metrics/shared/cache-meter.ts'
import type { CacheMeter, Sample, Timer } from '../../metrics/shared/cache-meter.ts'
import type { Attributes, Meter } from './api.ts'

export interface CacheMetricsOptions {
  readonly meter: Meter
  readonly prefix: string
  readonly attributes: Attributes
}

type Read = () => number | Iterable<Sample>
type Observable = ReturnType<Meter['createObservableGauge']>

/** A label of Prometheus, as OpenTelemetry calls what it says. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  namespace: 'kedge.namespace',
  operation: 'kedge.tier.operation',
  outcome: 'kedge.outcome',
  topic: 'messaging.destination.name',
}

/**
 * `loads_total` is `loads`, and `load_duration_seconds` is `load.duration` in `s`: what an exporter for Prometheus makes of these
 * are the names there.
 */
function named(name: string): { readonly name: string; readonly unit?: string } {
  if (name.endsWith('_duration_seconds'))
    return { name: `${name.slice(0, -'_duration_seconds'.length)}.duration`, unit: 's' }
  if (name.endsWith('_seconds')) return { name: name.slice(0, -'_seconds'.length), unit: 's' }
  if (name.endsWith('_total')) return { name: name.slice(0, -'_total'.length) }
  return name === 'bytes' ? { name, unit: 'By' } : { name }
}

export class CacheMetrics implements CacheMeter {
  readonly #meter: Meter
  readonly #prefix: string
  readonly #attributes: Attributes
  readonly #stops: (() => void)[] = []

  constructor({ meter, prefix, attributes }: CacheMetricsOptions) {
    this.#meter = meter
    this.#prefix = prefix
    this.#attributes = attributes
  }

  counter(name: string, help: string, read: Read): void {
    this.#observe(this.#meter.createObservableCounter(...this.#named(name, help)), read)
  }

  gauge(name: string, help: string, read: Read): void {
    this.#observe(this.#meter.createObservableGauge(...this.#named(name, help)), read)
  }

  histogram(name: string, help: string): Timer {
    const [full, options] = this.#named(name, help)
    const advice = { explicitBucketBoundaries: [...BUCKETS] }
    const histogram = this.#meter.createHistogram(full, { ...options, advice })
    return (ms, labels) => histogram.record(ms / 1000, this.#attributesOf(labels))
  }

  stop(): void {
    for (const each of this.#stops.splice(0)) each()
  }

  #observe(observable: Observable, read: Read): void {
    const observe: Parameters<Observable['addCallback']>[0] = (result) => {
      for (const [value, labels = {}] of samplesOf(read())) result.observe(value, this.#attributesOf(labels))
    }
    observable.addCallback(observe)
    this.#stops.push(() => observable.removeCallback(observe))
  }

  #named(name: string, description: string): [string, { description: string; unit?: string }] {
    const { name: own, ...unit } = named(name)
    return [`${this.#prefix}${own}`, { description, ...unit }]
  }

  #attributesOf(labels: Readonly<Record<string, string | number>>): Attributes {
    const all: Attributes = { ...this.#attributes }
    for (const [label, value] of Object.entries(labels)) all[ATTRIBUTES[label] ?? label] = value
    return all
  }
}
