/**
 * Time inside one cache: milliseconds since it was made, never backwards.
 *
 * Two clocks make it. The wall clock counts while a process is frozen (Lambda between invocations) but may
 * step back; the monotonic clock never steps but may stand still while frozen. An age is the larger of the two,
 * so a doubt makes things older, never younger (decision 15).
 *
 * Reading both on every hit would cost more than the lookup. {@link Clock.turn}, which hits use, reads the
 * wall clock alone while it moves forward in small steps; any jump, and at least every second, brings the
 * monotonic clock in, and so does everything that is not a hit. Until one of these, a wall clock that steps
 * back to within `STEP_MS` after its last reading can hide what has passed, from hits alone.
 *
 * Where the platform tells when a turn of its event loop ends, hits of a busy turn share a reading, as they do on Workers, whose
 * own clock stands still while code runs. So what blocks the loop is not seen until the turn is over, or a reading
 * has been used {@link TURN_USES} times, or anything but a hit has asked for the time (decision 13).
 *
 * In workerd `performance.now()` is `Date.now()`: one clock, which may step back. A monotonic reading below the last one, or
 * a wall clock that went back further than the monotonic one can explain, means that the time that passed is unknown:
 * {@link Clock.unknownBefore} is set to that moment, and `onUnknown` is called. A step back by less than has passed since
 * the last reading cannot be noticed: every reading is as if less time had passed.
 *
 * @module
 */
import type { Runtime } from '../ports/runtime.ts'

/** The largest advance of the wall clock that is taken without reading the monotonic one. */
const STEP_MS = 50
/** How long the wall clock is read alone at a stretch. */
const BOTH_EVERY_MS = 1000
/** How many reads of a turn may share one look at the clock. */
const TURN_USES = 64
/** How many looks at the clock are not cached after a turn that had few reads, and where turns are those of the event loop at first. */
const LONE_LOOKS = 15
/** Two clocks that tell the same time, each rounded to whole milliseconds, may differ by so much. */
const ROUNDING_MS = 2
/** This clock counts in whole milliseconds, the monotonic one does not. */
const GRAIN_MS = 2

export class Clock {
  /** How long ago any moment before this one was is unknown: the clocks have stepped back since. */
  unknownBefore: number = -Infinity
  readonly #runtime: Runtime
  readonly #onUnknown: (backMs: number) => void
  #lastWall: number
  /** Added to the wall clock to get the time of this cache. */
  #offset: number
  /** Both clocks at the last comparison. */
  #syncedAt = 0
  #syncedMonotonic: number
  /** Added to the monotonic clock, so that it never goes back. */
  #monotonicOffset = 0
  #lastMonotonic: number
  #turn = 0
  #turnUses = 0
  #loneLooks = 0
  /** The reading for which the platform was asked to tell the turn's end, until it tells. */
  #askedAt = -1
  readonly #afterTurn: ((task: () => void) => void) | undefined
  readonly #endTurn = () => {
    const few = this.#afterTurn === undefined ? 1 : LONE_LOOKS
    if (this.#turnUses > TURN_USES - few) this.#loneLooks = LONE_LOOKS
    this.#turnUses = 0
    this.#askedAt = -1
  }

