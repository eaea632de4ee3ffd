/**
 * What a client may do: bearer tokens (RFC 6750) with the scopes `read`, `write` and `evict`.
 *
 * Tokens are compared by their SHA-256 digests, all of them each time, so that the time it takes tells nothing
 * about how much of a guess was right.
 *
 * @module
 */
import { Problem } from './problem.ts'

export type Scope = 'read' | 'write' | 'evict'

/** The tokens of each scope. A scope without tokens is closed to all clients. A token may be in several lists. */
export type BearerTokens = Readonly<Partial<Record<Scope, readonly string[]>>>

/** Who a client is, for the audit. */
export interface Bearer {
  readonly name: string
  readonly scopes: readonly Scope[]
}

export interface Authorizer {
  /**
   * Resolves when the bearer of this `Authorization` header may do it; with who that is, where it is known.
   * @throws Problem 401 when no known token is shown, 403 when it has not the scope.
   */
  authorize(scope: Scope, header: string | undefined): Promise<Bearer | undefined>
}

const ALL: Bearer = { name: '', scopes: ['read', 'write', 'evict'] }

/** Every client may do everything: for workers behind another gate. */
export const openToAll: Authorizer = { authorize: () => Promise.resolve(ALL) }

/** A credential that does not suffice, and whose it is, where that is known. */
export class CredentialRefused extends Problem {
  readonly bearer: Bearer | undefined

  constructor(problem: Problem, bearer: Bearer | undefined) {
    const { status, code, message, headers } = problem
    super(status, code, message, { headers })
    this.bearer = bearer
  }
}

/** The syntax of a bearer token: `b64token` of RFC 6750, section 2.1. */
export const BEARER_TOKEN_PATTERN: RegExp = /^[A-Za-z0-9._~+/-]+=*$/

const CREDENTIALS = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i
const MAX_HEADER_LENGTH = 4096

interface Grant {
  readonly token: string
  readonly scopes: Set<Scope>
}

interface KnownGrant {
  readonly digest: Uint8Array
  readonly bearer: Bearer
}

/**
 * Bearer tokens in lists, one for each scope.
 * @throws TypeError when there is no token at all, or one that cannot be sent in a header.
 */
export function bearerAuth(tokens: BearerTokens): Authorizer {
  const grants = grantsOf(tokens)
  if (grants.length === 0) throw new TypeError('`tokens` must hold at least one token')
  // The digests, not a promise of them, because no promise may be shared by two requests in Workers.
  let known: readonly KnownGrant[] | undefined
  return {
    async authorize(scope, header) {
      if (header === undefined) throw unauthorized()
      const shown = header.length <= MAX_HEADER_LENGTH ? CREDENTIALS.exec(header)?.[1] : undefined
      if (shown === undefined) throw unauthorized('invalid_request')
      known ??= await Promise.all(
        grants.map(async ({ token, scopes }) => grantOf(await digestOf(token), [...scopes])),
      )
      const bearer = bearerOf(known, await digestOf(shown))
      if (bearer === undefined) throw unauthorized('invalid_token')
      if (!bearer.scopes.includes(scope)) throw new CredentialRefused(forbidden(scope), bearer)
      return bearer
    },
  }
}

function grantsOf(tokens: BearerTokens): Grant[] {
  const grants = new Map<string, Grant>()
  for (const scope of ['read', 'write', 'evict'] as const) {
    for (const token of tokens[scope] ?? []) {
      if (!BEARER_TOKEN_PATTERN.test(token)) {
        throw new TypeError(`\`tokens.${scope}\` holds a token that cannot be sent in a header`)
      }
      const grant = grants.get(token) ?? { token, scopes: new Set<Scope>() }
      grant.scopes.add(scope)
      grants.set(token, grant)
    }
  }
  return [...grants.values()]
}

async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

/** Named as the gateway names a token: by the beginning of its hash. */
function grantOf(digest: Uint8Array, scopes: readonly Scope[]): KnownGrant {
  const beginning = Array.from(digest.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { digest, bearer: { name: `token-${beginning}`, scopes } }
}

/** Whose token it is. Looks at every grant, also after it was found. */
function bearerOf(known: readonly KnownGrant[], shown: Uint8Array): Bearer | undefined {
  let found: Bearer | undefined
  for (const { digest, bearer } of known) {
    if (equal(digest, shown)) found = bearer
  }
  return found
}

/** Compares in the same time, wherever they differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [at, byte] of a.entries()) difference |= byte ^ (b[at] ?? 0)
  return difference === 0
}

function unauthorized(error?: 'invalid_request' | 'invalid_token'): Problem {
  const detail =
    error === undefined
      ? 'A bearer token is needed: send `authorization: Bearer …`.'
      : 'The bearer token is not valid.'
  const challenge = `Bearer realm="kedge"${error === undefined ? '' : `, error="${error}"`}`
  return new Problem(401, 'ERR_UNAUTHORIZED', detail, { headers: { 'www-authenticate': challenge } })
}

function forbidden(scope: Scope): Problem {
  const challenge = `Bearer realm="kedge", error="insufficient_scope", scope="${scope}"`
  const headers = { 'www-authenticate': challenge }
  return new Problem(403, 'ERR_FORBIDDEN', `The bearer token lacks the scope \`${scope}\`.`, { headers })
}
