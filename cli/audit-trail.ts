/** Writes the audit: one JSON object a line, to the standard output, at the end of a file, or to a topic. @module */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { AuditLines } from '../services/audit/audit-lines.ts'
import { MIN_SECRET } from '../services/audit/hmac.ts'
import { AuditChain, chainEnd, TORN } from './audit-chain.ts'
import type { Unfit } from './audit-chain.ts'
import { keysSecret } from './audit-keys.ts'
import { codeOf, sentence, UsageError } from './failure.ts'
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
  if (key !== undefined && key.length < MIN_SECRET)
    throw new UsageError(
      `${auditKey.env} must be a secret of at least ${MIN_SECRET} characters, as of \`openssl rand -base64 32\`: who has a line can try out shorter ones`,
    )
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
  return { tell: async (entry) => terminal.audit(entry, session.runtime.now()), close: async () => {} }
}

const lineOf = (entry: object, { runtime }: Session): string =>
  JSON.stringify({ time: new Date(runtime.now()).toISOString(), ...entry })

const sayLost = (name: string, lost: number, { terminal }: Session): void =>
  terminal.tell('error', 'audit_lost', `${name}: ${lost} entries of the audit were lost`, { count: lost })

function inTopic(topic: string, asked: AuditPlace, session: Session): AuditTrail {
  const { append, key, name } = asked
  const { terminal, runtime } = session
  if (!append) throw new UsageError('--audit topic needs a cluster: give --brokers, or name a file')
  let lost = 0
  const lines = new AuditLines({
    send: (texts, signal) => append(topic, texts, signal),
    key,
    runtime,
    onLost: (count, error) => {
      // Once, until it works again: a topic that is away takes none.
      if (lost === 0)
        terminal.tell(
          'error',
          'audit_failed',
          `${name}: the audit cannot be written to the topic ${plain(topic)}: ${sentence(error)}`,
          codeOf(error),
        )
      lost += count
    },
  })
  return {
    tell: (entry) => lines.tell(entry),
    close: async () => {
      await lines.close()
      if (lost > 0) sayLost(name, lost, session)
    },
  }
}

async function inFile({ place, key, name, settings }: AuditPlace, session: Session): Promise<AuditTrail> {
  const { terminal, folder } = session
  const path = resolve(folder, place)
  const end = await chainEnd(path, key).catch(unwritable(place))
  const named = plain(place)
  if (end.unfit)
    throw new UsageError(
      `--audit: ${REFUSALS[end.unfit](named, settings.auditKey.env)}; or move ${named} away and keep it, or name another file`,
    )
  const chain = key === undefined ? undefined : new AuditChain(key, end.last)
  const file = await opened(path, place)
  if (end.isOpen) file.write('\n')
  if (end.torn) {
    terminal.tell(
      'warn',
      'audit_torn',
      `${name}: ${named} ends with half a line (${end.torn.bytes} bytes): a process was killed while it wrote it`,
    )
    if (chain) file.write(`${chain.link(lineOf({ act: TORN, ...end.torn }, session))}\n`)
  }
  let lost = 0
  let failed = false
  file.on('error', (error) => {
    failed = true
    terminal.tell(
      'error',
      'audit_failed',
      `${name}: the audit cannot be written to ${plain(place)}: ${sentence(error)}`,
      codeOf(error),
    )
  })
  const close = async () => {
    if (lost > 0) sayLost(name, lost, session)
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

/** Why a file is refused: a line that does not follow from the one before it would break the chain for good. */
const REFUSALS: Readonly<Record<Unfit, (file: string, env: string) => string>> = {
  linked: (file, env) =>
    `the lines of ${file} are chained, and there is no key: set ${env} to the key that has written them`,
  unlinked: (file) => `the last line of ${file} was written without a key, so no chain can begin there`,
  'other-key': (file, env) =>
    `the last line of ${file} was chained by another key than ${env}, or it was changed: set the key that has written it`,
  'no-lines': (file) => `${file} does not end with lines of an audit`,
}

async function opened(path: string, place: string): Promise<WriteStream> {
  const file = createWriteStream(path, { flags: 'a', mode: MODE })
  await once(file, 'open').catch(unwritable(place))
  return file
}

const unwritable = (place: string) => (cause: unknown) => {
  throw new UsageError(`--audit: the file ${plain(place)} cannot be written`, { cause })
}