  /** @param onUnknown called when the clocks have stepped back, with by how much at least, in milliseconds */
  constructor(runtime: Runtime, onUnknown: (backMs: number) => void = () => undefined) {
    this.#runtime = runtime
    this.#onUnknown = onUnknown
    // Where requests are isolated what one of them leaves to the event loop may be dropped with it.
    const canTell = !runtime.isolatesRequests && runtime.afterTurn !== undefined
    this.#afterTurn = canTell ? (task) => runtime.afterTurn!(task) : undefined
    if (this.#afterTurn) this.#loneLooks = LONE_LOOKS
    this.#lastWall = runtime.now()
    this.#offset = -this.#lastWall
    this.#lastMonotonic = runtime.monotonic()
    this.#syncedMonotonic = this.#lastMonotonic
  }

  /** Milliseconds since the cache was made, by both clocks. */
  now(): number {
    return this.#compare(this.#runtime.now())
  }

  /**
   * Milliseconds by the monotonic clock alone: it never runs ahead, and stands still where that clock steps back. Intents,
   * and sources that settle, count by it, so that a doubt makes them longer: a frozen process obeys them for as long as
   * it is awake.
   */
  monotonic(): number {
    const backMs = this.#backMs()
    if (backMs > 0) this.#forget(backMs)
    return this.#lastMonotonic + this.#monotonicOffset
  }

  /** A moment of this clock on the monotonic one; rather too early than too late. */
  monotonicAt(moment: number): number {
    return this.monotonic() - (this.now() - moment) - GRAIN_MS
  }

  /** The same, by the wall clock alone while there is nothing strange about it. */
  #glance(): number {
    const wall = this.#runtime.now()
    const step = wall - this.#lastWall
    // Rounded as in `#compare`, so that both return the same time; and V8 keeps whole numbers without a box.
    const now = Math.ceil(wall + this.#offset)
    // Written so that a NaN from a broken clock takes the careful way too.
    if (!(step >= 0 && step <= STEP_MS && now - this.#syncedAt < BOTH_EVERY_MS)) return this.#compare(wall)
    this.#lastWall = wall
    return now
  }

  /**
   * The time, read once per turn: of the event loop, where the platform tells when one ends; else a synchronous one, which a
   * microtask ends. Unlike a clock cached by a timer it cannot stand still for good: {@link TURN_USES} reads end the turn as
   * well, should the platform have dropped the microtask with a request that it killed. A notice of the end costs more than a look
   * at the clock: where a turn has few reads, most of them just look (decision 13).
   */
  turn(): number {
    if (this.#turnUses > 0) {
      this.#turnUses--
      return this.#turn
    }
    return this.#look()
  }

  // A function of its own, so that what most reads go through stays small enough to be inlined.
  #look(): number {
    if (this.#loneLooks > 0) {
      this.#loneLooks--
      return this.#glance()
    }
    this.#turn = this.#glance()
    this.#turnUses = TURN_USES
    // One notice ends all that read the same. The next asks again: one that the platform loses must not leave all without an end.
    if (this.#turn === this.#askedAt) return this.#turn
    this.#askedAt = this.#turn
    if (this.#afterTurn === undefined) this.#runtime.microtask(this.#endTurn)
    else this.#afterTurn(this.#endTurn)
    return this.#turn
  }

  #compare(wall: number): number {
    let backMs = this.#backMs()
    const monotonic = this.#lastMonotonic + this.#monotonicOffset
    const passed = monotonic - this.#syncedMonotonic
    const counted = passed > 0 ? Math.floor(passed) : 0
    let least = this.#syncedAt + counted
    // Small steps of the wall clock were taken since: never return less than `#glance` did then.
    const told = Math.ceil(this.#lastWall + this.#offset)
    // Hits read the wall clock alone. If it has gone back since, and the monotonic clock is behind the time
    // that hits got, that clock has gone back, too: it is above its own last reading because that is older.
    if (backMs === 0 && wall < this.#lastWall && told - least > ROUNDING_MS) backMs = told - least
    if (told > least) least = told
    let now = Math.ceil(wall + this.#offset)
    if (!(now >= least)) {
      now = least
      this.#offset = now - wall
    }
    this.#lastWall = wall
    // The part of a millisecond that was not counted is kept: looked at often enough, time would stand still otherwise.
    this.#syncedMonotonic =
      passed > 0 && now === this.#syncedAt + counted ? this.#syncedMonotonic + counted : monotonic
    this.#syncedAt = now
    // No hit of this turn is judged by an earlier time than what came before it.
    this.#turn = now
    return backMs > 0 ? this.#forget(backMs) : now
  }

  /** Reads the monotonic clock. By how much it is behind its last reading; 0 where it is not. */
  #backMs(): number {
    const monotonic = this.#runtime.monotonic()
    const backMs = this.#lastMonotonic - monotonic
    // A broken clock reads NaN.
    if (!Number.isNaN(monotonic)) this.#lastMonotonic = monotonic
    if (!(backMs > 0)) return 0
    this.#monotonicOffset += backMs
    return backMs
  }

  /** Returns the new time. The age of every earlier moment is unknown from here on. */
  #forget(backMs: number): number {
    this.#syncedAt = Math.max(this.#syncedAt, Math.ceil(this.#lastWall + this.#offset)) + 1
    this.#offset = this.#syncedAt - this.#lastWall
    this.unknownBefore = this.#syncedAt
    // The time cached for this turn was read before the step.
    this.#turnUses = 0
    this.#onUnknown(backMs)
    return this.#syncedAt
  }
}
