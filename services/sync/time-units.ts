/**
 * Detects times in the wrong unit.
 *
 * A producer that writes seconds where Kafka wants milliseconds makes every record 56 years old: with a `ttl`
 * each has expired on arrival. A record does not name its unit; but no topic has records of 1970, nor of the
 * year 5000.
 *
 * @module
 */
import type { Counters } from './counters.ts'
import type { RecordPlace, TimeField, TimeUnit } from './events.ts'
import type { SyncSettings } from './settings.ts'

/** Seconds since the epoch, from 1973 to 5138; as milliseconds they end in March 1973. */
const SECONDS = [1e8, 1e11] as const
const MICROSECONDS = [1e14, 1e17] as const
/** No real TTL is shorter than this; 60 is probably seconds. */
const SHORTEST_LIFE_MS = 1000
/** Thirty years: a longer `ttl` is a moment since the epoch, not a length of time. */
const LONGEST_LIFE_MS = 946_080_000_000

export class TimeUnits {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #said = new Set<TimeField>()

  constructor(settings: SyncSettings, counters: Counters) {
    this.#settings = settings
    this.#counters = counters
  }

  /** Counts times in another unit, and emits an event once for each field. */
  look(field: TimeField, ms: number, { topic, partition, offset }: RecordPlace): void {
    const unit = field === 'ttl' ? unitOfLife(ms) : unitOfMoment(ms)
    if (unit === undefined) return
    this.#counters.suspectTimes++
    if (this.#said.has(field)) return
    this.#said.add(field)
    this.#settings.emit({ type: 'suspect_time', field, value: ms, unit, topic, partition, offset })
  }
}

function unitOfMoment(ms: number): TimeUnit | undefined {
  if (ms >= SECONDS[0] && ms < SECONDS[1]) return 'seconds'
  if (ms < MICROSECONDS[0]) return undefined
  return ms < MICROSECONDS[1] ? 'microseconds' : 'nanoseconds'
}

function unitOfLife(ms: number): TimeUnit | undefined {
  if (ms > 0 && ms < SHORTEST_LIFE_MS) return 'seconds'
  return ms > LONGEST_LIFE_MS ? 'a moment' : undefined
}
