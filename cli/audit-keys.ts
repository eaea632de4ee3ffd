/** The secret by which an audit shows keys as hashes. @module */
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MIN_SECRET } from '../services/audit/hmac.ts'
import { UsageError } from './failure.ts'
import type { Session } from './session.ts'
import { plain } from './terminal.ts'

const MAX_SECRET = 4096
/** Of the 64 digits: 128 bits tell keys apart. */
const DIGITS = 32

/** What stands in the file. @throws UsageError for one that cannot be read, or whose secret can be guessed. */
export async function keysSecret(file: string, { folder, terminal }: Session): Promise<string> {
  const text = await readFile(resolve(folder, file), 'utf8').catch((cause: unknown) => {
    throw new UsageError(`--audit-keys-hash: the file ${plain(file)} cannot be read`, { cause })
  })
  const secret = text.trim()
  if (secret.length < MIN_SECRET || secret.length > MAX_SECRET)
    throw new UsageError(
      `--audit-keys-hash: the secret in ${plain(file)} must have ${MIN_SECRET} to ${MAX_SECRET} characters`,
    )
  terminal.hide(secret)
  return secret
}

/** HMAC-SHA-256 of a record's key. */
export const keyHasher =
  (secret: string) =>
  (key: Uint8Array): string =>
    createHmac('sha256', secret).update(key).digest('hex').slice(0, DIGITS)
