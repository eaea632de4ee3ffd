/** Writes down what happens. @module */
import type { TraceEvent } from '../trace.ts'
import type { Life } from './life.ts'
import type { Universe } from './universe.ts'

/** An event without its time. */
export type Told = TraceEvent extends infer Event
  ? Event extends { t: number }
    ? Omit<Event, 't'>
    : never
  : never

export class Record {
  readonly events: TraceEvent[] = []
  readonly #universe: Universe

  constructor(universe: Universe) {
    this.#universe = universe
  }

  readonly tell = (event: Told): void => {
    this.events.push({ t: this.#universe.now, ...event })
  }

  /** The trace leaves out what an isolate does after its end. */
  readonly of =
    (life: Life) =>
    (event: Told): void => {
      if (life.alive) this.tell(event)
    }
}
