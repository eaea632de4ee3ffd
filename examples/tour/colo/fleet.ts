/**
 * Isolates of one data center, each with a cache of its own: they poll the log themselves, or share a tail and a store.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { tail, type ProofStore } from '../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import { createCache } from '../../../src/index.ts'
import type { Cache } from '../../../src/index.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { Meter } from './meter.ts'
import type { Rows } from './rows.ts'

export const MAX_STALENESS_MS = 2000
const REFRESH_AFTER_MS = 500
/** Made longer than the loopback is: the log is somewhere else, the tail in the region, the store in the house. */
const ROUND_TRIP_MS = { log: 40, tail: 10, store: 2 } as const
/** Of each isolate, a second. */
const REQUESTS = 4

/** Where the last proof of freshness came from. */
type Source = 'log' | 'tail' | 'store'

export interface Isolate {
  readonly cache: Cache
  proof: Source | undefined
  /** What it read last, and whether it held it. */
  version: number | undefined
  isHit: boolean
}

export interface FleetOptions {
  /** Of the gateway before the log. */
  readonly url: string
  readonly shares: boolean
  readonly rows: Rows
  readonly signal: AbortSignal
}

export class Fleet {
  readonly isolates: Isolate[] = []
  readonly now = (): number => performance.now()
  /** Requests at the log, by all of them and by their tail. */
  readonly log: Meter = new Meter(this.now)
  readonly questions: Meter = new Meter(this.now)
  readonly polls: Meter = new Meter(this.now)
  readonly adopted: Meter = new Meter(this.now)
  /** How long a value was served after its eviction was acknowledged, at most. */
  longestMs = 0
  #isPaused = false
  readonly #options: FleetOptions
  readonly #tail: TailState
  readonly #store: ProofStore = storeOf()
  readonly #secret = crypto.getRandomValues(new Uint8Array(32))
  readonly #loops: Promise<void>[] = []

  constructor(options: FleetOptions) {
    this.#options = options
    this.#tail = new TailState({ log: this.#far() })
  }

  /** Isolates are born until there are so many. */
  grow(count: number): void {
    while (this.isolates.length < count) this.#loops.push(this.#live(this.#born()))
  }

  /** No request comes any more. */
  pause(): void {
    this.#isPaused = true
  }

  /** Resolves when all have ended, which they do when the signal aborts. */
  async close(): Promise<void> {
    await Promise.all(this.#loops)
    await Promise.all(this.isolates.map(({ cache }) => cache.close()))
  }

  /** The log over a longer way. Every request there counts. */
  #far(): KafkaLog {
    const far: typeof fetch = async (input, init) => {
      this.log.add()
      await sleep(ROUND_TRIP_MS.log / 2)
      const answer = await fetch(input, init)
      await sleep(ROUND_TRIP_MS.log / 2)
      return answer
    }
    return gateway({ url: this.#options.url, fetch: far })
  }

  #born(): Isolate {
    const isolate: Partial<Isolate> = { proof: undefined, version: undefined, isHit: false }
    const kafka = this.#options.shares ? this.#shared(isolate) : this.#far()
    const polled: KafkaLog = {
      ...kafka,
      offsets: async (topic, options) => {
        isolate.proof = this.#options.shares ? 'store' : 'log'
        const found = await kafka.offsets(topic, options)
        this.polls.add()
        // Who asks the tail says so meanwhile.
        if ((isolate.proof as Source) === 'store') this.adopted.add()
        return found
      },
    }
    const cache = createCache({
      kafka: polled,
      ttl: '10m',
      maxStaleness: MAX_STALENESS_MS,
      refreshAfter: REFRESH_AFTER_MS,
      onUnreachable: 'bypass',
    })
    const born = Object.assign(isolate, { cache }) as Isolate
    this.isolates.push(born)
    return born
  }

  #shared(isolate: Partial<Isolate>): KafkaLog {
    return tail({
      origin: gateway({ url: this.#options.url }),
      ask: async (path) => {
        isolate.proof = 'tail'
        this.questions.add()
        await sleep(ROUND_TRIP_MS.tail / 2)
        const answer = await answerTail(this.#tail, new Request(`https://tail${path}`))
        await sleep(ROUND_TRIP_MS.tail / 2)
        return answer
      },
      store: this.#store,
      secret: this.#secret,
    })
  }

  /** Requests, until the end. */
  async #live(isolate: Isolate): Promise<void> {
    const { rows, signal } = this.#options
    const space = isolate.cache.namespace<number>('rows')
    while (!signal.aborted) {
      if (!this.#isPaused) {
        const entry = await space.getEntry(rows.key, async () => rows.read())
        isolate.version = entry.value
        isolate.isHit = entry.from === 'memory'
        if (isolate.isHit) this.longestMs = Math.max(this.longestMs, rows.lateMs(entry.value!, this.now()))
      }
      await sleep((1000 / REQUESTS) * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined)
    }
  }
}

/** What the Cache API of a data center is to its isolates. */
function storeOf(): ProofStore {
  const held = new Map<string, string>()
  return {
    async get(name) {
      await sleep(ROUND_TRIP_MS.store)
      return held.get(name)
    },
    put: async (name, text) => void held.set(name, text),
  }
}
