/** The credential that a person types, for a page and for a terminal. @module */

/** The `Authorization` for it: `user:password` (RFC 7617), or a token (RFC 6750), which has no colon. */
export function authorizationOf(typed: string): string {
  const text = typed.trim()
  if (!text.includes(':')) return `Bearer ${text}`
  const bytes = new TextEncoder().encode(text)
  return `Basic ${btoa(String.fromCodePoint(...bytes))}`
}
