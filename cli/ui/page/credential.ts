/** The credential of this tab: in its session storage, and in no cookie that a browser would send by itself. @module */

const NAME = 'kedge-credential'

/** The `Authorization` for what was typed: `user:password` (RFC 7617), or a token (RFC 6750), which has no colon. */
export function authorizationOf(typed: string): string {
  const text = typed.trim()
  if (!text.includes(':')) return `Bearer ${text}`
  const bytes = new TextEncoder().encode(text)
  return `Basic ${btoa(String.fromCodePoint(...bytes))}`
}

export const storedAuthorization = (): string | undefined => sessionStorage.getItem(NAME) ?? undefined

export function storeAuthorization(value: string | undefined): void {
  if (value === undefined) sessionStorage.removeItem(NAME)
  else sessionStorage.setItem(NAME, value)
}
