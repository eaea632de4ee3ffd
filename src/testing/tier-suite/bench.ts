/** What the tests of a tier's contract work with. @module */
import type {
  AppliedPosition,
  Tier,
  TierApplier,
  TierBatch,
  TierEviction,
  TierPlace,
  TierWrite,
} from '../../ports/tier.ts'
import type { Assertion } from '../log-suite/bench.ts'

/** The tier under test, on a store that no other test uses at the same time. */
export interface TierUnderTest {
  readonly tier: Tier
  /** The same store through another client: as another isolate, or another applier, has it. @default `tier` */
  readonly other?: Tier
  /** Lets this much time pass for the store's TTLs, in milliseconds. */
  readonly passes: (ms: number) => Promise<void> | void
  /** Empties the store, as `FLUSHALL` does. */
  readonly wipe: () => Promise<void> | void
  /** Puts bytes where the value of a key stands. Without it that part of the contract is left untested. */
  readonly plant?: (place: TierPlace, key: string, bytes: Uint8Array) => Promise<void> | void
  /** Puts bytes where the applied position stands. */
  readonly plantPosition?: (partition: number, bytes: Uint8Array) => Promise<void> | void
  /** Lets the store fall silent: calls get no answer until `resume`. */
  readonly pause?: () => Promise<void> | void
  readonly resume?: () => Promise<void> | void
  /** Ends the tier and what was started for it. */
  readonly close: () => Promise<void> | void
}

export interface TierTraits {
  readonly atomic: boolean
  readonly refusesLate: boolean
  readonly ttlMs: number
  readonly deadlineMs: number
}

/** What a test expects to read: text, as-of, and whether it is covered. */
type Seen = Readonly<Record<string, readonly [text: string, asOf: number, covered: boolean]>>

export interface TierBench extends TierTraits, Omit<TierUnderTest, 'other'> {
  readonly other: Tier
  readonly applier: TierApplier
  readonly expect: (actual: unknown) => Assertion
  readonly read: (
    keys: readonly string[],
    at?: TierPlace,
  ) => Promise<{ items: Seen; applied?: AppliedPosition }>
  readonly set: (writes: readonly TierWrite[], at?: TierPlace) => Promise<void>
  /** Applies `[from, to)` of the log that the tests use. */
  readonly apply: (from: number, to: number, ...evictions: TierEviction[]) => Promise<'applied' | 'gap'>
}

export type TierTest = (name: string, body: (bench: TierBench) => Promise<void>) => void

export const LOG = 'log-1'
export const OTHER_LOG = 'log-2'
export const PLACE: TierPlace = { namespace: 'users', partition: 0, logId: LOG }
export const OTHER_SPACE: TierPlace = { namespace: 'orders', partition: 0, logId: LOG }

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes = (text: string): Uint8Array => encoder.encode(text)

/** Long enough to outlive any test. */
const LONG_MS = 3_600_000

export function write(key: string, text: string, asOf: number, more: Partial<TierWrite> = {}): TierWrite {
  return { key, bytes: bytes(text), asOf, version: undefined, ttlMs: LONG_MS, ...more }
}

export function evict(offset: number, more: Partial<TierEviction> = {}): TierEviction {
  return { offset, namespace: 'users', keys: [], group: false, version: undefined, ...more }
}

export function batch(
  from: number,
  to: number,
  evictions: readonly TierEviction[],
  logId: string = LOG,
): TierBatch {
  return { partition: 0, logId, from, to, evictions }
}

export function tierBench(
  made: TierUnderTest,
  expect: (actual: unknown) => Assertion,
  traits: TierTraits,
): TierBench {
  const { tier, other = tier } = made
  return {
    ...traits,
    ...made,
    tier,
    other,
    expect,
    get applier() {
      return tier.applier!
    },
    async read(keys, at = PLACE) {
      const { items, applied } = await other.getMany(at, keys)
      const seen = [...items].map(
        ([key, item]) => [key, [decoder.decode(item.bytes), item.asOf, item.covered]] as const,
      )
      return { items: Object.fromEntries(seen), ...(applied ? { applied } : {}) }
    },
    set: (writes, at = PLACE) => tier.setMany(at, writes),
    apply: (from, to, ...evictions) => tier.applier!.apply(batch(from, to, evictions)),
  }
}
