/** A process that is looked at again and again: what it does a second, and how that was in the last minutes. @module */
import type { Metrics } from './metrics-text.ts'
import type { Snapshot } from './snapshot.ts'

/** Points of a history, of which there is one for each look. */
const MAX_POINTS = 120

export class WatchedProcess {
  readonly address: string
  #last: Snapshot | undefined
  #before: Snapshot | undefined
  #answeredAt: number | undefined
  #build: Readonly<Record<string, string>> = {}
  readonly #histories = new Map<string, (number | undefined)[]>()

  constructor(address: string) {
    this.address = address
  }

  see(snapshot: Snapshot): void {
    this.#before = this.#last
    this.#last = snapshot
    if (snapshot.unanswered === undefined) this.#answeredAt = snapshot.at
    if (snapshot.metrics) this.#build = snapshot.metrics.all('kedge_build_info')[0]?.labels ?? {}
  }

  /** What it said last of itself, also while it is away. */
  get build(): Readonly<Record<string, string>> {
    return this.#build
  }

  /** For how long it has not answered, in milliseconds; `undefined` where it does, or never did. */
  get awayMs(): number | undefined {
    if (this.#last?.unanswered === undefined || this.#answeredAt === undefined) return undefined
    return this.#last.at - this.#answeredAt
  }

  get last(): Snapshot | undefined {
    return this.#last
  }

  get metrics(): Metrics | undefined {
    return this.#last?.metrics
  }

  /** The samples of a counter, or of a gauge, together. */
  value(name: string): number | undefined {
    return this.metrics?.sum(name)
  }

  /** How much a counter has grown since the look before; `undefined` where that is not known, as after a restart. */
  growth(name: string): number | undefined {
    const [now, before] = [this.#last?.metrics, this.#before?.metrics]
    if (!now || !before || startOf(now) !== startOf(before)) return undefined
    const to = now.sum(name)
    return to === undefined ? undefined : atLeastZero(to - (before.sum(name) ?? 0))
  }

  /** The growth in a second. */
  rate(name: string): number | undefined {
    const growth = this.growth(name)
    const ms = (this.#last?.at ?? 0) - (this.#before?.at ?? 0)
    return growth === undefined || ms <= 0 ? undefined : (growth * 1000) / ms
  }

  /** Adds a point. To be called once for each look. */
  note(what: string, value: number | undefined): void {
    const points = this.#histories.get(what) ?? []
    points.push(value)
    if (points.length > MAX_POINTS) points.shift()
    this.#histories.set(what, points)
  }

  /** The oldest first; `undefined` where it was not known. */
  history(what: string): readonly (number | undefined)[] {
    return this.#histories.get(what) ?? []
  }
}

/** A process with another one has counted from zero again. */
const startOf = (metrics: Metrics): number | undefined => metrics.sum('process_start_time_seconds')

const atLeastZero = (growth: number): number | undefined => (growth < 0 ? undefined : growth)
