/** The visitor that asks the isolates for an order. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { OrderView } from './events.ts'
import { until } from './steps.ts'

/** What an isolate answered. */
interface Seen {
  readonly view: OrderView | undefined
  readonly cacheStatus: string
  /** When it was asked, by the monotonic clock. */
  readonly askedAt: number
}

const PAUSE_MS = 50

export class Visitor {
  readonly #name: string
  readonly #url: string

  constructor(name: string, url: string) {
    this.#name = name
    this.#url = url
  }

  /** Asks until the answer comes out of the isolate's memory. */
  async held(id: string, revision: number, signal: AbortSignal): Promise<string> {
    const first = await this.#ask(id, signal)
    const hit = await until(
      `a hit in isolate ${this.#name}`,
      async () => {
        const seen = await this.#ask(id, signal)
        return seen.cacheStatus.includes('hit') ? seen : undefined
      },
      signal,
    )
    if (hit.view?.revision !== revision) {
      throw new Error(`isolate ${this.#name} holds ${revisionOf(hit)}, not revision ${revision}`)
    }
    const statuses = new Set([first.cacheStatus, hit.cacheStatus])
    return `${this.#name}: ${[...statuses].join(', then ')}: ${describe(hit.view)}`
  }

  /**
   * Asks until it shows the revision, or, where none is named, that the order is gone.
   *
   * @throws Error where a request that began later than `withinMs` after `since` still shows another one
   */
  async sees(
    { id, revision, since, withinMs }: { id: string; revision?: number; since: number; withinMs: number },
    signal: AbortSignal,
  ): Promise<string> {
    for (let older = 0; ; older++) {
      const seen = await this.#ask(id, signal)
      const afterMs = Math.round(seen.askedAt - since)
      if (seen.view?.revision === revision) {
        return `${this.#name}: ${revisionOf(seen)}, asked ${afterMs} ms after the eviction (${older} older answers before)`
      }
      if (afterMs > withinMs) {
        throw new Error(
          `isolate ${this.#name} shows ${revisionOf(seen)} (“${seen.cacheStatus}”), asked ${afterMs} ms after the eviction`,
        )
      }
      await sleep(PAUSE_MS)
    }
  }

  async #ask(id: string, signal: AbortSignal): Promise<Seen> {
    const askedAt = performance.now()
    const response = await fetch(`${this.#url}/orders/${encodeURIComponent(id)}`, { signal })
    if (response.status !== 200 && response.status !== 404) {
      throw new Error(`isolate ${this.#name} answered with ${response.status}: ${await response.text()}`)
    }
    const body: unknown = await response.json()
    return {
      view: response.status === 200 ? OrderView.parse(body) : undefined,
      cacheStatus: response.headers.get('cache-status') ?? '',
      askedAt,
    }
  }
}

const revisionOf = ({ view }: Seen): string => (view ? `revision ${view.revision}` : 'no order')

export const describe = ({ status, items, total, customer }: OrderView): string =>
  `${status}, ${items.join(' + ')} = ${total}, for ${customer}`
