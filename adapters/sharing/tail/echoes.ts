/**
 * How old a proof is, by the clock of its reader.
 *
 * An echo is two readings: `mine` of one's own clock, before a question was sent, and `theirs` of another clock, that it had not
 * passed before the question arrived. So the moment of `theirs` is not before that of `mine`, whatever both clocks show. From there
 * on each clock counts by itself: no reading of one is ever compared with a reading of the other (docs/scaling.md).
 *
 * @module
 */
import type { Proof } from './proof.ts'

/** Lives whose newest echo is kept. */
const MAX_LIVES = 8
/** An echo that is older costs more of an age, for the drift of both clocks, than it is worth. */
const MAX_ECHO_MS = 600_000
/** The own clock counts whole milliseconds, rounded up. */
const GRAIN_MS = 1

interface Echo {
  readonly mine: number
  readonly theirs: number
}

export class Echoes {
  readonly #drift: number
  /** By life, the newest last. */
  readonly #echoes = new Map<string, Echo>()

  /** @param driftPpm how much faster one clock may run than another, in parts per million */
  constructor(driftPpm: number) {
    this.#drift = driftPpm / 1e6
  }

  /** Notes what a question has been answered. */
  note(life: string, mine: number, theirs: number): void {
    this.#echoes.delete(life)
    this.#echoes.set(life, { mine, theirs })
    const [oldest] = this.#echoes.keys()
    if (this.#echoes.size > MAX_LIVES && oldest !== undefined) this.#echoes.delete(oldest)
  }

  /**
   * How long before `now` the sample of the proof began, at most; `Infinity` where no echo tells. Negative after `now`.
   *
   * @param unknownBefore how long ago any earlier reading of the own clock was is unknown
   */
  ageMs({ life, at }: Pick<Proof, 'life' | 'at'>, now: number, unknownBefore: number): number {
    const echo = this.#echoes.get(life)
    if (echo === undefined || echo.mine < unknownBefore || now - echo.mine > MAX_ECHO_MS) return Infinity
    const passed = (now - (echo.mine - GRAIN_MS)) * (1 + this.#drift)
    const since = at - echo.theirs
    return Math.ceil(passed - since * (since > 0 ? 1 - this.#drift : 1 + this.#drift))
  }
}
