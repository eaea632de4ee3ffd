/**
 * The credential of a socket. The constructor of the web sets no header, so its client names it as a protocol beside the one that
 * it speaks; the answer never repeats it.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { AUTH_PROTOCOL } from '../../../adapters/sharing/tail/protocol.ts'

/** Has the credential stand where those of all requests stand. */
export function unveil(request: IncomingMessage): void {
  if (request.headers.authorization !== undefined) return
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((each) => each.trim()) ?? []
  const veiled = offered.find((each) => each.startsWith(AUTH_PROTOCOL))
  if (veiled === undefined) return
  request.headers.authorization = Buffer.from(veiled.slice(AUTH_PROTOCOL.length), 'base64url').toString(
    'latin1',
  )
}
