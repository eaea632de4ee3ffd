/**
 * A request of an isolate, as far as the platform knows it.
 *
 * Where requests are isolated its I/O is its own, as in workerd: it goes on after the answer only for what was given
 * to `waitUntil`, and for 30 seconds at most; a client that hangs up ends it in the same way.
 *
 * @module
 */
import type { RequestContext } from '../../../src/api/read-types.ts'
import type { Life } from './life.ts'
import { type Happening, type Place, placeOf } from './universe.ts'

/** Cloudflare's limit for `waitUntil`. */
const GRACE_MS = 30_000

export class SimRequest implements RequestContext {
  readonly id: number
  readonly place: Place
  readonly beganAt: number
  /** Its timers and answers never come. */
  dropped = false
  cancelled = false
  /** The answer was sent. */
  answered = false
  readonly #life: Life
  #pending = 0
  #limit: Happening | undefined

  constructor(id: number, life: Life) {
    const { universe } = life
    this.id = id
    this.#life = life
    this.beganAt = universe.now
    this.place = placeOf({ universe, life, request: this, background: false })
  }

  readonly waitUntil = (promise: Promise<unknown>): void => {
    this.#pending++
    const settled = () => void this.#pending--
    promise.then(settled, settled)
  }

  answer(): void {
    this.answered = true
    this.#life.answered(this)
    this.#end()
  }

  cancel(): void {
    this.cancelled = true
    this.#end()
    this.check()
  }

  /** Checked when everything that is runnable has run. */
  check(): void {
    if (this.#life.isolatesRequests && (this.answered || this.cancelled) && this.#pending === 0) this.drop()
  }

  /** What it left behind ends at once. */
  cut(): boolean {
    if (!this.answered || this.dropped) return false
    this.drop()
    return true
  }

  drop(): void {
    if (this.dropped) return
    this.dropped = true
    if (this.#limit) this.#limit.run = undefined
    this.#life.dropped(this)
  }

  #end(): void {
    if (!this.#life.isolatesRequests || this.dropped) return
    const { universe } = this.#life
    this.#limit ??= universe.after(GRACE_MS, () => this.drop())
    this.#life.ends(this)
  }
}
