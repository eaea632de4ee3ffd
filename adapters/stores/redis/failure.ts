/** Turns failures of Redis and its clients into errors of kedge. @module */
import { KedgeError, type KedgeErrorCode } from '../../../src/ports/errors.ts'
import { printable } from '../../kafka/rest/problem.ts'

/** Codes of redis 7.0's `server.c`, `cluster.c`, `acl.c` and `script.c`, and those of Upstash's REST API. */
const KINDS: readonly (readonly [pattern: RegExp, code: KedgeErrorCode, retryable: boolean])[] = [
  [/^(NOAUTH|WRONGPASS|NOPERM)\b/, 'ERR_AUTH', false],
  // Redis is out of memory, blocked by a script or a snapshot, or has as many clients as it takes.
  [
    /^(OOM|BUSY|MISCONF|NOREPLICAS)\b|max number of clients|max concurrent connections/i,
    'ERR_OVERLOADED',
    true,
  ],
  [/max (daily |monthly )?requests? limit/i, 'ERR_RATE_LIMITED', true],
  [/max (request|single record|key|field) size/i, 'ERR_TOO_LARGE', false],
  [/DB capacity quota/i, 'ERR_OVERLOADED', true],
  // A master that became a replica, loads its data, or has no majority: it passes when the failover ends.
  [/^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNKILLABLE|NOTBUSY)\b/, 'ERR_NETWORK', true],
  [/unknown command|unknown subcommand|not supported|unsupported/i, 'ERR_UNSUPPORTED', false],
]

/** The words behind which Redis 6 hides the code of what failed inside of a script. */
const IN_SCRIPT = /(?:Error running script|@user_script).*?-?\b([A-Z]{3,}[A-Z0-9]* .*)$/s

/** The error for a failure that the server answered. `doing` names the call that failed. */
export function serverError(message: string, doing: string): KedgeError {
  const inner = IN_SCRIPT.exec(message)?.[1] ?? message
  const kind = KINDS.find(([pattern]) => pattern.test(inner))
  const [, code, retryable] = kind ?? [undefined, 'ERR_PROTOCOL' as const, false]
  return new KedgeError(code, `${doing}: Redis says: ${printable(message)}`, { retryable })
}

/** Whether an error of a client quotes the server: its messages begin with a code, as in `ERR syntax error`. */
export const isServerMessage = (message: string): boolean => /^[A-Z][A-Z0-9]+ /.test(message)

/**
 * The error for a client that got no answer. Clients put the command into their errors, with its values and sometimes
 * a password: the error keeps the client's message alone.
 */
export function clientError(error: unknown): KedgeError {
  const text = error instanceof Error ? error.message : 'no answer'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const said = printable(text === '' ? code : text)
  return new KedgeError('ERR_NETWORK', `no answer from Redis: ${said}`, {
    cause: new Error(said),
    retryable: true,
  })
}
