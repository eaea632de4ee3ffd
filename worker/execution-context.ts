/** What a platform gives beside a request, as Hono and Cloudflare have it; spelt here for those without their types. @module */

export interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
  readonly props: unknown
}
