/** The metrics of a cache with OpenTelemetry's meter, by the names that Prometheus has them under. @module */
import { BUCKETS, samplesOf } from '../../metrics/shared/cache-meter.ts'
import type { CacheMeter, Sample, Timer } from '../../metrics/shared/cache-meter.ts'
import { attributeOf, otelName } from '../../metrics/shared/otel-names.ts'
import type { Attributes, Meter } from './api.ts'

export interface CacheMetricsOptions {
  readonly meter: Meter
  readonly prefix: string
  readonly attributes: Attributes
}

type Read = () => number | Iterable<Sample>
type Observable = ReturnType<Meter['createObservableGauge']>

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
    const { name: own, ...unit } = otelName(name)
    return [`${this.#prefix}${own}`, { description, ...unit }]
  }

  #attributesOf(labels: Readonly<Record<string, string | number>>): Attributes {
    const all: Attributes = { ...this.#attributes }
    for (const [label, value] of Object.entries(labels)) all[attributeOf(label)] = value
    return all
  }
}
