/**
 * Tails that isolates of some colos share, and the stores of these colos: what they do, and what faults make of it.
 *
 * @module
 */
import type { ProofStore } from '../../../adapters/sharing/tail.ts'
import type { ClockedOffsets } from '../../../adapters/sharing/tail/place.ts'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import { tailLog } from '../../../adapters/sharing/tail/tail-log.ts'
import { STORE_LIMITS } from '../../../adapters/sharing/tail/limits.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { TailPlan } from '../scenario.ts'
import { type HttpAnswer, responseOf } from './http.ts'
import { Life } from './life.ts'
import type { Network } from './network.ts'
import { pick, type Random } from './random.ts'
import type { Record } from './record.ts'
import type { Trouble } from './trouble.ts'
import { places, type Universe } from './universe.ts'

/** A proof has room for one record or two. */
const SMALL = { proofChars: 1250, segmentOffsets: 2, segmentChars: 8000 }
const SECRET = 'c2ltdWxhdGVk'.repeat(4)
const EVICTIONS = 'cache-evictions'
/** How long a store takes, at most. */
const STORE_MS = 12

export interface TailsOptions {
  readonly plan: TailPlan
  readonly universe: Universe
  readonly trouble: Trouble
  readonly network: Network
  readonly record: Record
  /** How a tail reaches Kafka. */
  readonly connect: () => KafkaLog
}

/** One life of a tail: what it samples is lost with it. */
interface Tail {
  readonly life: Life
  readonly state: TailState
}

export class Tails {
  readonly #options: TailsOptions
  readonly #random: Random
  /** The one in its place now, and those before that still answer. */
  readonly #tails: { current: Tail; former: Tail[] }[]
  readonly #stores: ProofStore[]
  #lives = 0

  constructor(options: TailsOptions) {
    this.#options = options
    const { plan, universe } = options
    this.#random = universe.randomOf('tails')
    this.#tails = Array.from({ length: plan.tails }, (_, at) => ({ current: this.#begin(at), former: [] }))
    this.#stores = Array.from({ length: plan.colos }, (_, at) => this.#store(at))
  }

