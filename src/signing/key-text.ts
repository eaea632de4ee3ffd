/** Keys in a text, as environments have them. @module */
import type { SigningKey } from './keyring.ts'

/**
 * The keys in a text such as `k2:<base64>,k1:<base64>`, for `keys`. The first one signs.
 *
 * @throws TypeError where the text is no such list; it never quotes the text.
 * @example
 * ```ts
 * import { signed, signingKeys } from 'kedge/signing'
 * import { memory } from 'kedge/testing'
 *
 * declare const env: { readonly SIGN_KEYS: string }
 * const kafka = signed(memory(), { keys: signingKeys(env.SIGN_KEYS), sign: 'warn' })
 * ```
 */
export function signingKeys(text: string): SigningKey[] {
  if (typeof text !== 'string') throw new TypeError('`keys`: must be a text')
  return text.split(',').map((part) => {
    const [, id, secret] = /^\s*([\w-]+):(\S+)\s*$/.exec(part) ?? []
    if (id === undefined || secret === undefined)
      throw new TypeError('`keys`: must be a comma list of `id:secret`, each secret as base64')
    return { id, secret }
  })
}
