/** What caches ask of the gateway at each moment, so that a fault can strike in the middle of it. @module */
import { setTimeout as sleep } from 'node:timers/promises'

export type CallKind = 'publish' | 'poll'

export interface Call {
  /** Which isolate's. */
  readonly line: number
  readonly kind: CallKind
  readonly since: number
  /** Whether an answer came whole, of whatever status, or the connection broke or was given up. */
  outcome: 'under way' | 'answered' | 'broken'
  endedAt: number
}

/** How long something that happens many times a second is waited for. */
const PATIENCE_MS = 15_000

/** The transports of isolates, and what is under way on them. */
export class Traffic {
  readonly #calls = new Set<Call>()
  readonly #broken = new Map<number, number>()

  /** The transport of one isolate. */
  over(line: number): typeof fetch {
    return async (input, init) => {
      const kind = init?.method === 'POST' ? 'publish' : 'poll'
      const call: Call = { line, kind, since: performance.now(), outcome: 'under way', endedAt: Infinity }
      this.#calls.add(call)
      try {
        const response = await fetch(input, init)
        const body = await response.arrayBuffer()
        call.outcome = 'answered'
        return new Response(body.byteLength > 0 ? body : null, response)
      } catch (error) {
        call.outcome = 'broken'
        this.#broken.set(line, (this.#broken.get(line) ?? 0) + 1)
        throw error
      } finally {
        call.endedAt = performance.now()
        this.#calls.delete(call)
      }
    }
  }

  /** How many calls of these isolates broke. */
  broken(lines: readonly number[]): number {
    return lines.reduce((sum, line) => sum + (this.#broken.get(line) ?? 0), 0)
  }

  /** The calls that have been under way for at least `ms`; of these isolates, where they are named. */
  underWay(kind: CallKind, ms = 0, lines?: readonly number[]): Call[] {
    const now = performance.now()
    return [...this.#calls].filter(
      (call) => call.kind === kind && now - call.since >= ms && (lines?.includes(call.line) ?? true),
    )
  }

  /** Waits until there are such calls. None, if there are none for long. */
  async caught(kind: CallKind, ms = 0, lines?: readonly number[]): Promise<Call[]> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      const calls = this.underWay(kind, ms, lines)
      if (calls.length > 0 || performance.now() > deadline) return calls
      await sleep(1)
    }
  }

  /** How long a call of these isolates takes that begins now; `Infinity` when it breaks. */
  async time(kind: CallKind, lines: readonly number[]): Promise<number> {
    const began = performance.now()
    const deadline = began + PATIENCE_MS
    for (;;) {
      const call = this.underWay(kind, 0, lines).find(({ since }) => since >= began)
      if (call === undefined) {
        if (performance.now() > deadline) return 0
        await sleep(1)
        continue
      }
      while (call.outcome === 'under way') await sleep(1)
      return call.outcome === 'answered' ? call.endedAt - call.since : Infinity
    }
  }
}
