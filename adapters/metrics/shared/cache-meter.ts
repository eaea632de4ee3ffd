/** What a library of metrics must do for the metrics of a cache. @module */

export type Labels = Readonly<Record<string, string | number>>

/** A value, with the labels that it has beside those of its meter. */
export type Sample = readonly [value: number, labels?: Labels]

/** Takes durations. */
export type Timer = (ms: number, labels: Labels) => void

export interface CacheMeter {
  /** @param read called when the metrics are asked for; a number, or samples of which each has all of the labels */
  counter(name: string, help: string, read: () => number | Iterable<Sample>, labels?: string[]): void
  /** As `counter`. Without samples, what is not known now is left out. */
  gauge(name: string, help: string, read: () => number | Iterable<Sample>, labels?: string[]): void
  /**
   * @param known labels that there will be: where counts are compared with those before, they are 0 until the first one. Of a
   * series that begins with 1, that one would be lost
   * @returns what takes a duration in milliseconds, with all of the labels
   */
  histogram(name: string, help: string, labels: string[], known?: readonly Labels[]): Timer
}

export const samplesOf = (read: number | Iterable<Sample>): Iterable<Sample> =>
  typeof read === 'number' ? [[read]] : read

/** From a hit in memory to a poll that waits for its deadline, in seconds. */
export const BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
