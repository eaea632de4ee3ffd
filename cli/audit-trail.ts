/** Writes the audit: one JSON object a line, to the standard output or at the end of a file. @module */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { resolve } from 'node:path'
import type { AuditEntry } from '../services/gateway/audit.ts'
import { AuditChain, endOf } from './audit-chain.ts'
import { sentence, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import { plain } from './terminal.ts'

/** Bytes that may wait for a slow disk; entries beyond them are lost, and counted. */
const MAX_WAITING_BYTES = 8_388_608
/** Only the owner may read who did what. */
const MODE = 0o600

export interface AuditTrail {
  tell(entry: AuditEntry): void
  /** Resolves when every entry is written. */
  close(): Promise<void>
}

/** @param place `stdout`, or the path of a file. @throws UsageError for a file that cannot be written. */
export async function auditTrail(
  place: string,
  key: string | undefined,
  session: Session,
): Promise<AuditTrail> {
  const { terminal, runtime, folder } = session
  const line = (entry: object) => JSON.stringify({ time: new Date(runtime.now()).toISOString(), ...entry })
  if (place === 'stdout' && key !== undefined)
    throw new UsageError('KEDGE_GATEWAY_AUDIT_KEY chains the lines of a file: name one by --audit')
  if (place === 'stdout') return { tell: (entry) => terminal.say(line(entry)), close: async () => {} }
  const path = resolve(folder, place)
  const chain = key === undefined ? undefined : await AuditChain.after(path, key).catch(unwritable(place))
  const end = await endOf(path).catch(unwritable(place))
  const file = await opened(path, place)
  // A process that was killed may have left half a line.
  if (end !== '' && !end.endsWith('\n')) file.write('\n')
  let lost = 0
  let failed = false
  file.on('error', (error) => {
    failed = true
    terminal.warn(`kedge gateway: the audit cannot be written to ${plain(place)}: ${sentence(error)}`)
  })
  const close = async () => {
    if (lost > 0) terminal.warn(`kedge gateway: ${lost} entries of the audit were lost`)
    if (failed) return
    file.end()
    await once(file, 'close').catch(() => undefined)
  }
  return {
    tell: (entry) => {
      if (failed || file.writableLength > MAX_WAITING_BYTES) {
        lost++
        return
      }
      const text = line(lost > 0 ? { ...entry, lost } : entry)
      file.write(`${chain?.link(text) ?? text}\n`)
      lost = 0
    },
    close,
  }
}

async function opened(path: string, place: string): Promise<WriteStream> {
  const file = createWriteStream(path, { flags: 'a', mode: MODE })
  await once(file, 'open').catch(unwritable(place))
  return file
}

const unwritable = (place: string) => (cause: unknown) => {
  throw new UsageError(`--audit: the file ${plain(place)} cannot be written`, { cause })
}
