/** What a proxy has answered, whatever its status. @module */

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  /** Cut short where the status is an error and the page is long. */
  readonly body: string
  /** Secrets that an error must not quote from the body. */
  readonly secrets: readonly string[]
}
