/**
 * What the isolates of a world reach over its ways: the log at the origin, tails, and the stores of colos. Every request is
 * counted.
 *
 * @module
 */
import type { ProofStore } from '../../../adapters/sharing/tail.ts'
import type { ClockedOffsets } from '../../../adapters/sharing/tail/place.ts'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { ROUND_TRIP_MS } from './plan.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How far a clock may be off, in milliseconds, and how much faster or slower it may run, in parts per million. */
const OFF = { skewMs: 1000, ppm: 100 }
const EPOCH = 1_700_000_000_000
/** A store forgets what is older. */
const STORE_TTL_MS = 5000

export class Ways {
  readonly #time: VirtualTime
  readonly #random: () => number

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time
    this.#random = random
  }

  /** Half a round trip: 30 % more or less. */
  half(roundTripMs: number): Promise<void> {
    return this.#time.sleep((roundTripMs / 2) * (0.7 + 0.6 * this.#random()))
  }

  /** A clock of some machine: off by something, at a pace of its own. */
  clock(): () => number {
    const [skew, ppm] = [this.#around(OFF.skewMs), this.#around(OFF.ppm)]
    return () => EPOCH + skew + this.#time.now * (1 + ppm / 1e6)
  }

  /** A platform as Workers are one: both clocks are one, and no request waits for a promise of another. */
  runtime(): Runtime {
    const now = this.clock()
    return {
      now: () => Math.floor(now()),
      monotonic: now,
      random: this.#random,
      sleep: (ms, signal) => this.#time.sleep(ms, signal),
      microtask: (task) => void Promise.resolve().then(task),
      isolatesRequests: true,
    }
  }

  #around(most: number): number {
    return (this.#random() - 0.5) * 2 * most
  }
}

export interface FarOptions {
  readonly roundTripMs: number
  readonly count?: () => void
  /** The log tells this clock with every end. @default none */
  readonly clock?: (() => number) | undefined
}

/** The log as others reach it over the network. */
export function far(log: KafkaLog, ways: Ways, { roundTripMs, count, clock }: FarOptions): KafkaLog {
  return {
    ...log,
    async offsets(topic, options) {
      count?.()
      await ways.half(roundTripMs)
      const at = clock && Math.floor(clock())
      const found = await log.offsets(topic, options)
      await ways.half(roundTripMs)
      if (at === undefined) return found
      return found.map((each): ClockedOffsets => ({ ...each, clock: { life: 'gateway', at } }))
    },
    async read(topic, positions, options) {
      count?.()
      await ways.half(roundTripMs)
      const found = await log.read(topic, positions, options)
      await ways.half(roundTripMs)
      return found
    },
  }
}

/** A tail in its place, which may be replaced by a new one that knows nothing. */
export class TailPlace {
  readonly #ways: Ways
  readonly #roundTripMs: number
  readonly #begin: () => TailState
  #state: TailState

  constructor(ways: Ways, log: KafkaLog, roundTripMs: number) {
    this.#ways = ways
    this.#roundTripMs = roundTripMs
    this.#begin = () => new TailState({ log, runtime: ways.runtime() })
    this.#state = this.#begin()
  }

  restart(): void {
    this.#state = this.#begin()
  }

  async ask(path: string): Promise<Response> {
    await this.#ways.half(this.#roundTripMs)
    const answer = await answerTail(this.#state, new Request(`https://tail${path}`))
    await this.#ways.half(this.#roundTripMs)
    return answer
  }
}

/** The store of a colo. */
export function storeOf(time: VirtualTime, ways: Ways, count: () => void): ProofStore {
  const entries = new Map<string, { readonly text: string; readonly at: number }>()
  return {
    async get(name) {
      count()
      await ways.half(ROUND_TRIP_MS.store)
      const entry = entries.get(name)
      await ways.half(ROUND_TRIP_MS.store)
      return entry && time.now - entry.at <= STORE_TTL_MS ? entry.text : undefined
    },
    async put(name, text) {
      await ways.half(ROUND_TRIP_MS.store)
      entries.set(name, { text, at: time.now })
      await ways.half(ROUND_TRIP_MS.store)
    },
  }
}
