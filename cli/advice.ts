/** What a person can do about an error that the settings of a command cause. @module */
import { isKedgeError } from '../src/ports/errors.ts'

const MAX_DEPTH = 8
/** Their names are the same in all commands. */
const UNKNOWN =
  'the proxy does not know who asks: set KEDGE_AUTH_TOKEN, or --username with KEDGE_PASSWORD, to what it takes'
const FORBIDDEN =
  'the credential (KEDGE_AUTH_TOKEN, or --username with KEDGE_PASSWORD) lacks a right there: `kedge doctor` names it'
const NO_PROXY = 'no proxy that is known answers at that path: see --url (KEDGE_URL), and ask `kedge doctor`'
const SASL = 'see --sasl-mechanism, --sasl-username with KEDGE_SASL_PASSWORD, and KEDGE_SASL_TOKEN'

/** `undefined` for an error about which the settings say nothing. */
export function adviceOn(error: unknown): string | undefined {
  let at: unknown = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    if ((at as { code?: unknown }).code === 'PLT_KFK_AUTHENTICATION') return SASL
    if (isKedgeError(at) && at.code === 'ERR_AUTH')
      return /\bHTTP 401\b/.test(at.message) ? UNKNOWN : FORBIDDEN
    if (isKedgeError(at) && at.code === 'ERR_HTTP' && /\bHTTP 404\b/.test(at.message)) return NO_PROXY
    at = at.cause
  }
  return undefined
}
