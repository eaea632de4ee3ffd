/** An answer that is written to Node's response, where there is one, and not to a `Response` of the web. @module */
import type { HttpBindings } from '@hono/node-server'

export interface NodeAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array<ArrayBuffer> | null
  /** Of the body, in bytes. */
  readonly length: number
  /** To be called when the answer has gone out. */
  readonly release?: () => void
}

/**
 * Tells `@hono/node-server` that the answer is written, or will be, and the gateway's middleware to add no header to it.
 */
export const ALREADY_SENT: Response = new Response(null, {
  headers: { 'x-hono-already-sent': 'true', 'cache-control': '' },
})

/**
 * Writes an answer: a `Response` with its headers and its stream would cost several times as much as the answer itself,
 * for each of thousands of polls that end at once.
 */
export function send(outgoing: HttpBindings['outgoing'], answer: NodeAnswer): void {
  const { status, headers, body, length, release } = answer
  if (outgoing.destroyed || outgoing.headersSent) return release?.()
  if (release) outgoing.on('close', release)
  if (body === null) {
    outgoing.writeHead(status, headers)
    outgoing.end()
    return
  }
  headers['content-length'] = String(length)
  outgoing.writeHead(status, headers)
  // A text of ASCII alone need not be looked at once more by the encoder.
  if (typeof body === 'string') outgoing.end(body, body.length === length ? 'latin1' : 'utf8')
  else outgoing.end(body)
}
