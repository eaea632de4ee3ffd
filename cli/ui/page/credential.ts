/** The credential of this tab: in its session storage, and in no cookie that a browser would send by itself. @module */

const NAME = 'kedge-credential'

export const storedAuthorization = (): string | undefined => sessionStorage.getItem(NAME) ?? undefined

export function storeAuthorization(value: string | undefined): void {
  if (value === undefined) sessionStorage.removeItem(NAME)
  else sessionStorage.setItem(NAME, value)
}
