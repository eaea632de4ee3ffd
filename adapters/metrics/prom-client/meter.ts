/**
 * Metrics of prom-client that are read when they are scraped: what counts need not know of them.
 *
 * @module
 */
import type { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BUCKETS, samplesOf } from '../shared/cache-meter.ts'
import type { CacheMeter, Labels, Sample, Timer } from '../shared/cache-meter.ts'

/** The module `prom-client`, as the program has it. */
export interface PromClient {
  readonly Counter: typeof Counter
  readonly Gauge: typeof Gauge
  readonly Histogram: typeof Histogram
  readonly register: Registry
}

export interface MeterOptions {
  readonly client: PromClient
  readonly register: Registry
  /** Before every name. */
  readonly prefix: string
  /** On every sample. */
  readonly labels?: Readonly<Record<string, string>>
}

export class Meter implements CacheMeter {
  readonly #client: PromClient
  readonly #register: Registry
  readonly #prefix: string
  readonly #labels: Readonly<Record<string, string>>

  constructor({ client, register, prefix, labels = {} }: MeterOptions) {
    this.#client = client
    this.#register = register
    this.#prefix = prefix
    this.#labels = labels
  }

  /** The same registry, with another prefix, and these labels alone. */
  under(prefix: string, labels: Readonly<Record<string, string>> = {}): Meter {
    return new Meter({ client: this.#client, register: this.#register, prefix, labels })
  }

  /** @param read called at each scrape; a number, or samples of which each has all of the labels */
  counter(name: string, help: string, read: () => number | Iterable<Sample>, labels: string[] = []): void {
    const counter = new this.#client.Counter({
      ...this.#named(name, help, labels),
      collect: () => {
        counter.reset()
        for (const [value, more] of samplesOf(read())) counter.inc({ ...this.#labels, ...more }, value)
      },
    })
  }

  /** As `counter`. Without samples, what is not known now is left out. */
  gauge(name: string, help: string, read: () => number | Iterable<Sample>, labels: string[] = []): void {
    const gauge = new this.#client.Gauge({
      ...this.#named(name, help, labels),
      collect: () => {
        gauge.reset()
        // Without labels a reset leaves a zero behind.
        gauge.remove({})
        for (const [value, more] of samplesOf(read())) gauge.set({ ...this.#labels, ...more }, value)
      },
    })
  }

  /** @returns what takes a duration in milliseconds, with all of the labels: those that are known are 0 until then */
  histogram(name: string, help: string, labels: string[], known: readonly Labels[] = []): Timer {
    const histogram = new this.#client.Histogram({
      ...this.#named(name, help, labels),
      buckets: [...BUCKETS],
    })
    for (const each of known) histogram.zero({ ...this.#labels, ...each })
    return (ms, more) => histogram.observe({ ...this.#labels, ...more }, ms / 1000)
  }

  #named(name: string, help: string, labels: readonly string[]) {
    const labelNames = [...Object.keys(this.#labels), ...labels]
    return { name: `${this.#prefix}${name}`, help, labelNames, registers: [this.#register] }
  }
}
