/** The command line and environment of the gateway. @module */
import { parseArgs } from 'node:util'
import type { StartOptions } from './server.ts'

export const USAGE = `Usage: node gateway/main.ts [options]

Kafka over HTTP, in the protocols of Redpanda's HTTP Proxy, Confluent's REST Proxy (v2, v3) and Upstash.

  --host <address>         where to listen                        KEDGE_GATEWAY_HOST        127.0.0.1
  --port <number>          0 takes a free one                     KEDGE_GATEWAY_PORT        8082
  --log <kind>             memory                                 KEDGE_GATEWAY_LOG         memory
  --topic <name[:count]>   create a topic; may be repeated        KEDGE_GATEWAY_TOPICS      (comma-separated)
  --partitions <number>    of topics created on first use         KEDGE_GATEWAY_PARTITIONS  1
  --no-auto-create         unknown topics are errors              KEDGE_GATEWAY_AUTO_CREATE true
  --retention-records <n>  records held in a partition            KEDGE_GATEWAY_RETENTION_RECORDS  100000
  --retention-bytes <n>    bytes held in a partition              KEDGE_GATEWAY_RETENTION_BYTES    16777216
  --max-wait <ms>          longest wait of a poll                 KEDGE_GATEWAY_MAX_WAIT    30000
  --max-polls <number>     polls that may wait at once            KEDGE_GATEWAY_MAX_POLLS   1000
  --user <name:password>   Basic credentials; may be repeated     KEDGE_GATEWAY_USER        (one)
  --token <token>          Bearer token; may be repeated          KEDGE_GATEWAY_TOKEN       (one)
  --access-log             one line for each request              KEDGE_GATEWAY_ACCESS_LOG  false
  --help

Secrets are better given by the environment: other users of a machine can read its command lines.
`

export interface Arguments {
  readonly help: boolean
  readonly accessLog: boolean
  readonly options: StartOptions
}

type Environment = Readonly<Record<string, string | undefined>>

/** What to start. @throws TypeError with a sentence for people, which never quotes a secret. */
export function readArguments(argv: readonly string[], env: Environment): Arguments {
  const flags = parse(argv)
  const text = (name: keyof typeof flags): string | undefined => {
    const value = flags[name]
    return typeof value === 'string' ? value : env[variable(name)]
  }
  const number = (name: keyof typeof flags, min: number, max: number): number | undefined => {
    const value = text(name)
    if (value === undefined || value === '') return undefined
    if (!/^\d{1,15}$/.test(value) || Number(value) < min || Number(value) > max) {
      throw new TypeError(
        `--${name} (${variable(name)}) must be a whole number from ${min} to ${max}, got "${value.slice(0, 40)}"`,
      )
    }
    return Number(value)
  }
  const kind = text('log') ?? 'memory'
  if (kind !== 'memory')
    throw new TypeError(`--log (KEDGE_GATEWAY_LOG) must be memory, got "${kind.slice(0, 40)}"`)

  const most = Number.MAX_SAFE_INTEGER
  const topics = flags.topic ?? env.KEDGE_GATEWAY_TOPICS?.split(',').filter(Boolean) ?? []
  const users = flags.user ?? (env.KEDGE_GATEWAY_USER ? [env.KEDGE_GATEWAY_USER] : [])
  const tokens = flags.token ?? (env.KEDGE_GATEWAY_TOKEN ? [env.KEDGE_GATEWAY_TOKEN] : [])
  return {
    help: flags.help ?? false,
    accessLog: flags['access-log'] ?? truth(env, 'KEDGE_GATEWAY_ACCESS_LOG', false),
    options: {
      host: text('host') ?? '127.0.0.1',
      port: number('port', 0, 65_535) ?? 8082,
      memory: {
        topics: Object.fromEntries(topics.map(topicOf)),
        autoCreate: !flags['no-auto-create'] && truth(env, 'KEDGE_GATEWAY_AUTO_CREATE', true),
        partitions: number('partitions', 1, 1000) ?? 1,
        retentionRecords: number('retention-records', 1, most) ?? 100_000,
        retentionBytes: number('retention-bytes', 1, most) ?? 16_777_216,
      },
      limits: {
        maxWaitMs: number('max-wait', 1, 2_147_483_647) ?? 30_000,
        maxPolls: number('max-polls', 1, most) ?? 1000,
      },
      auth: { users: Object.fromEntries(users.map(userOf)), tokens },
    },
  }
}

function parse(argv: readonly string[]) {
  const one = { type: 'string' } as const
  const many = { type: 'string', multiple: true } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        host: one,
        port: one,
        log: one,
        topic: many,
        partitions: one,
        'no-auto-create': flag,
        'retention-records': one,
        'retention-bytes': one,
        'max-wait': one,
        'max-polls': one,
        user: many,
        token: many,
        'access-log': flag,
        help: flag,
      },
    }).values
  } catch (error) {
    throw new TypeError(error instanceof Error ? error.message : 'unreadable arguments', { cause: error })
  }
}

const variable = (name: string): string => `KEDGE_GATEWAY_${name.replaceAll('-', '_').toUpperCase()}`

function topicOf(text: string): [name: string, partitions: number] {
  const [, name, count = '1'] = /^([\w.-]{1,249})(?::(\d{1,4}))?$/.exec(text) ?? []
  if (!name || Number(count) < 1 || Number(count) > 1000) {
    throw new TypeError(
      `--topic (KEDGE_GATEWAY_TOPICS) must be a name, or a name and 1 to 1000 partitions such as orders:4, got "${text.slice(0, 40)}"`,
    )
  }
  return [name, Number(count)]
}

function userOf(text: string): [user: string, password: string] {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) {
    throw new TypeError('--user (KEDGE_GATEWAY_USER) must be a name and a password with a colon between them')
  }
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function truth(env: Environment, name: string, otherwise: boolean): boolean {
  const value = env[name]
  if (value === undefined || value === '') return otherwise
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw new TypeError(`${name} must be true or false, got "${value.slice(0, 40)}"`)
}
