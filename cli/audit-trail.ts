/** Writes the audit: one JSON object a line, to the standard output, at the end of a file, or to a topic. @module */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { AuditLines } from '../services/audit/audit-lines.ts'
import { AuditChain, endOf } from './audit-chain.ts'
import { keysSecret } from './audit-keys.ts'
import { sentence, UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import type { AuditSettings } from './settings/audit.ts'
import { plain } from './terminal.ts'

/** Bytes that may wait for a slow disk; entries beyond them are lost, and counted. */
const MAX_WAITING_BYTES = 8_388_608
/** Only the owner may read who did what. */
const MODE = 0o600
const TOPIC = 'cache-audit'

interface AuditTrail {
  /** Waits for nothing. The promise resolves when a topic has the entry, or it is lost. */
  tell(entry: object): Promise<void>
  /** Resolves when every entry is written, or lost. */
  close(): Promise<void>
}

export interface KeyedTrail extends AuditTrail {
  /** By which keys are shown as hashes; `undefined`: they are not shown. */
  readonly keysSecret: string | undefined
}

/** Appends lines to a topic. Rejects where one was not acknowledged. */
export type Append = (topic: string, lines: readonly string[], signal: AbortSignal) => Promise<void>

export interface AuditAsked {
  /** For messages: `kedge gateway`. */
  readonly name: string
  readonly settings: AuditSettings
  /** Absent where there is no topic to write to. */
  readonly append: Append | undefined
}

interface AuditPlace extends AuditAsked {
  /** `stdout`, `topic`, `topic:<name>`, or the path of a file. */
  readonly place: string
  readonly key: string | undefined
}

/** @throws UsageError for a file that cannot be written, or settings that do not go together. */
export async function auditOf(
  asked: AuditAsked,
  values: ResolvedSettings,
  session: Session,
): Promise<KeyedTrail | undefined> {
  const { audit, auditKey, auditKeysHash } = asked.settings
  const [place, key, file] = [audit, auditKey, auditKeysHash].map((of) => values.get(of))
  if (place === undefined) {
    if (file !== undefined) throw new UsageError('--audit-keys-hash needs --audit')
    return undefined
  }
  if (key !== undefined) session.terminal.hide(key)
  const secret = file === undefined ? undefined : await keysSecret(file, session)
  return { ...(await trailIn({ ...asked, place, key }, session)), keysSecret: secret }
}

async function trailIn(asked: AuditPlace, session: Session): Promise<AuditTrail> {
  const { place, key, settings } = asked
  const named = /^topic(?::([\w.-]{1,249}))?$/.exec(place)
  if (named) return inTopic(named[1] ?? TOPIC, asked, session)
  const { terminal } = session
  if (place !== 'stdout') return inFile(asked, session)
  if (key !== undefined)
    throw new UsageError(
      `${settings.auditKey.env} chains the lines of a file or a topic: name one by --audit`,
    )
  return { tell: async (entry) => terminal.say(lineOf(entry, session)), close: async () => {} }
}

const lineOf = (entry: object, { runtime }: Session): string =>
  JSON.stringify({ time: new Date(runtime.now()).toISOString(), ...entry })

function inTopic(topic: string, asked: AuditPlace, session: Session): AuditTrail {
  const { append, key, name, settings } = asked
  const { terminal, runtime } = session
  if (!append) throw new UsageError('--audit topic needs a cluster: give --brokers, or name a file')
  if (key !== undefined && key.length < 16)
    throw new UsageError(
      `${settings.auditKey.env} must have at least 16 characters, because the lines of a topic are shown to others`,
    )
  let lost = 0
  const lines = new AuditLines({
    send: (texts, signal) => append(topic, texts, signal),
    key,
    runtime,
    onLost: (count, error) => {
      // Once, until it works again: a topic that is away takes none.
      if (lost === 0)
        terminal.warn(`${name}: the audit cannot be written to the topic ${plain(topic)}: ${sentence(error)}`)
      lost += count
    },
  })
  return {
    tell: (entry) => lines.tell(entry),
    close: async () => {
      await lines.close()
      if (lost > 0) terminal.warn(`${name}: ${lost} entries of the audit were lost`)
    },
  }
}

async function inFile({ place, key, name }: AuditPlace, session: Session): Promise<AuditTrail> {
  const { terminal, folder } = session
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
    terminal.warn(`${name}: the audit cannot be written to ${plain(place)}: ${sentence(error)}`)
  })
  const close = async () => {
    if (lost > 0) terminal.warn(`${name}: ${lost} entries of the audit were lost`)
    if (failed) return
    file.end()
    await once(file, 'close').catch(() => undefined)
  }
  return {
    tell: async (entry) => {
      if (failed || file.writableLength > MAX_WAITING_BYTES) {
        lost++
        return
      }
      const text = lineOf(lost > 0 ? { ...entry, lost } : entry, session)
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
