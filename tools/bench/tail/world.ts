/**
 * A world in virtual time: the product's caches over the product's tails, a log, and writers. Nothing here knows how a proof is
 * made; the checker at the end of each read knows what was acknowledged, and when.
 *
 * @module
 */
import { tail } from '../../../adapters/sharing/tail.ts'
import { createCache } from '../../../src/index.ts'
import type { Cache, Namespace } from '../../../src/index.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { memory, MemoryLog, seededRandom } from '../../../src/testing/index.ts'
import { Counts, Durations } from './counts.ts'
import { far, storeOf, TailPlace, Ways, type FarOptions } from './places.ts'
import { ROUND_TRIP_MS, type Plan, type Seen } from './plan.ts'
import { signHere, VirtualTime } from './virtual-time.ts'

const TOPIC = 'cache-evictions'
const SECRET = 'YmVuY2htYXJr'.repeat(4)
/** Few, so that every isolate holds what is evicted. */
const KEYS = 3
/** A commit is this old when its eviction is published. */
const COMMIT_MS = 5
/** Isolates begin within this time. The part before the measured time is a quarter of all, at most five seconds. */
const BEGIN_MS = 1000
const FIRST_EVICTION_MS = 1500
const SETTLE = { part: 0.25, mostMs: 5000 }
/** Two clocks that count whole milliseconds. */
const GRAIN_MS = 2

interface Isolate {
  readonly cache: Cache
  readonly rows: (keepAlive: (work: Promise<unknown>) => void) => Namespace<number>
}

/** Runs the world of this plan. The same plan has the same outcome. */
export async function simulate(plan: Plan): Promise<Seen> {
  const restore = signHere()
  try {
    return await new World(plan).run()
  } finally {
    restore()
  }
}

class World {
  readonly #plan: Plan
  readonly #random: () => number
  readonly #time = new VirtualTime()
  readonly #ways: Ways
  readonly #from: number
  readonly #log: KafkaLog
  readonly #counts: Readonly<
    Record<'origin' | 'tail' | 'match' | 'poll' | 'adopted' | 'failed' | 'lost', Counts>
  >
  readonly #dropped = new Durations()
  /** What the source has of each key: how often it was changed. */
  readonly #source: number[] = Array.from({ length: KEYS }, () => 0)
  /** When the eviction of each version was acknowledged, by key. */
  readonly #acknowledged: number[][] = Array.from({ length: KEYS }, () => [])
  readonly #acknowledgedAt: number[] = []
  readonly #tails: TailPlace[]
  #judged = { reads: 0, hits: 0, tooLong: 0, longestMs: 0 }

