/** The start of a service that waits for its log, and the health of the process meanwhile. @module */
import { isKedgeError } from '../src/ports/errors.ts'
import { pauseMs, retry } from '../src/runtime/retry.ts'
import { codeOf, CommandError, sentence } from './failure.ts'
import type { Health } from './health.ts'
import type { Session } from './session.ts'
import { lengthOf } from './terminal.ts'

/** How often a service that waits says so. */
const SAY_MS = 10_000
const BACKOFF = { firstMs: 250, maxMs: 5000, maxAskedMs: SAY_MS }

/**
 * Until the service is there it is not ready, and says why. A process that waits is alive: an orchestrator that
 * asked for `/healthz`, and found nothing listening, would end it again and again.
 */
export class Startup implements Health {
  readonly #name: string
  readonly #session: Session
  #health: Required<Health> | undefined
  #problem = 'it has not reached the log yet'

  /** @param name `kedge` and the name of the command */
  constructor(name: string, session: Session) {
    this.#name = name
    this.#session = session
  }

  /** From now on this is the health of the process. */
  serves(health: Required<Health>): void {
    this.#health = health
  }

  /**
   * Asks the log until it answers. Writes why it waits at once, and then each 10 seconds.
   *
   * @throws what another try does not change: refused credentials, a missing topic. The reason of the session's
   *   `stop`, at once.
   */
  async reached<T>(ask: () => Promise<T>): Promise<T> {
    const { terminal, runtime, stop } = this.#session
    const began = runtime.monotonic()
    let saidAt: number | undefined
    const pauseAfter = (error: unknown, failures: number): number => {
      if (!isKedgeError(error) || !error.retryable) throw error
      const now = runtime.monotonic()
      const why = sentence(error)
      this.#problem = `it waits for the log: ${why}`
      if (saidAt === undefined || now - saidAt >= SAY_MS) {
        const since = saidAt === undefined ? 'waits' : `has waited ${lengthOf(now - began)}`
        terminal.tell('warn', 'log_waits', `${this.#name} ${since} for the log: ${why}`, {
          waitedMs: Math.round(now - began),
          ...codeOf(error),
        })
        saidAt = now
      }
      return Math.min(pauseMs(BACKOFF, failures, error, runtime.random()), saidAt + SAY_MS - now)
    }
    const found = await retry(runtime, ask, pauseAfter, stop)
    if (saidAt === undefined) return found
    const waitedMs = Math.round(runtime.monotonic() - began)
    const says = `${this.#name} has reached the log after ${lengthOf(waitedMs)}`
    terminal.tell('warn', 'log_reached', says, { waitedMs })
    return found
  }

  problem(): string | undefined {
    return this.#health ? this.#health.problem() : this.#problem
  }

  async lag(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    return this.#made().lag(signal)
  }

  async metrics(signal: AbortSignal): Promise<string> {
    return this.#made().metrics(signal)
  }

  #made(): Required<Health> {
    if (this.#health === undefined) throw new CommandError(this.#problem)
    return this.#health
  }
}
