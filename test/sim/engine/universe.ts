/**
 * True time, and its events. Only they make time pass.
 *
 * After each event everything that is runnable runs to its end: an immediate of Node's is followed by all of its
 * microtasks and ticks, before the next one. So an event is one immediate, and no turns are counted.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Life } from './life.ts'
import { Queue } from './queue.ts'
import { type Random, randomOf } from './random.ts'
import type { SimRequest } from './request.ts'

/** Where code runs: in which isolate and for which request. Other code runs in the world outside, by true time. */
export interface Place {
  readonly universe: Universe
  readonly life: Life | undefined
  readonly request: SimRequest | undefined
  /** Of a loop that never ends: it stands still where no other task has anything to do for long. */
  readonly background: boolean
  /** Runs something there. */
  readonly enter: <T>(task: () => T) => T
}

export const places: AsyncLocalStorage<Place> = new AsyncLocalStorage<Place>()

/** A place, which is made once and entered often. */
export function placeOf(parts: Omit<Place, 'enter'>): Place {
  const place: { -readonly [Part in keyof Place]: Place[Part] } = { ...parts, enter: (task) => task() }
  place.enter = places.run(place, () => AsyncLocalStorage.snapshot())
  return place
}

export interface Happening {
  at: number
  turn: number
  readonly place: Place
  /** Absent once it was called off. */
  run: (() => void) | undefined
  /** Called instead, where its isolate or its request is gone. */
  readonly lost: (() => void) | undefined
}

/** The wall clock at the beginning: milliseconds since the epoch. */
export const EPOCH = 1_700_000_000_000
/** Immediates that are asked of Node at once. */
const BATCH = 64
/** Beyond it the code runs in an endless loop. */
const MAX_HAPPENINGS = 3_000_000

export class Universe {
  readonly outside: Place
  readonly random: Random
  #now = 0
  #turn = 0
  #happened = 0
  #quietUntil = 0
  #touched: Life | undefined
  readonly #queue = new Queue<Happening>()
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
    this.outside = placeOf({ universe: this, life: undefined, request: undefined, background: false })
    this.random = this.randomOf('world')
  }

  /** True time, in milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** How many events there were. */
  get happened(): number {
    return this.#happened
  }

  randomOf(name: string): Random {
    return randomOf(this.#seed, name)
  }

  /** Something happens in a place at a time. */
  at(time: number, place: Place, run: () => void, lost?: () => void): Happening {
    const happening = { at: Math.max(time, this.#now), turn: this.#turn++, place, run, lost }
    this.#queue.push(happening)
    return happening
  }

  /** Something happens in the world outside, after `ms`. */
  after(ms: number, run: () => void): Happening {
    return this.at(this.#now + ms, this.outside, run)
  }

  /** To be called outside of any isolate. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** Happens now, after what is queued for now: what was held back while its isolate stood still. */
  again(happening: Happening): void {
    happening.at = Math.max(happening.at, this.#now)
    happening.turn = this.#turn++
    this.#queue.push(happening)
  }

  /** Loops that never end stand still until then: it changes nothing, and saves much time. */
  quiet(until: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, until)
  }

  /** Runs `main` in the world outside, and everything that comes of it, until `main` ends. */
  run<T>(main: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false
      let left = 0
      const end = (settle: () => void) => {
        over = true
        settle()
      }
      this.outside.enter(main).then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => reject(error)),
      )
      const turn = (): void => {
        left--
        if (over) return
        try {
          this.#next()
        } catch (error) {
          return end(() => reject(error))
        }
        if (left === 0) more()
      }
      const more = (): void => {
        for (left = 0; left < BATCH; left++) setImmediate(turn)
      }
      more()
    })
  }

  #next(): void {
    this.#touched?.settled()
    this.#touched = undefined
    const next = this.#queue.pop()
    if (next === undefined) throw new Error('nothing is left that could happen')
    const { run, place } = next
    if (run === undefined) return
    if (place.background && next.at < this.#quietUntil) {
      next.at = this.#quietUntil
      next.turn = this.#turn++
      return this.#queue.push(next)
    }
    if (++this.#happened > MAX_HAPPENINGS) throw new Error('too much happens: something runs in a circle')
    this.#now = Math.max(this.#now, next.at)
    const { life, request } = place
    if (life === undefined) return place.enter(run)
    if (!life.alive || request?.dropped) return next.lost && this.outside.enter(next.lost)
    if (life.frozen) return life.hold(next)
    this.#touched = life
    place.enter(run)
  }
}
