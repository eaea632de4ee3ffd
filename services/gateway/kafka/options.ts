/** The options of the connections to Kafka. @module */
import { isIP } from 'node:net'
import type { ConnectionOptions } from '@platformatic/kafka'
import * as z from 'zod/mini'
import { issueMessage } from '../../../src/api/issue-message.ts'
import { saslOptions } from './sasl.ts'
import type { KafkaOptions, KafkaTls, UnreadableBatch } from './types.ts'
import { harmless } from '../../../src/runtime/listener.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, as brokers list each other. */
export const nameOf = ({ host, port }: Address): string => `${host}:${port}`

export interface KafkaSettings {
  readonly brokers: readonly Address[]
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly maxBatchBytes: number
  readonly onUnreadable: ((batch: UnreadableBatch) => void) | undefined
  readonly onErrorCode: ((name: string) => void) | undefined
  /**
   * The options of a connection to `host`.
   *
   * @param onSession told how long its session lasts, in milliseconds, once it is authenticated; 0 without an end
   */
  readonly connection: (host: string, onSession?: (lifetimeMs: number) => void) => ConnectionOptions
}

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_SESSION_MS = 9000
const DEFAULT_BATCH_BYTES = 32 * 1024 * 1024
/** The largest batch that the inflating libraries take. */
const MAX_BATCH_BYTES = 2 ** 30
/** The longest delay that timers of Node keep. */
const MAX_TIMEOUT_MS = 2_147_483_647

const text = z.string().check(z.minLength(1))
const schema = z.strictObject({
  brokers: z.array(text).check(z.minLength(1)),
  clientId: z.optional(text.check(z.maxLength(249))),
  tls: z.optional(
    z.union([
      z.boolean(),
      z.strictObject({
        ca: z.optional(text),
        cert: z.optional(text),
        key: z.optional(text),
        rejectUnauthorized: z.optional(z.boolean()),
        servername: z.optional(text),
      }),
    ]),
  ),
  sasl: z.optional(
    z.discriminatedUnion('mechanism', [
      z.strictObject({
        mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
        username: text,
        password: z.string(),
      }),
      z.strictObject({
        mechanism: z.literal('OAUTHBEARER'),
        token: z.union([text, z.custom((value) => typeof value === 'function')], {
          error: 'must be a token or a function',
        }),
        extensions: z.optional(
          z.record(
            // `auth` is the token's own (KIP-342).
            z.string().check(z.regex(/^(?!auth$)[A-Za-z]{1,64}$/, { error: 'must have names of letters' })),
            z.string().check(z.regex(/^[\x20-\x7e]{1,4096}$/, { error: 'must be printable ASCII' })),
          ),
        ),
      }),
    ]),
  ),
  requestTimeoutMs: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMEOUT_MS))),
  sessionTimeoutMs: z.optional(z.int().check(z.gte(1), z.lte(MAX_TIMEOUT_MS))),
  maxBatchBytes: z.optional(z.int().check(z.gte(1), z.lte(MAX_BATCH_BYTES))),
  onUnreadable: z.optional(z.custom((value) => typeof value === 'function', { error: 'must be a function' })),
  onErrorCode: z.optional(z.custom((value) => typeof value === 'function', { error: 'must be a function' })),
})

/** @throws TypeError naming the option that is wrong, never what a secret was. */
export function settingsOf(options: KafkaOptions): KafkaSettings {
  const parsed = schema.safeParse(options, { error: issueMessage })
  if (!parsed.success) throw new TypeError(complaint(parsed.error))
  const { clientId = 'kedge-gateway', sasl, requestTimeoutMs = DEFAULT_TIMEOUT_MS, onUnreadable } = options
  const { onErrorCode } = options
  const { maxBatchBytes = DEFAULT_BATCH_BYTES, sessionTimeoutMs = DEFAULT_SESSION_MS } = options
  const tls = options.tls === true ? {} : options.tls || undefined
  return {
    brokers: options.brokers.map(addressOf),
    clientId,
    requestTimeoutMs,
    sessionTimeoutMs,
    maxBatchBytes,
    onUnreadable: onUnreadable && harmless(onUnreadable),
    onErrorCode: onErrorCode && harmless(onErrorCode),
    connection: (host, onSession = () => {}) => ({
      connectTimeout: requestTimeoutMs,
      ...(tls && { tls: tlsOf(tls), tlsServerName: tls.servername ?? isIP(host) === 0 }),
      ...(sasl && { sasl: saslOptions(sasl, onSession) }),
    }),
  }
}

function tlsOf({ ca, cert, key, rejectUnauthorized = true }: KafkaTls) {
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

function complaint({ issues: [issue] }: z.core.$ZodError): string {
  const path = issue?.path.join('.') ?? ''
  if (issue?.code === 'unrecognized_keys') {
    const name = [...issue.path, issue.keys[0] ?? ''].join('.')
    return `\`${name}\` is not an option of the Kafka cluster`
  }
  return path === ''
    ? 'the options of the Kafka cluster must be an object'
    : `\`${path}\` is wrong: ${issue?.message}`
}

/** `host:port`, `[::1]:port`. */
function addressOf(broker: string): Address {
  const [, six, four, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(broker) ?? []
  const host = six ?? four
  const port = Number(digits)
  if (host === undefined || port < 1 || port > 65_535)
    throw new TypeError('`brokers` must be written host:port')
  return { host, port }
}
