/** The credentials of the gateway's clients: users (Basic, RFC 7617) and tokens (Bearer, RFC 6750). @module */
import { Buffer } from 'node:buffer'
import { timingSafeEqual } from 'node:crypto'
import QuickLRU from 'quick-lru'
import type { Runtime } from '../../src/ports/runtime.ts'
import { principalNamed } from './access.ts'
import type { Access, Principal } from './access.ts'
import { passwordHash, sha256, tokenDigest, verifyPassword } from './secret-hash.ts'
import type { PasswordHash } from './secret-hash.ts'
import { WrongCredentials } from './wrong-credentials.ts'

/** A credential with what its bearer may do: a token, or a user with a password. */
export interface Credential extends Access {
  /** For logs. Two tokens of one name are one principal, so that a token can be replaced. @default the user, or a part of the token's hash */
  readonly name?: string
  /** As it is, or `sha256:` and the 64 hexadecimal digits of its SHA-256. */
  readonly token?: string
  /** Has no colon (RFC 7617). */
  readonly user?: string
  /** As it is, or `scrypt:…` as `kedge gateway credentials` prints it. */
  readonly password?: string
}

/**
 * Its `roles`, `topics` and `groups` are those of `users` and `tokens`, of credentials that do not say their own, and of
 * everybody where no credentials are configured.
 */
export interface AuthOptions extends Access {
  /** Passwords by user. A user has no colon (RFC 7617). */
  readonly users?: Readonly<Record<string, string>>
  readonly tokens?: readonly string[]
  /** Credentials of which each may have its own roles, topics and groups. */
  readonly credentials?: readonly Credential[]
}

/** Whether no credentials are configured. */
export const isOpen = ({ users = {}, tokens = [], credentials = [] }: AuthOptions = {}): boolean =>
  Object.keys(users).length + tokens.length + credentials.length === 0

/** A token that is shorter could be found by trial, as a password can. */
const UNGUESSABLE_LENGTH = 20
/** The longest header that is looked at. */
const MAX_HEADER = 8192
/** Pairs of an address and a guessable secret that were right. */
const MAX_REMEMBERED = 10_000
/** Checks of passwords that may wait for the one before them. */
const MAX_CHECKS = 16

interface Known {
  readonly digest: Buffer
  readonly principal: Principal
  readonly guessable: boolean
}

interface KnownHash {
  readonly hash: PasswordHash
  readonly principal: Principal
  /** The digest of the password that was right: the next request with it costs no scrypt. */
  right?: Buffer
}

interface Shown {
  readonly scheme: 'basic' | 'bearer'
  readonly user: string
  readonly secret: string
  readonly digest: Buffer
}

export type Identified =
  | { readonly principal: Principal }
  /** No credential is shown, or a wrong one; with `retryAfter` (seconds) the address has shown too many. */
  | { readonly principal?: undefined; readonly wrong: boolean; readonly retryAfter?: number }

export class Credentials {
  /** Who everybody is, where no credentials are configured. */
  readonly anybody: Principal | undefined
  /** The values of `WWW-Authenticate`. */
  readonly challenge: string
  readonly #tokens: Known[] = []
  readonly #passwords: Known[] = []
  readonly #hashes = new Map<string, KnownHash>()
  readonly #wrong: WrongCredentials
  readonly #remembered = new QuickLRU<string, true>({ maxSize: MAX_REMEMBERED })
  #checks = 0
  #last: Promise<unknown> = Promise.resolve()

  /** @throws TypeError for credentials that could not work. It names no secret. */
  constructor(options: AuthOptions, runtime: Runtime) {
    const { users = {}, tokens = [], credentials = [], ...access } = options
    this.#wrong = new WrongCredentials(runtime)
    if (tokens.includes('')) throw new TypeError('`tokens` must not be empty')
    if (Object.values(users).includes('')) throw new TypeError('`users` must have passwords')
    if (Object.keys(users).some(isNoUser)) throw new TypeError('`users` must not be empty or contain a colon')
    for (const [user, password] of Object.entries(users)) this.#add({ user, password, ...access })
    for (const token of tokens) this.#add({ token, ...access })
    for (const credential of credentials) this.#add({ ...access, ...credential })
    this.anybody = isOpen(options) ? principalNamed('', access) : undefined
    const schemes = [
      this.#passwords.length + this.#hashes.size > 0 && 'Basic realm="kedge", charset="UTF-8"',
      this.#tokens.length > 0 && 'Bearer realm="kedge"',
    ]
    this.challenge = schemes.filter(Boolean).join(', ')
  }

