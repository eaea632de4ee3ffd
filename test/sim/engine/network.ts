/**
 * The way to a proxy and back: it takes time, and may lose requests and answers.
 *
 * A request that was sent arrives whatever becomes of its sender; an answer reaches the sender, where it is still
 * there.
 *
 * @module
 */
import type { Random } from './random.ts'
import type { Trouble } from './trouble.ts'
import { type Place, places, type Universe } from './universe.ts'

export interface Sending<A> {
  /** Whose connection it is; `undefined` for clients that are no isolate of the scenario. */
  readonly seat: number | undefined
  readonly signal: AbortSignal | undefined
  /** Called when the request arrives, in the world outside. */
  readonly arrive: (random: Random) => Promise<A>
}

/** At the proxy: not answered yet. */
interface Open {
  readonly reset: () => void
}

/** Ways take no longer than this part of the longest one, most of the time. */
const USUAL_PART = 0.3

export class Network {
  readonly trouble: Trouble
  readonly #universe: Universe
  readonly #latencyMs: number
  readonly #randoms = new Map<number | undefined, Random>()
  readonly #open = new Set<Open>()
  /** Requests that were sent and did not arrive yet. */
  #under = 0

  constructor(universe: Universe, trouble: Trouble, latencyMs: number) {
    this.#universe = universe
    this.trouble = trouble
    this.#latencyMs = latencyMs
  }

  /** How many requests are under way, or at a proxy. */
  get busy(): number {
    return this.#under + this.#open.size
  }

  /** To be called where the sender is. */
  send<A>({ seat, signal, arrive }: Sending<A>): Promise<A> {
    const universe = this.#universe
    const place = places.getStore() ?? universe.outside
    const random = this.randomOf(seat)
    const { trouble } = this
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      const way = this.#way(random)
      if (trouble.any) {
        if (trouble.meets('request_lost', seat, random)) {
          return void universe.at(universe.now + way, place, () => reject(broken()))
        }
        if (trouble.meets('request_swallowed', seat, random)) return undefined
        if (trouble.is('cold_outage', seat)) {
          if (random() < 0.5) universe.at(universe.now + way, place, () => reject(broken()))
          return undefined
        }
      }
      const late = trouble.delay('request_late', seat, random)
      const first = { arrive, resolve, reject, place, seat }
      this.#arrives(way + late, first)
      if (trouble.any && trouble.meets('request_doubled', seat, random)) {
        this.#arrives(way + late + this.#way(random) + random() * 2000, {
          ...first,
          resolve: () => undefined,
          reject: () => undefined,
        })
      }
      return undefined
    })
  }

  randomOf(seat: number | undefined): Random {
    let random = this.#randoms.get(seat)
    if (!random) this.#randoms.set(seat, (random = this.#universe.randomOf(`way ${seat}`)))
    return random
  }

  /** Everything that is at a proxy loses its connection. */
  reset(): void {
    for (const open of this.#open) open.reset()
    this.#open.clear()
  }

  #arrives<A>(ms: number, exchange: Exchange<A>): void {
    this.#under++
    this.#universe.after(ms, () => {
      this.#under--
      void this.#serve(exchange)
    })
  }

  async #serve<A>({ arrive, resolve, reject, place, seat }: Exchange<A>): Promise<void> {
    const universe = this.#universe
    const random = this.randomOf(seat)
    const { trouble } = this
    const back = (ms: number, settle: () => void) => void universe.at(universe.now + ms, place, settle)
    if (trouble.any && trouble.is('proxy_restart', seat))
      return back(this.#way(random), () => reject(broken()))
    let isReset = false
    const open: Open = {
      reset: () => {
        isReset = true
        trouble.count('proxy_restart')
        back(this.#way(random), () => reject(broken()))
      },
    }
    this.#open.add(open)
    let settle: () => void
    try {
      const answer = await arrive(random)
      settle = () => resolve(answer)
    } catch (error) {
      settle = () => reject(error)
    }
    this.#open.delete(open)
    if (isReset) return undefined
    let ms = this.#way(random)
    if (trouble.any) {
      if (trouble.meets('answer_lost', seat, random)) return undefined
      ms += trouble.delay('answer_late', seat, random) + trouble.delay('answers_reordered', seat, random)
      if (trouble.meets('answer_reset', seat, random)) return back(ms, () => reject(broken()))
    }
    return back(ms, settle)
  }

  #way(random: Random): number {
    const most = this.#latencyMs
    return random() * (random() < 0.9 ? most * USUAL_PART : most)
  }
}

interface Exchange<A> {
  readonly arrive: (random: Random) => Promise<A>
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
  readonly place: Place
  readonly seat: number | undefined
}

/** What `fetch` rejects with when there is no connection. */
const broken = () => new TypeError('fetch failed')