  constructor(plan: Plan) {
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
    this.#ways = new Ways(this.#time, this.#random)
    this.#from = Math.min(SETTLE.mostMs, plan.seconds * 1000 * SETTLE.part)
    const counts = () => new Counts(() => this.#time.now, this.#from)
    this.#counts = {
      origin: counts(),
      tail: counts(),
      match: counts(),
      poll: counts(),
      adopted: counts(),
      failed: counts(),
      lost: counts(),
    }
    const on = new MemoryLog({ topics: { [TOPIC]: 1 }, now: () => this.#time.now, random: this.#random })
    this.#log = memory({ on, runtime: this.#ways.runtime() })
    const clock = plan.clock === 'gateway' ? this.#ways.clock() : undefined
    const isGateway = plan.way === 'gateway'
    const upstream = isGateway
      ? far(this.#log, this.#ways, { roundTripMs: ROUND_TRIP_MS.cluster, clock })
      : far(this.#log, this.#ways, { ...this.#origin, clock })
    const roundTripMs = isGateway ? ROUND_TRIP_MS.origin : ROUND_TRIP_MS.tail
    this.#tails = Array.from({ length: plan.tails }, () => new TailPlace(this.#ways, upstream, roundTripMs))
  }

  get #origin(): FarOptions {
    return { roundTripMs: ROUND_TRIP_MS.origin, count: this.#counts.origin.add }
  }

  async run(): Promise<Seen> {
    const { isolates: count, colos, seconds, restartEveryMs } = this.#plan
    const stores = Array.from({ length: colos }, () =>
      storeOf(this.#time, this.#ways, this.#counts.match.add),
    )
    const isolates = Array.from({ length: count }, (_, at) => this.#isolate(at % colos, stores[at % colos]!))
    for (const isolate of isolates) this.#time.after(this.#random() * BEGIN_MS, () => this.#arrive(isolate))
    const writer = createCache({
      kafka: this.#log,
      runtime: this.#ways.runtime(),
      ttl: '10m',
      maxEntries: 10,
    })
    this.#time.after(FIRST_EVICTION_MS, () => this.#write(writer.namespace('rows')))
    if (restartEveryMs !== undefined)
      this.#every(restartEveryMs, (nth) => this.#tails[nth % this.#tails.length]!.restart())
    await this.#time.run(seconds * 1000)
    return this.#seen()
  }

  #isolate(colo: number, store: ReturnType<typeof storeOf>): Isolate {
    const { way, maxStalenessMs, refreshAfterMs } = this.#plan
    const runtime = this.#ways.runtime()
    const place = this.#tails[colo % this.#tails.length]!
    let asked = 0
    const ask = (path: string): Promise<Response> => {
      asked++
      this.#counts.tail.add()
      if (way === 'gateway') this.#counts.origin.add()
      return place.ask(path)
    }
    const kafka =
      way === 'direct'
        ? far(this.#log, this.#ways, this.#origin)
        : tail({ origin: this.#log, ask, runtime, ...(way !== 'tail' && { store, secret: SECRET }) })
    const counted: KafkaLog = {
      ...kafka,
      offsets: async (topic, options) => {
        const before = asked
        const found = await kafka.offsets(topic, options)
        this.#counts.poll.add()
        if (asked === before) this.#counts.adopted.add()
        return found
      },
    }
    const cache = createCache({
      kafka: counted,
      runtime,
      ttl: '10m',
      maxStaleness: maxStalenessMs,
      refreshAfter: refreshAfterMs,
      onUnreachable: 'bypass',
      maxEntries: 10,
      onEvent: (event) => {
        if (event.type === 'poll_failed') this.#counts.failed.add()
        if (event.type === 'reanchor' && event.reason !== 'start') this.#counts.lost.add()
        if (event.type === 'evict') this.#applied(event.offset)
      },
    })
    return {
      cache,
      rows: (waitUntil) => cache.for({ waitUntil }).namespace<number>('rows'),
    }
  }

  #applied(offset: number): void {
    const acknowledged = this.#acknowledgedAt[offset]
    // An isolate may know of it before its writer does.
    if (this.#time.now >= this.#from) this.#dropped.add(this.#time.now - (acknowledged ?? this.#time.now))
  }

  #arrive(isolate: Isolate): void {
    void this.#request(isolate)
    this.#time.after(this.#exponential(1000 / this.#plan.requests), () => this.#arrive(isolate))
  }

  async #request({ rows }: Isolate): Promise<void> {
    const key = Math.floor(this.#random() * KEYS)
    const began = this.#time.now
    const entry = await rows((work) => void work.catch(() => undefined)).getEntry(String(key), async () => {
      await this.#ways.half(ROUND_TRIP_MS.source)
      const version = this.#source[key]!
      await this.#ways.half(ROUND_TRIP_MS.source)
      return version
    })
    if (began < this.#from) return
    this.#judged.reads++
    if (entry.from !== 'memory') return
    this.#judged.hits++
    const evicted = this.#acknowledged[key]![entry.value! + 1]
    if (evicted === undefined || entry.staleBecause !== undefined) return
    const lateMs = this.#time.now - evicted
    this.#judged.longestMs = Math.max(this.#judged.longestMs, lateMs)
    if (lateMs > this.#plan.maxStalenessMs + GRAIN_MS) this.#judged.tooLong++
  }

  #write(rows: Namespace<unknown>): void {
    const key = Math.floor(this.#random() * KEYS)
    const version = ++this.#source[key]!
    this.#time.after(COMMIT_MS, () => {
      void this.#evict(rows, key, version)
    })
    this.#time.after(this.#exponential(1000 / this.#plan.evictions), () => this.#write(rows))
  }

  async #evict(rows: Namespace<unknown>, key: number, version: number): Promise<void> {
    await rows.delete(String(key))
    this.#acknowledgedAt.push(this.#time.now)
    this.#acknowledged[key]![version] = this.#time.now
  }

  #every(ms: number, task: (nth: number) => void, nth = 0): void {
    this.#time.after(ms, () => {
      task(nth)
      this.#every(ms, task, nth + 1)
    })
  }

  #exponential(meanMs: number): number {
    return -Math.log(1 - this.#random()) * meanMs
  }

  #seen(): Seen {
    const { origin, tail: asked, match, poll, adopted, failed, lost } = this.#counts
    const seconds = this.#plan.seconds - this.#from / 1000
    return {
      origin: origin.total / seconds,
      evictions: this.#acknowledgedAt.filter((moment) => moment >= this.#from).length / seconds,
      tail: asked.total / seconds,
      tailPeak: asked.peak,
      matches: match.total / seconds,
      polls: poll.total / seconds,
      adopted: adopted.total / poll.total,
      dropped: { p50: this.#dropped.quantile(0.5), p99: this.#dropped.quantile(0.99) },
      ...this.#judged,
      failures: failed.total,
      reanchors: lost.total,
      seconds,
    }
  }
}
