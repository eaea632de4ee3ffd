/** What a shared tail bounds, and by how much. @module */
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'

export interface TailOptions {
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
  /** Bytes of keys, values and headers in the window of one partition. @default 16_777_216 */
  readonly windowBytes?: number
  /** Records in the window of one partition. @default 10_000 */
  readonly windowRecords?: number
  /** Bytes in all windows together. @default 134_217_728 */
  readonly maxBytes?: number
  /** Partitions with a loop at once, each isolation counted for itself; waits for others are the cluster's. @default 1000 */
  readonly maxLoops?: number
  /** The size of one read of a loop, in bytes. @default 1_048_576 */
  readonly fetchBytes?: number
  /** How long a read of a loop waits for records, in milliseconds; bounds are at most as old. @default 1000 */
  readonly fetchWaitMs?: number
  /** How long an unused loop goes on, in milliseconds. @default 30_000 */
  readonly idleMs?: number
  /**
   * Bytes that all reads outside the loops may ask for at once; further reads are refused as `busy`.
   * @default 134_217_728
   */
  readonly maxFetchBytes?: number
}

const DEFAULTS: Required<Omit<TailOptions, 'runtime'>> = {
  windowBytes: 16_777_216,
  windowRecords: 10_000,
  maxBytes: 134_217_728,
  maxLoops: 1000,
  fetchBytes: 1_048_576,
  fetchWaitMs: 1000,
  idleMs: 30_000,
  maxFetchBytes: 134_217_728,
}

/** The options with their defaults. @throws TypeError naming the one that is unknown or not a whole number of at least 1. */
export function tailOptionsOf(options: TailOptions): Required<TailOptions> {
  const { runtime = systemRuntime(), ...numbers } = options
  for (const [name, value] of Object.entries(numbers)) {
    if (!(name in DEFAULTS)) throw new TypeError(`\`${name}\` is not an option of the tail`)
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`\`${name}\` must be a whole number of at least 1, got ${String(value)}`)
    }
  }
  return { ...DEFAULTS, ...numbers, runtime }
}
