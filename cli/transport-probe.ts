/** A transport that notes the duration, the status and the date of every answer. @module */
import type { Runtime } from '../src/ports/runtime.ts'

interface Exchange {
  readonly status: number
  /** From the request to the head of the answer, in milliseconds. */
  readonly ms: number
  /** The `Date` of the answer minus our clock in the middle of the exchange, in milliseconds. */
  readonly clockMs: number | undefined
}

export interface TransportProbe {
  readonly fetch: typeof fetch
  readonly exchanges: readonly Exchange[]
}

const MOST_EXCHANGES = 1000

export function probe(transport: typeof fetch, runtime: Runtime): TransportProbe {
  const exchanges: Exchange[] = []
  return {
    exchanges,
    fetch: async (input, init) => {
      const [began, at] = [runtime.monotonic(), runtime.now()]
      const response = await transport(input, init)
      const ms = runtime.monotonic() - began
      // The date has whole seconds, cut off (RFC 9110, section 5.6.7): on average half a second is missing.
      const date = Date.parse(response.headers.get('date') ?? '')
      const clockMs = Number.isNaN(date) ? undefined : date + 500 - (at + ms / 2)
      if (exchanges.length < MOST_EXCHANGES) exchanges.push({ status: response.status, ms, clockMs })
      return response
    },
  }
}
