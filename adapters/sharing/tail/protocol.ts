/** The names that a client of a tail's socket offers in `Sec-WebSocket-Protocol`. @module */

/** What both speak: frames of JSON, as docs/protocol.md has them. */
export const TAIL_PROTOCOL = 'kedge.tail'

/** Stands before the value of `Authorization`, in base64url: a constructor of the web sets no header. */
export const AUTH_PROTOCOL = 'kedge.auth.'
