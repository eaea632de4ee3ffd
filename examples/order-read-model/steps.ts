/** Steps that are taken one after the other, as a table: what was seen, and how long it took. @module */
import { setTimeout as sleep } from 'node:timers/promises'

const STEP_MS = 15_000
const LOOK_MS = 25

export class Steps {
  readonly #signal: AbortSignal
  #last = 0
  /** Whether one of them did not see what it says. */
  failed = false

  /** @param signal ends the step under way, and with it all of them */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Takes a step, unless one before it has failed, and prints what it returns. */
  async take(title: string, step: (signal: AbortSignal) => Promise<string>): Promise<void> {
    const number = ++this.#last
    if (this.failed) return console.log(`--               ${number}  ${title}`)
    const began = performance.now()
    let says: string
    try {
      says = await step(AbortSignal.any([this.#signal, AbortSignal.timeout(STEP_MS)]))
    } catch (error) {
      this.failed = true
      says = error instanceof Error ? error.message : String(error)
    }
    const took = `${Math.round(performance.now() - began)} ms`.padStart(9)
    const lines = [title, ...says.split('\n')].join('\n                    ')
    console.log(`${this.failed ? 'FAIL' : 'ok  '} ${took}  ${String(number).padStart(2)}  ${lines}`)
  }
}

/** Looks again and again until there is something. @throws Error when the signal comes first. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (signal.aborted) {
      const why = signal.reason instanceof Error ? signal.reason.message : String(signal.reason)
      throw new Error(`waited in vain for ${what}: ${why}`)
    }
    await sleep(LOOK_MS)
  }
}
