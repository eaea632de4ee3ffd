/** The metrics of a cache as those of OpenTelemetry: read when a push is due, and told as what has come since the last. @module */
import { BUCKETS, samplesOf } from '../shared/cache-meter.ts'
import type { CacheMeter, Sample, Timer } from '../shared/cache-meter.ts'
import { attributeOf, otelName } from '../shared/otel-names.ts'
import { Histograms } from './histograms.ts'
import type { Timed } from './histograms.ts'
import { gaugeOf, sumOf } from './points.ts'
import type { Interval, Metric, Named } from './points.ts'

type Read = () => number | Iterable<Sample>

interface Counted extends Named {
  readonly read: Read
  /** What earlier pushes have sent. */
  told: number
  /** What the last push has told, where it counts only once that has arrived. */
  telling?: number
}

interface Gauged extends Named {
  readonly read: Read
}

/** Before every name. */
const PREFIX = 'kedge.cache.'
export class OtlpMeter implements CacheMeter {
  readonly histograms: Histograms = new Histograms()
  readonly #counted: Counted[] = []
  /** Told again until a push has arrived. */
  readonly #untilArrived: Counted[] = []
  readonly #gauged: Gauged[] = []

  counter(name: string, help: string, read: Read): void {
    this.#counted.push({ ...named(name, help), read, told: 0 })
  }

  /** A counter of pushes: one that fails must not take with it that pushes have failed. */
  ofPushes(name: string, help: string, read: Read): void {
    this.#untilArrived.push({ ...named(name, help), read, told: 0 })
  }

  gauge(name: string, help: string, read: Read): void {
    this.#gauged.push({ ...named(name, help), read })
  }

  histogram(name: string, help: string): Timer {
    const timed: Timed = { ...named(name, help), bounds: BUCKETS }
    return (ms, labels) => {
      const attributes = Object.entries(labels).map(([label, value]) => [attributeOf(label), value])
      this.histograms.record(timed, ms, Object.fromEntries(attributes))
    }
  }

  /** What the interval has brought. Each push sends what is new: one that fails loses it. */
  take(interval: Interval): Metric[] {
    const sums = this.#counted.map((each) => {
      const now = valueOf(each.read)!
      const added = now - each.told
      each.told = now
      return sumOf(each, added, interval)
    })
    const ofPushes = this.#untilArrived.map((each) => {
      each.telling = valueOf(each.read)!
      return sumOf(each, each.telling - each.told, interval)
    })
    const gauges = this.#gauged.flatMap((each) => {
      const value = valueOf(each.read)
      return value === undefined ? [] : [gaugeOf(each, value, interval)]
    })
    return [...sums, ...ofPushes, ...gauges, ...this.histograms.take(interval)]
  }

  /** The push that took last has arrived. */
  arrived(): void {
    for (const each of this.#untilArrived) each.told = each.telling ?? each.told
  }
}

/** A cache has one value of each: `undefined` where it is not known now. */
const valueOf = (read: Read): number | undefined => [...samplesOf(read())][0]?.[0]

function named(name: string, description: string): Named {
  const { name: own, unit = '' } = otelName(name)
  return { name: `${PREFIX}${own}`, description, unit }
}
