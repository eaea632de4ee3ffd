/** A clock that can be wrong: it is stepped, stands still, or runs at a pace of its own. @module */

export class Clock {
  #at: number
  #shows: number
  #pace = 1

  constructor(trueTime: number, shows: number) {
    this.#at = trueTime
    this.#shows = shows
  }

  read(trueTime: number): number {
    return this.#shows + (trueTime - this.#at) * this.#pace
  }

  step(trueTime: number, ms: number): void {
    this.#shows = this.read(trueTime) + ms
    this.#at = trueTime
  }

  set(trueTime: number, shows: number): void {
    this.#shows = shows
    this.#at = trueTime
  }

  /** Milliseconds that it shows for one of true time. */
  run(trueTime: number, pace: number): void {
    this.set(trueTime, this.read(trueTime))
    this.#pace = pace
  }
}