  /**
   * Who shows this `Authorization`. It compares digests in constant time, with every credential, so that a client cannot
   * learn a secret's length, order or first characters from the time it takes.
   *
   * An address that has shown too many wrong ones is let in by what cannot be guessed, and by what was right from
   * there before: a guesser shuts out no client that is there already, and no token that is long.
   */
  async identify(header: string | undefined, address: string): Promise<Identified> {
    if (header === undefined) return { wrong: false }
    const shown = shownBy(header)
    const wait = this.#wrong.waitOf(address)
    const found = shown && (await this.#find(shown, address, wait > 0))
    if (found) return { principal: found }
    if (wait > 0) return { wrong: true, retryAfter: wait }
    this.#wrong.count(address)
    return { wrong: true }
  }

  /** Who shows this, where that needs no check of a password's hash. `undefined` says nothing: `identify` is to be asked. */
  known(header: string | undefined, address: string): Principal | undefined {
    const shown = header === undefined ? undefined : shownBy(header)
    return shown && this.#known(shown, address, () => this.#wrong.waitOf(address) > 0)
  }

  async #find(shown: Shown, address: string, limited: boolean): Promise<Principal | undefined> {
    const known = this.#known(shown, address, () => limited)
    const pair = pairOf(address, shown)
    if (known || (limited && !this.#remembered.has(pair))) return known
    const principal = await this.#byHash(shown)
    if (principal) this.#remembered.set(pair, true)
    return principal
  }

  #known(shown: Shown, address: string, isLimited: () => boolean): Principal | undefined {
    const { scheme, user, digest } = shown
    let found: Known | undefined
    for (const known of scheme === 'basic' ? this.#passwords : this.#tokens)
      if (timingSafeEqual(digest, known.digest)) found = known
    if (found && !found.guessable) return found.principal
    const own = scheme === 'basic' ? this.#hashes.get(user) : undefined
    const principal =
      found?.principal ?? (own?.right && timingSafeEqual(own.right, digest) ? own.principal : undefined)
    if (!principal) return undefined
    const pair = pairOf(address, shown)
    if (isLimited() && !this.#remembered.has(pair)) return undefined
    this.#remembered.set(pair, true)
    return principal
  }

  /** One check after the other: each takes 16 MiB and a thread. */
  async #byHash({ scheme, user, secret, digest }: Shown): Promise<Principal | undefined> {
    const own = this.#hashes.get(user)
    if (scheme !== 'basic' || this.#hashes.size === 0 || this.#checks >= MAX_CHECKS) return undefined
    // An unknown user takes as long as a known one.
    const { hash } = own ?? [...this.#hashes.values()][0]!
    this.#checks++
    const check = this.#last.then(() => verifyPassword(secret, hash))
    this.#last = check.catch(() => undefined)
    try {
      if (!(await check) || !own) return undefined
      own.right = digest
      return own.principal
    } finally {
      this.#checks--
    }
  }

  #add({ name, token, user, password, ...access }: Credential): void {
    for (const option of Object.keys(access))
      if (!ACCESS.has(option)) throw new TypeError(`\`credentials\` have no \`${option.slice(0, 40)}\``)
    if ((token === undefined) === (user === undefined) || (user === undefined) !== (password === undefined))
      throw new TypeError('`credentials` must each have a `token`, or a `user` and a `password`')
    if (token !== undefined) {
      if (token === '') throw new TypeError('`token` must not be empty')
      const atRest = tokenDigest(token)
      const digest = atRest ?? sha256(token)
      const principal = principalNamed(name ?? `token-${digest.toString('hex').slice(0, 8)}`, access)
      this.#tokens.push({ digest, principal, guessable: !atRest && token.length < UNGUESSABLE_LENGTH })
      return
    }
    if (isNoUser(user!)) throw new TypeError('`user` must not be empty or contain a colon')
    if (password === '') throw new TypeError('`password` must not be empty')
    const principal = principalNamed(name ?? user!, access)
    const hash = passwordHash(password!)
    if (hash && this.#hashes.has(user!)) throw new TypeError('`credentials` must have each `user` once')
    if (hash) this.#hashes.set(user!, { hash, principal })
    else this.#passwords.push({ digest: sha256(`${user}:${password}`), principal, guessable: true })
  }
}

const ACCESS: ReadonlySet<string> = new Set<keyof Access>(['roles', 'topics', 'groups'])
const isNoUser = (user: string): boolean => user === '' || user.includes(':')

const pairOf = (address: string, { digest }: Shown): string => `${address} ${digest.toString('base64')}`

function shownBy(header: string): Shown | undefined {
  if (header.length > MAX_HEADER) return undefined
  const [, scheme, text] = /^(basic|bearer) +(\S+) *$/i.exec(header) ?? []
  if (scheme === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer')
    return { scheme: 'bearer', user: '', secret: text!, digest: sha256(Buffer.from(text!)) }
  const pair = Buffer.from(text!, 'base64')
  const [user = '', ...rest] = pair.toString('utf8').split(':')
  return { scheme: 'basic', user, secret: rest.join(':'), digest: sha256(pair) }
}
