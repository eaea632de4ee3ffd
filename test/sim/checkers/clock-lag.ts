/**
 * By how much the clocks of an isolate may have made a span of time shorter than it was.
 *
 * An isolate reads two clocks and takes the one that says more. So it reckons a span too short only where both are
 * slow within it, and by no more than the lag of the better one. A clock that is fast makes things older.
 *
 * Hits of one turn of the event loop share a reading of the clock: what blocked the loop until then they do not see.
 *
 * Hits look at the wall clock alone while it moves in small steps: until the isolate next does anything else, the lag of
 * the wall clock counts by itself (see `clock.ts`, which says so).
 *
 * @module
 */
import { chronicleOf, firstAbove } from './chronicle.ts'
import type { Chronicle, Life, Read } from './chronicle.ts'
import type { Trace } from '../trace.ts'

/** A clock falls behind the true time: by `rate` of each millisecond between, or by `step` at once. */
interface Slow {
  readonly from: number
  readonly to: number
  readonly rate: number
  readonly step: number
}

export interface ClockLag {
  /** How much less than the truth the isolate may reckon to have passed. */
  between(life: Life, from: number, to: number): number
  /** The same until a read, where all that its isolate has done since its last look at both clocks is to hit. */
  ofHit(by: Read, from: number): number
  /** How much longer ago than `ms` something may be that the isolate reckons at `t` to be `ms` ago. */
  stretch(life: Life, t: number, ms: number): number
  /** Whether its wall clock was put forward, or ran too fast, in between. */
  wasAhead(life: Life, from: number, to: number): boolean
  /** The earliest moment that may be as long ago as the isolate says. */
  earliest(life: Life, t: number, ageMs: number): number
  /** How long it stood still, or its timers did. */
  still(life: Life, from: number, to: number): number
}

const known = new WeakMap<Trace, ClockLag>()

export function clockLagOf(trace: Trace): ClockLag {
  let lag = known.get(trace)
  if (lag === undefined) {
    lag = new LagOfFaults(chronicleOf(trace))
    known.set(trace, lag)
  }
  return lag
}

/** A fault of a clock, and when it really was over. */
interface Wrong {
  readonly fault: string
  readonly seat: number | undefined
  readonly from: number
  readonly to: number
  readonly amount: number
}

class LagOfFaults implements ClockLag {
  readonly #wrong: readonly Wrong[]
  /** Between these all clocks are set right, for the calm. */
  readonly #righted: { readonly from: number; readonly to: number }
  /** For how long after a step that it cannot see an isolate reckons with an earlier reading. */
  readonly #echoMs: number
  readonly #walls = new Map<number, Slow[]>()
  /** When an event loop stood still. */
  readonly #blocked: readonly Pick<Wrong, 'seat' | 'from' | 'to'>[]
  readonly #monotonics = new Map<Life, Slow[]>()

  constructor({ faults, overs, calmAt, trace }: Chronicle) {
    this.#echoMs = trace.scenario.world.tail ? ECHO_MS : 0
    this.#righted = { from: trace.scenario.steps.at(-1)?.at ?? 0, to: calmAt }
    const found = faults.map(({ fault, isolate, t, forMs = Infinity, amount = usual(fault) }) => {
      const over = overs.findLast((each) => each.fault === fault && each.t >= t && each.t <= t + forMs + 1)
      return { fault, seat: isolate, from: t, to: over?.t ?? t + forMs, amount }
    })
    this.#wrong = found.filter(({ fault }) => fault.startsWith('clock_') || fault === 'monotonic_frozen')
    this.#blocked = found.filter(({ fault }) => fault === 'loop_blocked')
  }

