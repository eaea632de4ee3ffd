/** `kedge gateway credentials`: a new credential, its hash for the gateway and its secret for the client. @module */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { principalNamed } from '../services/gateway/access.ts'
import type { Role } from '../services/gateway/access.ts'
import type { Credential } from '../services/gateway/credentials.ts'
import { hashPassword, hashToken } from '../services/gateway/secret-hash.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { asUsage, EXIT, UsageError } from './failure.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { evictionsTopic, updatesTopic } from './settings/topics.ts'

const SETTINGS = [evictionsTopic, updatesTopic]
/** Too many to be found by trial. */
const SECRET_BYTES = 32

interface Flags {
  readonly name?: string
  readonly user?: string
  readonly roles?: string
  readonly topics?: string
  readonly groups?: string
  readonly json?: boolean
}

const AFTER = `
Without options it prints the least that an isolate needs: read and write on the topics of evictions and updates, and no
consumer group. Isolates that neither set values nor replicate do without the topic of updates; those that ask a loader
also write to the topic of requests.`

export function credentialsCommand(session: Session, done: Done): Command {
  return command(
    'credentials',
    'Makes a credential: its hash for the gateway, its secret for a client.',
    SETTINGS,
  )
    .option('--name <name>', 'its name in logs (default: isolates, or that of --user)')
    .option('--user <name>', 'a user with a password (Basic), instead of a bearer token')
    .option('--roles <list>', 'of read, write, admin (default: read,write)')
    .option('--topics <patterns>', 'names, with * for any characters (default: those of the settings)')
    .option('--groups <patterns>', 'consumer groups (default: none)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', AFTER)
    .action(async (flags: Flags, from: Command) => {
      const values = await resolveSettings(from, SETTINGS, session)
      const topics = [values.get(evictionsTopic), values.get(updatesTopic)]
      const { credential, secret } = await made(flags, topics)
      const { terminal } = session
      // They are a result, and no line of a log.
      terminal.logs(undefined)
      if (flags.json) terminal.say(JSON.stringify({ credential, secret }))
      else for (const line of lines(credential, secret)) terminal.say(line)
      done(EXIT.ok)
    })
}

interface Made {
  /** As the gateway's configuration has it: without the secret. */
  readonly credential: Credential
  readonly secret: string
}

async function made(
  { name, user, roles, topics, groups }: Flags,
  otherwise: readonly string[],
): Promise<Made> {
  const access = {
    roles: (roles === undefined ? ['read', 'write'] : listed(roles)) as Role[],
    topics: topics === undefined ? otherwise : listed(topics),
    groups: groups === undefined ? [] : listed(groups),
  }
  const called = name ?? user ?? 'isolates'
  if (user?.includes(':')) throw new UsageError('--user must have no colon')
  try {
    principalNamed(called, access)
  } catch (error) {
    throw asUsage(error)
  }
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const proof =
    user === undefined ? { token: hashToken(secret) } : { user, password: await hashPassword(secret) }
  return { credential: { name: called, ...proof, ...access }, secret }
}

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

function lines(credential: Credential, secret: string): string[] {
  const { user } = credential
  return [
    'for the gateway, in `gateway.credentials` of its configuration file, or KEDGE_GATEWAY_CREDENTIALS:',
    JSON.stringify([credential]),
    'for its clients, shown this once:',
    ...(user === undefined
      ? [`KAFKA_TOKEN=${secret}`]
      : [`KAFKA_USERNAME=${user}`, `KAFKA_PASSWORD=${secret}`]),
  ]
}
