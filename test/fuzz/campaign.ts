/**
 * Campaigns: so many hostile inputs for one decoder, by a seed.
 *
 * `KEDGE_SEED` repeats one that failed; `npm run fuzz` (`KEDGE_FUZZ=full`) gives every decoder all of its inputs, and
 * otherwise each gets a part of them.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import { Dice } from './dice.ts'
import { KEPT } from './kept.ts'

/** The inputs of a full run, by what reads them. */
export const INPUTS = {
  evictions: 300_000,
  updates: 250_000,
  messages: 150_000,
  messagepack: 120_000,
  gzip: 3000,
  tokens: 60_000,
  texts: 200_000,
  memcached: 80_000,
  redis: 50_000,
  lambda: 30_000,
  proxies: 25_000,
  gateway: 20_000,
  worker: 20_000,
  terminal: 20_000,
  proofs: 100_000,
  segments: 50_000,
} as const

export type Decoder = keyof typeof INPUTS

const FULL = process.env['KEDGE_FUZZ'] === 'full'
/** The part of a full run that is run with all other tests. */
const PART = 1 / 5

const SEED = Number(process.env['KEDGE_SEED'] ?? Math.floor(Math.random() * 1e9))

export const countOf = (decoder: Decoder): number =>
  FULL ? INPUTS[decoder] : Math.ceil(INPUTS[decoder] * PART)

/** What a test of a campaign is called: the seed is in it. */
export const called = (decoder: Decoder, what: string): string =>
  `${what} (${countOf(decoder)} inputs, KEDGE_SEED=${SEED})`

/** How many times as many inputs a campaign may take where it has not seen every outcome. */
const PATIENCE = 10

/** Campaigns are long: only one that hangs reaches this limit. */
export const TIMEOUT = { timeout: 600_000 }

/** What became of an input, in a word. */
export type Outcome = string

export interface Campaign<I> {
  readonly decoder: Decoder
  /** A new input. */
  readonly make: (dice: Dice, kept: string | undefined) => I
  /** Feeds it to the decoder. Throws where the contract is broken. */
  readonly feed: (input: I, dice: Dice) => Outcome | Promise<Outcome>
  readonly show: (input: I) => unknown
  /** Outcomes that must have been seen: a campaign of which all is refused tests little. */
  readonly sees: readonly Outcome[]
}

/** Runs it; how often each outcome was seen. */
export async function run<I>({
  decoder,
  make,
  feed,
  show,
  sees,
}: Campaign<I>): Promise<Map<Outcome, number>> {
  const count = countOf(decoder)
  const dice = new Dice(SEED)
  const kept = KEPT[decoder] ?? []
  const outcomes = new Map<Outcome, number>()
  const intrinsics = intrinsicNames()
  let fed = 0
  let heap = 0
  // Some outcomes are rare: where chance has left one out, it goes on until it is seen.
  const lacks = (): boolean => fed < count * PATIENCE && sees.some((outcome) => !outcomes.has(outcome))
  for (; fed < count || lacks(); fed++) {
    const input = make(dice, kept[fed])
    let outcome: Outcome
    try {
      // Most decoders answer at once: an await for those would cost more than they do.
      const told = feed(input, dice)
      outcome = typeof told === 'string' ? told : await told
    } catch (error) {
      throw new Error(`KEDGE_SEED=${SEED}, input ${fed} of ${decoder}: ${brief(show(input))}`, {
        cause: error,
      })
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (fed % 512 === 511) {
      if (intrinsicNames() !== intrinsics)
        throw new Error(`KEDGE_SEED=${SEED}: ${decoder} has touched a prototype`)
      // Lets timers and streams that were given up end.
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (fed === Math.floor(count / 4)) heap = heapInUse()
  }
  expect(fed).toBeGreaterThanOrEqual(count)
  expect(intrinsicNames()).toBe(intrinsics)
  for (const outcome of sees) expect([...outcomes.keys()]).toContain(outcome)
  // What an input leaves behind would add up.
  expect(heapInUse() - heap).toBeLessThan(MAX_GROWTH)
  return outcomes
}

/** Bytes that a campaign may leave behind: what is compiled and remembered on the way is less. */
const MAX_GROWTH = 24_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapInUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}

const intrinsicNames = (): string =>
  [Object.prototype, Array.prototype, Function.prototype, Map.prototype]
    .map((each) => Reflect.ownKeys(each).length)
    .join()

function brief(shown: unknown): string {
  const text = shown instanceof Uint8Array ? bytesShown(shown) : (JSON.stringify(shown) ?? String(shown))
  return text.length > 4000 ? `${text.slice(0, 4000)}… (${text.length} characters)` : text
}

const bytesShown = (bytes: Uint8Array): string => {
  const text = new TextDecoder().decode(bytes.subarray(0, 4000))
  const isText = new TextEncoder().encode(text).length === Math.min(bytes.length, 4000)
  return isText && !text.includes('\ufffd')
    ? text
    : `base64:${Buffer.from(bytes.subarray(0, 3000)).toString('base64')}`
}