  /** The log of an isolate. */
  connect(origin: KafkaLog, seat: number): KafkaLog {
    const { plan } = this.#options
    const colo = seat % plan.colos
    return tailLog(
      {
        origin: this.#watched(origin, 'isolate', seat),
        ask: (path, { signal }) => this.#ask(colo % plan.tails, seat, path, signal),
        requestTimeout: 3000,
        ...(plan.store && { store: this.#stores[colo]!, secret: SECRET }),
      },
      plan.small ? SMALL : STORE_LIMITS,
    )
  }

  /** Every tail that lives. */
  get lives(): Life[] {
    return this.#tails.flatMap(({ current, former }) => [current, ...former]).map(({ life }) => life)
  }

  /** They lose all that they know, and what is under way. */
  kill(): void {
    for (const [at, place] of this.#tails.entries()) {
      place.current.life.die()
      place.current = this.#begin(at)
    }
  }

  /** They lose all that they know; what is under way is still answered. */
  hibernate(): void {
    for (const [at, place] of this.#tails.entries()) place.current = this.#begin(at)
  }

  /** Others take their places, and for as long as this lasts both answer. */
  double(): () => void {
    const before = this.#tails.map(({ current }) => current)
    for (const [at, place] of this.#tails.entries()) {
      place.former.push(place.current)
      place.current = this.#begin(at)
    }
    return () => {
      for (const place of this.#tails) place.former = place.former.filter((each) => !before.includes(each))
    }
  }

  #begin(at: number): Tail {
    const { universe } = this.#options
    const life = new Life({
      universe,
      name: `tail ${at} ${this.#lives++}`,
      skewMs: Math.floor(this.#random() * 10_000) - 5000,
      isolatesRequests: false,
      onHidden: () => undefined,
      onDeath: () => undefined,
      onSettled: () => undefined,
    })
    const state = life.place.enter(
      () => new TailState({ log: this.#upstream(at), runtime: systemRuntime({ isolatesRequests: false }) }),
    )
    life.starting = false
    return { life, state }
  }

  /** Kafka, as a tail sees it: where the gateway tells its clock the ends have its reading. */
  #upstream(at: number): KafkaLog {
    const { plan, universe } = this.#options
    const log = this.#watched(this.#options.connect(), 'tail', at)
    return {
      ...log,
      offsets: async (topic, options) => {
        const clock = { life: 'gateway', at: Math.floor(universe.now) }
        const bounds = await log.offsets(topic, options)
        return plan.clock === 'own' ? bounds : bounds.map((each): ClockedOffsets => ({ ...each, clock }))
      },
    }
  }

  /** What of Kafka's evictions is asked for goes into the trace. */
  #watched(log: KafkaLog, by: 'tail' | 'isolate', which: number): KafkaLog {
    const tell = (topic: string, operation: 'offsets' | 'read') => {
      if (topic === EVICTIONS) this.#options.record.tell({ type: 'upstream', by, which, operation })
    }
    return {
      ...log,
      offsets(topic, options) {
        tell(topic, 'offsets')
        return log.offsets(topic, options)
      },
      read(topic, positions, options) {
        tell(topic, 'read')
        return log.read(topic, positions, options)
      },
    }
  }

  async #ask(at: number, seat: number, path: string, signal: AbortSignal): Promise<Response> {
    const { network, trouble, universe } = this.#options
    const answer = await network.send<HttpAnswer>({
      seat,
      signal,
      arrive: async (random) => {
        if (trouble.meets('tail_overloaded', seat, random))
          return { status: 503, headers: { 'retry-after': '1' }, text: '' }
        const { current, former } = this.#tails[at]!
        const { life, state } = former.length > 0 && random() < 0.5 ? pick(random, former) : current
        const told = await new Promise<HttpAnswer>((resolve, reject) => {
          const lost = () => reject(new TypeError('fetch failed'))
          const work = async () => {
            const response = await answerTail(state, new Request(`http://tail${path}`))
            const text = await response.text()
            universe.after(0, () => resolve({ status: response.status, text }))
          }
          universe.at(universe.now, life.place, () => void work(), lost)
        })
        const lateMs = trouble.delay('tail_late', seat, random)
        if (lateMs > 0) await universe.sleep(lateMs)
        return told
      },
    })
    return responseOf(answer, signal)
  }

  /** The store of a colo. It may answer with what it had at any time, lose entries, take them late, or hold another's. */
  #store(colo: number): ProofStore {
    const { universe, trouble } = this.#options
    const random = universe.randomOf(`store ${colo}`)
    const entries = new Map<string, string[]>()
    const way = (): Promise<void> => {
      const place = places.getStore() ?? universe.outside
      if (place.life?.step() === false) return new Promise(() => undefined)
      return new Promise((resolve) => void universe.at(universe.now + random() * STORE_MS, place, resolve))
    }
    const any = (name: string) => pick(random, entries.get(name) ?? [''])
    return {
      async get(name) {
        await way()
        const all = entries.get(name)
        if (all === undefined) return undefined
        if (trouble.meets('store_poisoned', undefined, random))
          return poisoned(random() < 0.7 ? all.at(-1)! : any(pick(random, [...entries.keys()])), random)
        return trouble.meets('store_stale', undefined, random) ? any(name) : all.at(-1)
      },
      async put(name, text) {
        await way()
        if (trouble.meets('store_lost', undefined, random)) return
        const put = () => void entries.set(name, [...(entries.get(name) ?? []).slice(-50), text])
        const lateMs = trouble.delay('store_late', undefined, random)
        if (lateMs > 0) universe.after(lateMs, put)
        else put()
      },
    }
  }
}

/** What another Worker of the zone may have written: garbage, another version, an echo of no question, a later moment, a gap. */
function poisoned(entry: string, random: Random): string {
  const isSegment = !entry.includes('"life"')
  const way = isSegment && random() < 0.7 ? 5 : Math.floor(random() * 7)
  if (way === 0) return entry.slice(0, Math.floor(random() * entry.length))
  if (way === 1) return entry.replace('"v":1', '"v":2')
  if (way === 2) return entry.replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) + 5000}`)
  if (way === 3) return entry.replace(/}$/, ',"theirs":0}')
  if (way >= 5) return entry.replace(/\[\d+,[^\]]*\],?/, '')
  // Of another place, or as it was: a signature that counts for another name.
  return entry
}
