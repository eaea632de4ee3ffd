/**
 * A listener for `onEvent` that writes one line of JSON an event: of a cache, a sync, a loader or a persister. It samples what
 * comes often, and bounds how many lines a second has.
 *
 * @module
 */
import {
  checkFeatureOptions as check,
  must,
  type Options,
  type OptionTest,
} from '../../src/api/option-check.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { callback, count, oneOf, required } from '../option-tests.ts'
import { EVENT_TYPES, isAlwaysTold, levelOf } from './log-events/event-level.ts'
import { eventFields } from './log-events/event-fields.ts'
import type { TypedEvent } from './log-events/event-fields.ts'
import { isWithin, jsonLine, LOG_LEVELS } from './log-events/log-line.ts'
import type { LogLevel } from './log-events/log-line.ts'
import { LineLimit } from './log-events/line-limit.ts'
import { Samples } from './log-events/samples.ts'
import { harmless } from '../../src/runtime/listener.ts'

export type { TypedEvent } from './log-events/event-fields.ts'
export type { LogLevel } from './log-events/log-line.ts'

export interface LogEventsOptions {
  /** Takes a line, without its end: `console.log`, or what writes to a file. What it throws is ignored. */
  readonly log: (line: string) => void
  /**
   * Which events have a line, all of them: those of this level, and those that matter more. Hits, misses, loads, polls, evictions and
   * writes that succeed are `debug`. @default 'info'
   */
  readonly level?: LogLevel
  /**
   * Which share of the events of a type has a line whatever `level` says, from 0 to 1, by counting: of `{ hit: 0.01 }` each
   * hundredth. Their lines have `sampled`, the share. Events that failed have one all the same, and types that are always of
   * level `warn` or `error` cannot be sampled. @default none
   */
  readonly sample?: Readonly<Record<string, number>>
  /**
   * The most lines in one second. Levels `debug` and `info` may have half of them, so that a failure always has room. Of what
   * was left out the next line says how much. @default 100
   */
  readonly maxLinesPerSecond?: number
  /** Further fields of each line: `{ service: 'shop' }`. They replace none of an event. @default none */
  readonly fields?: Readonly<Record<string, string | number | boolean>>
  /**
   * What becomes of each text. Keys, values and tokens stand in no line, but a line has the message of an error, which is that
   * of your loader or store. @default as it is
   */
  readonly redact?: (text: string) => string
  /** Clocks. @default `systemRuntime()` */
  readonly runtime?: Pick<Runtime, 'now' | 'monotonic'>
}

/** The listener. */
export interface EventLogger {
  (event: TypedEvent): void
  /** Says now how many lines were left out, as the process ends. */
  flush(): void
}

const hasFailed = (event: TypedEvent): boolean => (event as { error?: unknown }).error !== undefined
const isShare = (share: unknown): boolean => typeof share === 'number' && share >= 0 && share <= 1
const isField = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)

/** Each value of an object. */
const each =
  (holds: (value: unknown) => boolean, says: string): OptionTest =>
  (value) =>
    must(
      (of: object) => typeof of === 'object' && of !== null && !Array.isArray(of),
      'must be an object',
    )(value) ?? must((of: object) => Object.values(of).every(holds), says)(value)

const sample: OptionTest = (value) => {
  const fault = each(isShare, 'must be numbers from 0 to 1, by the type of the event')(value)
  if (fault !== undefined) return fault
  for (const type of Object.keys(value as object)) {
    if (!EVENT_TYPES.includes(type)) return { path: [type], says: 'is not the type of an event' }
    if (isAlwaysTold(type))
      return { path: [type], says: 'always has its lines: it says that something is wrong' }
  }
  return undefined
}

const OPTIONS: Options = {
  log: required(callback),
  level: oneOf(LOG_LEVELS, 'must be error, warn, info or debug'),
  sample,
  maxLinesPerSecond: count(1, 100_000, 'must be a whole number from 1 to 100000'),
  fields: each(isField, 'must be texts, numbers, true or false'),
  redact: callback,
  runtime: must((value) => typeof value === 'object' && value !== null, 'must be a Runtime'),
}

/**
 * Makes a listener for `onEvent`. Each line has `time`, `level`, `event` (the type) and the fields of the event: the namespace,
 * the number of keys, a duration, the error. It starts no timer and asks for no randomness, so that it may be made in the global
 * scope of a Worker.
 *
 * @throws TypeError for options that are wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { logEvents } from 'kedge/adapters/log-events'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({
 *   kafka: memory(),
 *   onEvent: logEvents({ log: console.log, sample: { hit: 0.001, load: 0.1 } }),
 * })
 * ```
 */
export function logEvents(options: LogEventsOptions): EventLogger {
  check(OPTIONS, options, 'logEvents')
  const { log, level: limit = 'info', sample: shares = {}, maxLinesPerSecond = 100, redact } = options
  const { fields: more = {}, runtime = systemRuntime() } = options
  const tell = harmless(log)
  const samples = new Samples(shares)
  const lines = new LineLimit(maxLinesPerSecond, () => runtime.monotonic())
  const write = (level: LogLevel, event: string, fields: object) => {
    const head = { time: new Date(runtime.now()).toISOString(), level, event }
    tell(jsonLine({ ...head, ...more, ...fields, ...head }, redact))
  }
  const flush = () => {
    const left = lines.takeLeftOut()
    if (left !== undefined) write('warn', 'left_out', left)
  }
  const listener = (event: TypedEvent): void => {
    const level = levelOf(event)
    const isTold = isWithin(level, limit)
    const share = hasFailed(event) ? undefined : samples.shareOf(event.type)
    if (share === undefined ? !isTold : !samples.takes(event.type)) return
    const isQuiet = level === 'info' || level === 'debug'
    const hasRoom = lines.takes(event.type, isQuiet)
    if (lines.isNewSecond) flush()
    if (hasRoom)
      write(level, event.type, { ...eventFields(event), ...(share !== undefined && { sampled: share }) })
  }
  return Object.assign(listener, { flush })
}
