/** What a platform gives beside a request, as Hono and Cloudflare have it; spelt here for those without their types. @module */

export interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
  readonly props: unknown
  /** Aborted when the server stops: what streams without end is to end. Only servers of `kedge/node` have it. */
  readonly stopping?: AbortSignal
  /** Whether an answer is sent only when it is whole. */
  readonly buffers?: true
}
