/** `kedge audit verify`: whether a file of the gateway's audit is as it was written. @module */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { verifyChain } from './audit-chain.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { auditKey } from './settings/gateway.ts'
import { plain } from './terminal.ts'

const SETTINGS = [auditKey]

export function auditCommand(session: Session, done: Done): Command {
  return new Command('audit')
    .description('Compares the audit of a gateway with its chain.')
    .addCommand(verifyCommand(session, done))
}

function verifyCommand(session: Session, done: Done): Command {
  return command(
    'verify',
    'Compares each line of a file with its link. Exit code 1 when one is wrong.',
    SETTINGS,
  )
    .argument('<file>', 'the file of --audit')
    .option('--json', 'print one JSON object')
    .action(async (file: string, flags: { json?: boolean }, from: Command) => {
      const values = await resolveSettings(from, SETTINGS, session)
      const key = values.get(auditKey)
      if (key === undefined)
        throw new UsageError('the key of the chain is missing: set KEDGE_GATEWAY_AUDIT_KEY')
      const found = await verifyChain(resolve(session.folder, file), key).catch((cause: unknown) => {
        throw new CommandError(`the file ${plain(file)} cannot be read`, { cause })
      })
      const { lines, broken, last } = found
      const end = last === '' ? '' : `; the last link is ${last}`
      if (flags.json) session.terminal.say(JSON.stringify({ ok: broken === undefined, ...found }))
      else if (broken === undefined) session.terminal.say(`all ${lines} lines are as they were written${end}`)
      else
        session.terminal.say(
          `line ${broken} is not as it was written, or a line before it is gone; the ${lines} before it are right${end}`,
        )
      done(broken === undefined ? EXIT.ok : EXIT.failed)
    })
}
