/**
 * The visitor who takes the tour: sends what the lines for curl send, and keeps the token.
 *
 * @module
 */
import type { Addresses } from './curl.ts'
import type { Step } from './tour.ts'

const ANSWER_MS = 10_000
const TOKEN = /k1[^"]*/

/** An answer, as far as the tour looks at it. */
export interface Seen {
  readonly status: number
  readonly cacheStatus: string | null
  readonly text: string
  /** The text as JSON. `undefined` when it is none. */
  readonly body: unknown
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export class HttpVisitor {
  readonly #places: Addresses
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly signal: AbortSignal
  #token: string | undefined

  constructor(
    places: Addresses,
    send: (url: string, init: RequestInit) => Promise<Response>,
    signal: AbortSignal,
  ) {
    this.#places = places
    this.#fetch = send
    this.signal = signal
  }

  /**
   * Sends the request of a step, `times` at once, and resolves with all answers, at least one.
   * @throws Error when no answer comes in time, or there is no token where one is to be kept or sent.
   */
  async take(step: Step): Promise<readonly Seen[]> {
    if (step.times !== undefined) {
      return await Promise.all(
        Array.from({ length: step.times }, (_, at) => this.#send(step, `${step.path}?${at + 1}`)),
      )
    }
    const seen = await this.#send(step, step.path)
    if (step.token === 'keep' && seen.status === step.expect.status) {
      this.#token = TOKEN.exec(seen.text)?.[0]
      if (this.#token === undefined) throw new Error('the answer carries no token')
    }
    return [seen]
  }

  async #send(step: Step, path: string): Promise<Seen> {
    const headers = new Headers()
    if (step.body !== undefined) headers.set('content-type', 'application/json')
    if (step.token === 'send') {
      if (this.#token === undefined) throw new Error('no token was kept that could be sent')
      headers.set('kedge-token', this.#token)
    }
    const deadline = AbortSignal.timeout(ANSWER_MS)
    const init: RequestInit = {
      method: step.method ?? 'GET',
      headers,
      signal: AbortSignal.any([this.signal, deadline]),
      ...(step.body === undefined ? {} : { body: JSON.stringify(step.body) }),
    }
    try {
      const response = await this.#fetch(this.#places[step.to] + path, init)
      const text = await response.text()
      return {
        status: response.status,
        cacheStatus: response.headers.get('cache-status'),
        text,
        body: jsonOf(text),
      }
    } catch (cause) {
      this.signal.throwIfAborted()
      const why = deadline.aborted ? `no answer within ${ANSWER_MS / 1000} seconds` : 'no answer'
      throw new Error(why, { cause })
    }
  }
}
