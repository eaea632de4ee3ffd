/** `kedge audit verify`: whether the audit of a gateway, of `kedge serve` or of a worker is as it was written. @module */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { verifyChain } from './audit-chain.ts'
import type { Verified } from './audit-chain.ts'
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
    'Compares each line of a file with its link. Exit code 1 when one is wrong.',
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
        throw new CommandError(`the file ${plain(file)} cannot be read`, { cause })
      })
      const isRight = found.broken === undefined && found.gone === 0
      session.terminal.say(flags.json ? JSON.stringify({ ok: isRight, ...found }) : verdict(found))
      done(isRight ? EXIT.ok : EXIT.failed)
    })
}

function verdict({ lines, broken, last, gone }: Verified): string {
  const end = last === '' ? '' : `; the last link is ${last}`
  const missing = gone === 0 ? '' : `; ${gone} ${gone === 1 ? 'line is' : 'lines are'} gone from between them`
  return broken === undefined
    ? `all ${lines} lines are as they were written${missing}${end}`
    : `line ${broken} is not as it was written, or a line before it is gone; the ${lines} before it are right${missing}${end}`
}
