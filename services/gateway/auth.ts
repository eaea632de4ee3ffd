/**
 * The credentials of the gateway's clients: users (Basic, RFC 7617) and tokens (Bearer, RFC 6750).
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'

export interface AuthOptions {
  /** Passwords by user. A user has no colon (RFC 7617). */
  readonly users?: Readonly<Record<string, string>>
  readonly tokens?: readonly string[]
}

/** The longest header that is looked at. */
const MAX_HEADER = 8192

/**
 * Lets requests pass that carry one of the credentials; without any configured, all pass.
 *
 * The gateway compares digests in constant time, with every credential, so that a client cannot learn a
 * secret's length, order or first characters from the time it takes.
 *
 * @throws TypeError for a user with a colon, an empty password or an empty token. It names no secret.
 */
export function authentication(options: AuthOptions = {}): MiddlewareHandler {
  const users = Object.entries(options.users ?? {})
  const tokens = options.tokens ?? []
  if (users.some(([user]) => user === '' || user.includes(':')))
    throw new TypeError('`users` must not be empty or contain a colon')
  if (users.some(([, password]) => password === '')) throw new TypeError('`users` must have passwords')
  if (tokens.includes('')) throw new TypeError('`tokens` must not be empty')
  const allowed = [
    ...users.map(([user, password]) => digest('basic', Buffer.from(`${user}:${password}`))),
    ...tokens.map((token) => digest('bearer', Buffer.from(token))),
  ]
  const challenge = [
    users.length > 0 && 'Basic realm="kedge", charset="UTF-8"',
    tokens.length > 0 && 'Bearer realm="kedge"',
  ]
  const headers = { 'www-authenticate': challenge.filter(Boolean).join(', '), 'cache-control': 'no-store' }

  return async (c, next) => {
    if (allowed.length === 0) return next()
    const sent = credentials(c.req.header('authorization') ?? '')
    let matches = 0
    if (sent) for (const known of allowed) matches += timingSafeEqual(sent, known) ? 1 : 0
    if (matches > 0) return next()
    // Clients of Confluent's and of Upstash's protocol each find their own fields here.
    return c.json(
      { error_code: 40101, message: 'Unauthorized', error: 'Unauthorized', status: 401 },
      401,
      headers,
    )
  }
}

function credentials(header: string): Buffer | undefined {
  if (header.length > MAX_HEADER) return undefined
  const match = /^(basic|bearer) +(\S+) *$/i.exec(header)
  if (!match) return undefined
  const scheme = match[1]!.toLowerCase() === 'basic' ? 'basic' : 'bearer'
  return digest(scheme, scheme === 'basic' ? Buffer.from(match[2]!, 'base64') : Buffer.from(match[2]!))
}

const digest = (scheme: 'basic' | 'bearer', secret: Buffer): Buffer =>
  createHash('sha256').update(`${scheme} `).update(secret).digest()
