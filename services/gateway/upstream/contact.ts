/** Whether the upstream answers, as far as the last calls have shown. @module */
import { isKedgeError } from '../../../src/ports/errors.ts'
import type { KedgeErrorCode } from '../../../src/ports/errors.ts'

/** What a gateway answers to wrong credentials as well, once they were many: that shows neither that it serves, nor that it does not. */
const LIMITED = 'ERR_RATE_LIMITED'

/** Those that say that the upstream serves no client; with all others it has answered. */
const AWAY: Partial<Record<KedgeErrorCode, string>> = {
  ERR_NETWORK: 'the upstream does not answer',
  ERR_TIMEOUT: 'the upstream does not answer in time',
  ERR_AUTH: 'the upstream refuses the credentials of the gateway',
  ERR_HTTP: 'the upstream answers with errors',
  ERR_PROTOCOL: 'the upstream does not answer in its protocol',
  [LIMITED]: 'the upstream takes no more requests for now',
}

/** Told the error with which the upstream was lost, and `undefined` once it answers again. */
export type OnContact = (error: unknown) => void

export class Contact {
  readonly #onChange: OnContact
  #problem: string | undefined = 'the upstream has not answered yet'
  #isKnown = false

  constructor(onChange: OnContact) {
    this.#onChange = onChange
  }

  /** Why the upstream serves no client; no word about where it is. */
  get problem(): string | undefined {
    return this.#problem
  }

  answered(): void {
    const isNews = this.#problem !== undefined
    this.#problem = undefined
    this.#isKnown = true
    if (isNews) this.#onChange(undefined)
  }

  /** @param isOwn whether the call was for the topic that the gateway is there for: of another one it may know nothing */
  failed(error: unknown, isOwn: boolean): void {
    const cause = isKedgeError(error) && error.code === 'ERR_PUBLISH' ? error.cause : error
    if (!isKedgeError(cause) || (cause.code === 'ERR_AUTH' && !isOwn)) return
    if (cause.code === LIMITED && this.#isKnown) return
    const away = cause.code === 'ERR_HTTP' && !cause.retryable ? undefined : AWAY[cause.code]
    if (away === undefined) return this.answered()
    const isNews = this.#problem === undefined || !this.#isKnown
    this.#problem = away
    this.#isKnown = true
    if (isNews) this.#onChange(error)
  }
}
