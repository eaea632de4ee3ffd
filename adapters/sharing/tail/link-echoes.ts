/** The echoes that a socket is asked for: when, and by which clocks of its callers. @module */
import type { OffsetsOptions } from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { Echoes } from './echoes.ts'
import type { EchoFrame } from './frames.ts'

export type AgeClock = NonNullable<OffsetsOptions['clock']>

/** How often the tail is asked for an echo: it is how a tail notices as well that a client lives. */
const EVERY_MS = 30_000
/** An echo that has not come is asked for again. */
const AGAIN_MS = 3000
const MAX_CLOCKS = 8

export class LinkEchoes {
  readonly #runtime: Runtime
  /** What each caller's clock shows is an echo of its own. */
  readonly #clocks = new Map<AgeClock, Echoes>()
  #last = 0
  #asked: { readonly question: number; readonly mine: ReadonlyMap<AgeClock, number> } | undefined
  #askedAt = -Infinity
  #echoedAt = -Infinity

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** A caller by whose clock ages will be reckoned. */
  add(clock: AgeClock, echoes: Echoes): void {
    if (this.#clocks.has(clock)) return
    this.#clocks.set(clock, echoes)
    const [oldest] = this.#clocks.keys()
    if (this.#clocks.size > MAX_CLOCKS) this.#clocks.delete(oldest!)
  }

  /** The last echo tells nothing about the beats: one is due. */
  doubt(): void {
    this.#echoedAt = -Infinity
  }

  /** The socket has ended, and with it what it was asked. */
  forget(): void {
    this.#asked = undefined
    this.#echoedAt = this.#askedAt = -Infinity
  }

  /** The number of a question to be sent now, where one is due. Every clock is read before it is sent. */
  question(): number | undefined {
    const now = this.#runtime.monotonic()
    if (this.#clocks.size === 0 || now - this.#echoedAt < EVERY_MS || now - this.#askedAt < AGAIN_MS)
      return undefined
    this.#askedAt = now
    const mine = new Map([...this.#clocks.keys()].map((clock) => [clock, clock.now()]))
    this.#asked = { question: ++this.#last, mine }
    return this.#last
  }

  heard({ question, life, theirs }: EchoFrame): void {
    if (this.#asked?.question !== question) return
    for (const [clock, mine] of this.#asked.mine) this.#clocks.get(clock)?.note(life, mine, theirs)
    this.#echoedAt = this.#askedAt
    this.#asked = undefined
  }
}