  between(life: Life, from: number, to: number): number {
    const monotonic = lagOf(this.#monotonic(life), from, to)
    return monotonic === 0 ? 0 : Math.min(monotonic, lagOf(this.#wall(life), from, to))
  }

  ofHit({ life, seq, t: to }: Read, from: number): number {
    const wall = this.#wall(life)
    const blockedMs = this.#blockedMs(life, to)
    if (wall.length === 0) return blockedMs
    // Not a look in the same moment, but later.
    const looked = life.looks[firstAbove(life.looks, seq, (look) => look.seq) - 1]?.t ?? life.bornAt
    return this.between(life, from, to) + lagOf(wall, looked, to) + blockedMs
  }

  /** How long the event loop stood still in the turn that ends at `t`: what blocks it may begin before the last is over. */
  #blockedMs({ seat }: Life, t: number): number {
    let since = t
    for (const { from, to } of this.#blocked
      .filter((each) => each.seat === undefined || each.seat === seat)
      .toSorted((one, other) => other.to - one.to))
      if (to <= t && to >= since && from < since) since = from
    return t - since
  }

  earliest(life: Life, t: number, ageMs: number): number {
    let earliest = t - ageMs
    const slow = this.#monotonic(life)
    if (slow.length === 0 || this.#wall(life).length === 0) return earliest
    // The longer span may contain another step back.
    for (let before = Infinity; earliest < before;) {
      before = earliest
      earliest = t - ageMs - this.between(life, before, t)
    }
    // Where a clock begins to be slow: from there on it may be that nothing has passed at all.
    const begins = [...slow, ...this.#wall(life)].map(({ from }) => from)
    for (const from of begins.toSorted((one, other) => other - one)) {
      const lagMs = this.between(life, from, t)
      if (from < earliest && t - from - lagMs <= ageMs) earliest = Math.min(from, t - ageMs - lagMs)
    }
    return earliest
  }

  stretch(life: Life, t: number, ms: number): number {
    return t - ms - this.earliest(life, t, ms)
  }

  wasAhead({ seat }: Life, from: number, to: number): boolean {
    const within = (t: number) => t >= from && t <= to
    return this.#wrong.some((each) => {
      if (each.fault === 'monotonic_frozen' || (each.seat !== undefined && each.seat !== seat)) return false
      // One that was behind is put forward when it is set right.
      if (within(each.from) || within(each.to)) return true
      if (this.#righted.from <= to && this.#righted.to >= from) return true
      return each.fault === 'clock_drift' && each.amount > 100 && each.from <= to && each.to >= from
    })
  }

  still(life: Life, from: number, to: number): number {
    return lagOf(this.#monotonic(life), from, to)
  }

  #wall({ seat }: Life): readonly Slow[] {
    let slow = this.#walls.get(seat)
    if (slow === undefined) {
      slow = this.#wrong
        .filter((each) => each.seat === undefined || each.seat === seat)
        .flatMap((each) => this.#slow(each))
      this.#walls.set(seat, slow)
    }
    return slow
  }

  #slow({ fault, from, to, amount }: Wrong): Slow[] {
    const once = { rate: 0, step: amount }
    if (fault === 'clock_both_back') return [{ from, to: from + this.#echoMs, ...once }]
    if (fault === 'clock_back') return [{ from, to: from, ...once }]
    // What was put forward is put back when it is over.
    if (fault === 'clock_forward') return [{ from: to, to, ...once }]
    if (fault === 'clock_frozen') return [{ from, to, rate: 1, step: 0 }]
    if (fault !== 'clock_drift') return []
    if (amount < 100) return [{ from, to, rate: 1 - amount / 100, step: 0 }]
    // One that ran ahead is set right when it is over, or for the calm.
    const step = ((to - from) * (amount - 100)) / 100
    return [
      { from: to, to, rate: 0, step },
      { ...this.#righted, rate: 0, step },
    ]
  }

  #monotonic(life: Life): readonly Slow[] {
    let slow = this.#monotonics.get(life)
    if (slow === undefined) {
      slow = life.freezes.map(({ from, to }) => ({ from, to, rate: 1, step: 0 }))
      // An isolate cannot see that both clocks stepped back by what has passed since its last look.
      for (const { at, ms } of life.hiddenSteps)
        slow.push({ from: at, to: at + this.#echoMs, rate: 0, step: ms })
      for (const { fault, seat, from, to } of this.#wrong)
        if (fault === 'monotonic_frozen' && (seat === undefined || seat === life.seat))
          slow.push({ from, to, rate: 1, step: 0 })
      this.#monotonics.set(life, slow)
    }
    return slow
  }
}

/** How old an echo of a tail may be that ages are reckoned from (`adapters/sharing/tail/echoes.ts`). */
const ECHO_MS = 600_000

/** What is meant where a fault does not say how far. */
const usual = (fault: string): number => (fault === 'clock_drift' ? 150 : 60_000)

function lagOf(slow: readonly Slow[], from: number, to: number): number {
  let lag = 0
  for (const each of slow) {
    const lasts = Math.min(to, each.to) - Math.max(from, each.from)
    if (lasts >= 0) lag += each.step + lasts * each.rate
  }
  return lag
}
