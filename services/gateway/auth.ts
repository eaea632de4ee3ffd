/** Lets requests pass that show one of the credentials; without any configured, all pass. @module */
import type { MiddlewareHandler } from 'hono'
import { setPrincipal } from './access.ts'
import { entryOf } from './audit.ts'
import type { AuditEntry } from './audit.ts'
import type { GatewayCounters } from './counters.ts'
import type { Credentials } from './credentials.ts'
import { headerOf } from './header.ts'
import { remoteOf } from './remote.ts'

export function authentication(
  credentials: Credentials,
  counters: GatewayCounters,
  onAudit?: (entry: AuditEntry) => void,
): MiddlewareHandler {
  let unsaid = 0
  return async (c, next) => {
    if (credentials.anybody) {
      setPrincipal(c, credentials.anybody)
      return next()
    }
    const found = await credentials.identify(headerOf(c, 'authorization'), remoteOf(c))
    if (found.principal) {
      setPrincipal(c, found.principal)
      return next()
    }
    const { retryAfter } = found
    if (retryAfter !== undefined) {
      // An address that guesses must not fill the audit as well.
      unsaid++
      counters.credentials.limited++
      return c.json(refused(42901, 'Too many wrong credentials came from this address', 429), 429, {
        'retry-after': String(retryAfter),
        'cache-control': 'no-store',
      })
    }
    counters.credentials[found.wrong ? 'wrong' : 'missing']++
    if (found.wrong) {
      onAudit?.(entryOf(c, undefined, { act: 'show-credential', outcome: 'wrong-credential', unsaid }))
      unsaid = 0
    }
    return c.json(refused(40101, 'Unauthorized', 401), 401, {
      'www-authenticate': credentials.challenge,
      'cache-control': 'no-store',
    })
  }
}

/** Clients of Confluent's and of Upstash's protocol each find their own fields here. */
const refused = (code: number, message: string, status: number) => ({
  error_code: code,
  message,
  error: message,
  status,
})
