/** How much the routes for many may give, and for how long. @module */
import { durationMs } from '../../src/runtime/duration.ts'
import type { Duration } from '../../src/runtime/duration.ts'

/** Bounds of `GET /cache/:namespace/events` and `GET /cache/:namespace/dump`: option `bulk` of `createApp`. */
export interface BulkOptions {
  /** Streams of `GET /cache/:namespace/events` at once; more are refused with 503. @default 100 */
  readonly maxStreams?: number
  /** Of one credential. Where clients show none, `maxStreams` alone counts. @default 20 */
  readonly maxStreamsEach?: number
  /** After about so long a stream ends, and its client comes back with the id of what it has read. @default '10m' */
  readonly streamLife?: Duration
  /** A stream on which nothing happens says so this often, by a comment. @default '15s' */
  readonly heartbeat?: Duration
  /** A client that takes nothing of its answer for so long is cut. @default '30s' */
  readonly stall?: Duration
  /** Evictions of a namespace that are remembered for clients that come back. @default 1000 */
  readonly maxRemembered?: number
  /** Answers of `GET /cache/:namespace/dump` at once, of one credential half of them; more are refused with 503. @default 4 */
  readonly maxDumps?: number
  /** Values in one of them. @default 100_000 */
  readonly maxDumpValues?: number
  /** Bytes of one of them. @default 32_000_000 */
  readonly maxDumpBytes?: number
  /** How long one of them may take, whether the server or the client is slow. @default '30s' */
  readonly dumpTime?: Duration
}

export interface BulkSettings {
  readonly maxStreams: number
  readonly maxStreamsEach: number
  readonly streamLifeMs: number
  readonly heartbeatMs: number
  readonly stallMs: number
  readonly maxRemembered: number
  readonly maxDumps: number
  readonly maxDumpValues: number
  readonly maxDumpBytes: number
  readonly dumpMs: number
}

const COUNTS = {
  maxStreams: 100,
  maxStreamsEach: 20,
  maxRemembered: 1000,
  maxDumps: 4,
  maxDumpValues: 100_000,
  maxDumpBytes: 32_000_000,
} as const
const TIMES = { streamLife: '10m', heartbeat: '15s', stall: '30s', dumpTime: '30s' } as const

/** @throws TypeError quoting the option that is wrong. */
export function bulkSettings(options: BulkOptions): BulkSettings {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('`bulk` must be options, or false for none of its routes')
  for (const name of Object.keys(options))
    if (!Object.hasOwn(COUNTS, name) && !Object.hasOwn(TIMES, name))
      throw new TypeError(`\`bulk.${name}\` is not an option`)
  const count = (name: keyof typeof COUNTS): number => {
    const value = options[name] ?? COUNTS[name]
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TypeError(`\`bulk.${name}\` must be a positive whole number`)
    return value
  }
  const ms = (name: keyof typeof TIMES): number => {
    const value = durationMs(options[name] ?? TIMES[name], `bulk.${name}`)
    if (value < 1) throw new TypeError(`\`bulk.${name}\` must be longer than 0`)
    return value
  }
  return {
    maxStreams: count('maxStreams'),
    maxStreamsEach: count('maxStreamsEach'),
    streamLifeMs: ms('streamLife'),
    heartbeatMs: ms('heartbeat'),
    stallMs: ms('stall'),
    maxRemembered: count('maxRemembered'),
    maxDumps: count('maxDumps'),
    maxDumpValues: count('maxDumpValues'),
    maxDumpBytes: count('maxDumpBytes'),
    dumpMs: ms('dumpTime'),
  }
}
