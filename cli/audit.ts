/** `kedge audit verify`: whether the audit of a gateway, of `kedge serve` or of a worker is as it was written. @module */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { verifyChain } from './audit-verification.ts'
import type { Verified, Why } from './audit-verification.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { gatewayAudit, serveAudit } from './settings/audit.ts'
import { plain } from './terminal.ts'

const KEYS = [gatewayAudit.auditKey, serveAudit.auditKey]

export function auditCommand(session: Session, done: Done): Command {
  return new Command('audit')
    .description('Compares an audit with its chain.')
    .addCommand(verifyCommand(session, done))
}

function verifyCommand(session: Session, done: Done): Command {
  return command(
    'verify',
    'Compares each line of a file with its link. Exit code 1 when one is wrong or gone, or the file cannot be read.',
    // Their flag is the same, and not taken: it is a secret's.
    KEYS.slice(0, 1),
  )
    .argument('<file>', 'the file of --audit, or the lines of its topic or of a console, one a line')
    .option('--json', 'print one JSON object')
    .action(async (file: string, flags: { json?: boolean }, from: Command) => {
      const values = await resolveSettings(from, KEYS, session)
      const key = KEYS.map((of) => values.get(of)).find((of) => of !== undefined)
      if (key === undefined)
        throw new UsageError(
          'the key of the chain is missing: set KEDGE_GATEWAY_AUDIT_KEY, or KEDGE_SERVE_AUDIT_KEY',
        )
      const found = await verifyChain(resolve(session.folder, file), key).catch((cause: unknown) => {
        const isMissing = (cause as { code?: unknown }).code === 'ENOENT'
        throw new CommandError(
          isMissing ? `there is no file ${plain(file)}` : `the file ${plain(file)} cannot be read`,
          { cause },
        )
      })
      const isRight = found.broken === undefined && found.gone === 0
      session.terminal.say(
        flags.json ? JSON.stringify({ ok: isRight, ...found }) : verdict(plain(file), found),
      )
      done(isRight ? EXIT.ok : EXIT.failed)
    })
}

/** What it is, and what to do. */
const WHY: Readonly<Record<Why, readonly [what: string, advice: string]>> = {
  link: [
    'was changed, or a line before it was changed, removed or put in',
    'compare the file from here on with a copy, or with what else keeps these requests',
  ],
  unlinked: [
    'has no link: it was put in, or written without the key',
    'lines from here on prove nothing: keep the file, and let a new one begin with the key',
  ],
  'torn-end': [
    'is half a line: a process writes it now, or was killed while it did',
    'the next start with the key says so in the chain',
  ],
  torn: [
    'is half a line that the next one does not name: it was cut or put in',
    'compare the file from here on with a copy, or with what else keeps these requests',
  ],
  'torn-gone': ['names half a line before it, which is gone', 'compare the lines before it with a copy'],
  'too-many-writers': ['is of one writer too many: 100000 can be compared', 'compare the file in parts'],
}
/** The first line has no other before it. */
const FIRST = [
  'has not the link that this key makes: another key has written the file, lines at its beginning are gone, or it was changed',
  'set the key of this file, and look for older files',
] as const

function verdict(file: string, { lines, broken, why, torn, last, gone }: Verified): string {
  const end = last === '' ? '' : `; the last link is ${last}`
  const missing = gone === 0 ? '' : `; ${gone} ${gone === 1 ? 'line is' : 'lines are'} gone from between them`
  const cut =
    torn.length === 0
      ? ''
      : `; beside them ${torn.length === 1 ? 'line' : 'lines'} ${torn.slice(0, 10).join(', ')}${torn.length > 10 ? ', …' : ''}: torn when a process was killed, as the chain says`
  if (broken === undefined || why === undefined)
    return `all ${lines} lines are as they were written${missing}${cut}${end}`
  const [what, advice] = why === 'link' && broken === 1 ? FIRST : WHY[why]
  return `${file}:${broken} ${what}. The ${lines} lines before it are right${missing}${cut}${end}. What to do: ${advice}`
}
