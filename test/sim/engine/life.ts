/**
 * One life of an isolate: its clocks, what it draws, its requests; and that it may stand still, or end at any step of
 * its I/O.
 *
 * @module
 */
import { Clock } from './clock.ts'
import type { Random } from './random.ts'
import { SimRequest } from './request.ts'
import { EPOCH, type Happening, type Place, placeOf, type Universe } from './universe.ts'

export interface LifeOptions {
  readonly universe: Universe
  readonly name: string
  readonly skewMs: number
  readonly isolatesRequests: boolean
  /** Called when it looks at its clocks after they have stepped back, and cannot see it: since when, and by how much. */
  readonly onHidden: (since: number, ms: number) => void
  /** Called when it ends. */
  readonly onDeath: () => void
  /** Called when everything that is runnable in it has run. */
  readonly onSettled: () => void
}

export class Life {
  readonly universe: Universe
  readonly isolatesRequests: boolean
  /** Outside of any request. */
  readonly place: Place
  readonly random: Random
  readonly wall: Clock
  readonly monotonic: Clock
  alive = true
  frozen = false
  /** At module scope, clocks of Workers show nothing. */
  starting = true
  /** Read from outside the simulation: that counts for nothing. */
  observed = false
  readonly #options: LifeOptions
  readonly #requests = new Set<SimRequest>()
  #ending: SimRequest[] = []
  #held: Happening[] = []
  #killIn = Infinity
  #frozenUntil = 0
  #countsFrozen = true
  #monotonicThen = 0
  #monotonicShown = 0
  #wallShown = 0
  /** Steps back that it has not seen yet. */
  #steps: { readonly at: number; readonly ms: number }[] = []

  constructor(options: LifeOptions) {
    const { universe, skewMs, isolatesRequests, name } = options
    this.#options = options
    this.universe = universe
    this.isolatesRequests = isolatesRequests
    this.place = placeOf({ universe, life: this, request: undefined, background: false })
    this.random = universe.randomOf(name)
    this.wall = new Clock(0, EPOCH + skewMs)
    this.monotonic = new Clock(universe.now, Math.floor(this.random() * 1e6))
  }

  /** A step of I/O. Whether it is alive after it. */
  step(): boolean {
    if (this.observed || !this.alive) return this.alive
    if (this.#killIn-- > 0) return true
    this.die()
    return false
  }

  now(): number {
    this.step()
    if (this.starting && this.isolatesRequests) return 0
    const shown = Math.floor(this.wall.read(this.universe.now))
    // The product may look at both before it knows: the look at the monotonic clock decides.
    if (this.#steps.length === 0) this.#wallShown = shown
    return shown
  }

  performance(): number {
    this.step()
    if (this.starting && this.isolatesRequests) return 0
    const shown = this.monotonic.read(this.universe.now)
    // As much time had passed since its last look: no clock shows the step back. A few milliseconds may be rounding.
    const wall = this.wall.read(this.universe.now)
    const isHidden = shown >= this.#monotonicShown && wall > this.#wallShown - 4
    if (this.alive && isHidden) for (const { at, ms } of this.#steps) this.#options.onHidden(at, ms)
    this.#steps = []
    this.#monotonicShown = shown
    this.#wallShown = Math.floor(wall)
    return shown
  }

  /** Both clocks step back, as one. */
  stepBack(ms: number): void {
    const { now } = this.universe
    this.wall.step(now, -ms)
    this.monotonic.step(now, -ms)
    this.#steps.push({ at: now, ms })
  }

  /** It ends at one of its next steps. */
  killAfter(steps: number): void {
    this.#killIn = Math.min(this.#killIn, steps)
  }

  /** It does not end, after all. */
  spare(): void {
    this.#killIn = Infinity
  }

  die(): void {
    if (!this.alive) return
    this.alive = false
    this.#held = []
    this.#options.onDeath()
  }

  /** @param counts whether the monotonic clock goes on meanwhile */
  freeze(forMs: number, counts: boolean): void {
    const { now } = this.universe
    this.#frozenUntil = Math.max(this.#frozenUntil, now + forMs)
    if (!this.frozen) {
      this.frozen = true
      this.#countsFrozen = counts
      this.#monotonicThen = this.monotonic.read(now)
    }
  }

  /**
   * Goes on, if its time has come: what is overdue happens at once, in its order.
   * @param first runs before it
   */
  thaw(force = false, first?: () => void): boolean {
    const { now } = this.universe
    if (!this.frozen || (!force && now < this.#frozenUntil)) return false
    this.frozen = false
    if (!this.#countsFrozen) this.monotonic.set(now, this.#monotonicThen)
    const held = this.#held
    this.#held = []
    if (this.alive) first?.()
    for (const happening of held) this.universe.again(happening)
    return this.alive
  }

  hold(happening: Happening): void {
    this.#held.push(happening)
  }

  open(id: number): SimRequest {
    const request = new SimRequest(id, this)
    this.#requests.add(request)
    return request
  }

  /** Not answered yet: the oldest first. */
  get unanswered(): SimRequest[] {
    return [...this.#requests].filter(({ answered, cancelled }) => !answered && !cancelled)
  }

  /** Answered, and not over yet. */
  get lingering(): SimRequest[] {
    return [...this.#requests].filter(({ answered }) => answered)
  }

  ends(request: SimRequest): void {
    this.#ending.push(request)
  }

  answered(request: SimRequest): void {
    if (!this.isolatesRequests) this.#requests.delete(request)
  }

  dropped(request: SimRequest): void {
    this.#requests.delete(request)
  }

  settled(): void {
    if (this.#ending.length > 0) {
      for (const request of this.#ending) request.check()
      this.#ending = this.#ending.filter(({ dropped }) => !dropped)
    }
    if (this.alive) this.#options.onSettled()
  }
}
