/** An error as one sentence for a person and one exit code for a script. @module */
import { isKedgeError } from '../src/ports/errors.ts'
import { adviceOn } from './advice.ts'
import { plain } from './terminal.ts'

/** Exit codes of every command. */
export const EXIT: { readonly ok: 0; readonly failed: 1; readonly usage: 2 } = { ok: 0, failed: 1, usage: 2 }

/** The command line, the environment or the configuration file is wrong. The message never quotes a secret. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A TypeError about an option as a UsageError about the command line; every other error as it is. */
export const asUsage = (error: unknown): unknown =>
  error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error

/** The command failed, for the reason in the message. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** The meanings of the error codes of the system, of OpenSSL and of Kafka's client. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to the network',
  ETIMEDOUT: 'no answer in time',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  EACCES: 'not allowed',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'the connection was cut',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not known here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is not that of the certificate',
  PLT_KFK_AUTHENTICATION: 'the credentials are refused, or the SASL mechanism is not known there',
}
/** The meanings of the TLS alerts that a server sends before it closes the connection (RFC 8446, 6.2). */
const ALERTS: Readonly<Record<string, string>> = {
  HANDSHAKE_FAILURE: 'it refuses the TLS handshake: it may ask for a certificate',
  CERTIFICATE_REQUIRED: 'it asks for a certificate, and none was given',
  BAD_CERTIFICATE: 'it does not take the certificate that was given',
  CERTIFICATE_UNKNOWN: 'it does not take the certificate that was given',
  UNSUPPORTED_CERTIFICATE: 'it does not take certificates of this kind',
  CERTIFICATE_EXPIRED: 'the certificate that was given has expired',
  CERTIFICATE_REVOKED: 'the certificate that was given has been revoked',
  UNKNOWN_CA: 'it does not know the authority of the certificate that was given',
}
/** OpenSSL before 3.2 writes SSLV3 for the first of these. */
const ALERT = /^ERR_SSL_(?:SSL\/TLS|SSLV3|TLSV1|TLSV13)_ALERT_(\w+)$/
const MAX_DEPTH = 8

/** The code of an error, for programs: of kedge, of the system, or of what the error was caused by. */
export function codeOf(error: unknown): { readonly code?: string } {
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return { code }
    at = at.cause
  }
  return {}
}

/** The error as one sentence, with what to do where the settings are at fault. Quoted text of strangers is short and printable. */
export function sentence(error: unknown): string {
  const advice = adviceOn(error)
  return advice === undefined ? fault(error) : `${fault(error)}; ${advice}`
}

/** The error as one sentence, without a stack and without advice. */
export function fault(error: unknown): string {
  const said = plain(messageOf(error)).replace(/\.$/, '')
  const why = error instanceof CommandError ? undefined : reason(error)
  return why === undefined || said.includes(why) ? said : `${said} (${why})`
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const first = lineOf(error)
  // Why a record was not acknowledged matters more than that it was not: the cause of the innermost such
  // error.
  let at: Error = error
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (!isKedgeError(at) || at.code !== 'ERR_PUBLISH' || !(at.cause instanceof Error)) break
    at = at.cause
  }
  const why = at === error ? '' : lineOf(at)
  // A message may quote its cause already.
  return why === '' || first.includes(why) ? first : `${first}: ${why}`
}

const lineOf = (error: Error): string => error.message.split('\n', 1)[0] || error.name

/** The meaning of the innermost known code among the causes. */
function reason(error: unknown): string | undefined {
  let found: string | undefined
  let at: unknown = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    const { code } = at as { code?: unknown }
    // The client of Kafka has no code for it.
    if (at.message.startsWith('TLS handshake failed')) return 'the TLS handshake failed: is TLS spoken there?'
    // It says no more where what listens there is no broker.
    if (code === 'PLT_KFK_NETWORK' && at.message === 'Connection closed')
      return 'it closes the connection: is a broker there, and does it ask for TLS? The URL of a proxy belongs to --url'
    // The innermost one explains itself.
    if (at.name === 'TokenError') return plain(lineOf(at)).replace(/\.$/, '')
    if (typeof code === 'string') found = MEANINGS[code] ?? ALERTS[ALERT.exec(code)?.[1] ?? ''] ?? found
    // Node tries several addresses of a host, and reports their errors as one AggregateError.
    at = at instanceof AggregateError && at.cause === undefined ? at.errors[0] : at.cause
  }
  return found
}
