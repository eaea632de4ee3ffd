/**
 * Secrets as a configuration file may hold them, so that its reader does not learn them.
 *
 * A token that was drawn at random from 256 bits cannot be found by trial, however fast the hash: `sha256:` and 64
 * hexadecimal digits. A password can: `scrypt:<log2 N>:<r>:<p>:<salt>:<hash>` (RFC 7914), salt and hash in base64url.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** N = 2^14, r = 8, p = 5: what OWASP's Password Storage Cheat Sheet asks for with 16 MiB. */
const COST = { log: 14, r: 8, p: 5 } as const
const HASH_BYTES = 32
const SALT_BYTES = 16
/** The most memory that one check may take: a hash of a configuration file must not stop the process. */
const MAX_MEMORY = 134_217_728

export interface PasswordHash {
  readonly log: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly hash: Buffer
}

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)

export const sha256 = (secret: string | Buffer): Buffer => createHash('sha256').update(secret).digest()

/** The digest of a token's hash at rest; `undefined` for a token as it is. */
export function tokenDigest(atRest: string): Buffer | undefined {
  const [, hex] = /^sha256:([0-9a-f]{64})$/i.exec(atRest) ?? []
  return hex === undefined ? undefined : Buffer.from(hex, 'hex')
}

export const hashToken = (token: string): string => `sha256:${sha256(token).toString('hex')}`

/** A password's hash at rest; `undefined` for a password as it is. @throws TypeError for one that is not whole. */
export function passwordHash(atRest: string): PasswordHash | undefined {
  if (!atRest.startsWith('scrypt:')) return undefined
  const match = /^scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([\w-]{16,128}):([\w-]{43})$/.exec(atRest)
  const [log, r, p] = (match ?? []).slice(1, 4).map(Number)
  if (!match || !log || !r || !p || 128 * 2 ** log * r > MAX_MEMORY / 2)
    throw new TypeError('`password` begins as a hash and is none: scrypt:<log2 N>:<r>:<p>:<salt>:<hash>')
  return { log, r, p, salt: Buffer.from(match[4]!, 'base64url'), hash: Buffer.from(match[5]!, 'base64url') }
}

export async function hashPassword(password: string): Promise<string> {
  const { log, r, p } = COST
  const salt = randomBytes(SALT_BYTES)
  const hash = await derived(password, { log, r, p, salt })
  return `scrypt:${log}:${r}:${p}:${salt.toString('base64url')}:${hash.toString('base64url')}`
}

/** Takes some 100 ms of a thread of the pool, for a right and for a wrong password. */
export async function verifyPassword(password: string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derived(password, known), known.hash)
}

const derived = (password: string, { log, r, p, salt }: Omit<PasswordHash, 'hash'>): Promise<Buffer> =>
  derive(password, salt, HASH_BYTES, { N: 2 ** log, r, p, maxmem: MAX_MEMORY })
