/**
 * Authenticates connections to brokers: KIP-12, KIP-43, KIP-84, KIP-255.
 *
 * Done here and not by the client library for two reasons. A broker that refuses a bearer token says so in a challenge
 * (RFC 7628, 3.2.3), which the library takes for success. And a broker that ends sessions (KIP-368,
 * `connections.max.reauth.ms`) closes a connection on which any other request comes between the two of a new
 * authentication; the library sends them all the same. So it never authenticates again: the connection is replaced.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { AuthenticationError, saslOAuthBearer, saslPlain, saslScramSha } from '@platformatic/kafka'
import type { ConnectionOptions } from '@platformatic/kafka'
import type { KafkaSasl, KafkaToken } from './types.ts'

type SaslOptions = NonNullable<ConnectionOptions['sasl']>
type Authenticator = NonNullable<SaslOptions['authenticate']>
type Send = Parameters<Authenticator>[2]
type Callback = Parameters<Authenticator>[6]

/** A longer one is no token: brokers take requests of 512 KiB before they know the client. */
const MAX_TOKEN = 65_536
/** `b64token` of RFC 6750, section 2.1: no character of it separates fields of RFC 7628. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
/** What a client answers to the challenge that refuses it. */
const ACKNOWLEDGED = Buffer.from([1])

/** No token could be had. The message names no secret. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  /** Whether a repetition fails in the same way, until an operator acts. */
  readonly refused: boolean

  constructor(message: string, options: { readonly refused: boolean; readonly cause?: unknown }) {
    super(message, options)
    this.refused = options.refused
  }
}

const MAX_DEPTH = 8

/** The error of a token among the causes of another. */
export function tokenErrorIn(error: unknown): TokenError | undefined {
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    if (at instanceof TokenError) return at
    at = at.cause
  }
  return undefined
}

/** @param onSession told how long the session of a connection lasts, in milliseconds; 0 without an end */
export function saslOptions(sasl: KafkaSasl, onSession: (lifetimeMs: number) => void): SaslOptions {
  const authenticate: Authenticator = (_mechanism, connection, send, _user, _password, _token, callback) => {
    const done: Callback = (error, response) => {
      if (error || !response) return callback(error)
      // What ends a SCRAM exchange is the server's signature, and what a token ends with is a refusal.
      if (sasl.mechanism === 'OAUTHBEARER' && response.authBytes.length > 0)
        return refused(send, connection, callback)
      onSession(Number(response.sessionLifetimeMs))
      return callback(null, { ...response, sessionLifetimeMs: 0n })
    }
    if (sasl.mechanism === 'OAUTHBEARER') {
      const { token, extensions = {} } = sasl
      saslOAuthBearer.authenticate(send, connection, () => shownToken(token), extensions, done)
    } else if (sasl.mechanism === 'PLAIN') {
      saslPlain.authenticate(send, connection, sasl.username, sasl.password, done)
    } else {
      const algorithm = sasl.mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512'
      const { username, password } = sasl
      const { defaultCrypto } = saslScramSha
      saslScramSha.authenticate(send, connection, algorithm, username, password, defaultCrypto, done)
    }
  }
  return { mechanism: sasl.mechanism, authenticate }
}

/** Brings in the broker's error for the refusal. */
function refused(send: Send, connection: Parameters<Send>[0], callback: Callback): void {
  send(connection, ACKNOWLEDGED, (error) =>
    callback(error ?? new AuthenticationError('The broker refuses the token.', { apiCode: 58 })),
  )
}

async function shownToken(given: KafkaToken): Promise<string> {
  const token: unknown = typeof given === 'function' ? await given() : given
  if (typeof token !== 'string' || token.length > MAX_TOKEN || !TOKEN.test(token))
    throw new TokenError('The token for the brokers is not a bearer token.', { refused: true })
  return token
}
