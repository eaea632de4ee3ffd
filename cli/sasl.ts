/** How a command shows the brokers who it is. @module */
import { Buffer } from 'node:buffer'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { clientCredentials } from '../services/gateway/kafka/client-credentials.ts'
import { TokenError } from '../services/gateway/kafka/sasl.ts'
import type { KafkaSasl, KafkaToken } from '../services/gateway/kafka/index.ts'
import { asUsage, UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import {
  saslClientId,
  saslClientSecret,
  saslExtensions,
  saslMechanism,
  saslPassword,
  saslScope,
  saslToken,
  saslTokenFile,
  saslTokenUrl,
  saslUsername,
} from './settings/cluster.ts'

const OF_ENDPOINT = [saslClientId, saslClientSecret, saslScope]
const OF_TOKENS = [saslToken, saslTokenFile, saslTokenUrl, ...OF_ENDPOINT]
/** The largest that Kafka's own clients are given. */
const MAX_FILE_BYTES = 65_536

/** @throws UsageError where settings lack, or contradict each other. */
export function saslOf(values: ResolvedSettings, session: Session): KafkaSasl | undefined {
  const mechanism = values.get(saslMechanism)
  const [name, secret] = [values.get(saslUsername), values.get(saslPassword)]
  if (mechanism === 'OAUTHBEARER') {
    if ((name ?? secret) !== undefined)
      throw new UsageError('--sasl-username and KEDGE_SASL_PASSWORD are not for OAUTHBEARER: leave them out')
    const extensions = extensionsOf(values.get(saslExtensions))
    return { mechanism, token: tokenOf(values, session), ...(extensions && { extensions }) }
  }
  const foreign = OF_TOKENS.find((each) => values.get(each) !== undefined)
  if (foreign) throw new UsageError(`${nameOf(foreign)} needs --sasl-mechanism OAUTHBEARER`)
  if (name === undefined) {
    if (secret === undefined && values.source(saslMechanism) === 'default') return undefined
    throw new UsageError('SASL needs a user: give --sasl-username, or set KEDGE_SASL_USERNAME')
  }
  if (secret === undefined) throw new UsageError('--sasl-username needs a password: set KEDGE_SASL_PASSWORD')
  return { mechanism, username: name, password: secret }
}

/** A secret has no flag. */
const nameOf = ({ secret, env, flag }: (typeof OF_TOKENS)[number]): string =>
  secret ? env : flag.split(' ')[0]!

function tokenOf(values: ResolvedSettings, { folder, terminal }: Session): KafkaToken {
  const [token, file, tokenUrl] = [saslToken, saslTokenFile, saslTokenUrl].map((of) => values.get(of))
  if ([token, file, tokenUrl].filter((given) => given !== undefined).length !== 1)
    throw new UsageError(
      'OAUTHBEARER needs a token: set KEDGE_SASL_TOKEN, or give --sasl-token-file or --sasl-token-url, and no two of them',
    )
  if (tokenUrl === undefined) {
    const foreign = OF_ENDPOINT.find((each) => values.get(each) !== undefined)
    if (foreign) throw new UsageError(`${nameOf(foreign)} needs --sasl-token-url`)
    if (file !== undefined) return () => tokenIn(resolve(folder, file))
    terminal.hide(token!)
    return token!
  }
  const [clientId, clientSecret, scope] = OF_ENDPOINT.map((of) => values.get(of))
  if (clientId === undefined || clientSecret === undefined)
    throw new UsageError(
      '--sasl-token-url needs a client: give --sasl-client-id, and set KEDGE_SASL_CLIENT_SECRET',
    )
  terminal.hide(clientSecret)
  try {
    return clientCredentials({ tokenUrl, clientId, clientSecret, ...(scope !== undefined && { scope }) })
  } catch (error) {
    throw asUsage(error)
  }
}

/** The file of a Kubernetes service account, say, which is replaced while a process lives. */
async function tokenIn(path: string): Promise<string> {
  const unreadable = (cause: unknown): never => {
    throw new TokenError('The file of the token for the brokers cannot be read.', { refused: false, cause })
  }
  const file = await open(path).catch(unreadable)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1)).catch(unreadable)
    return buffer.toString('utf8', 0, bytesRead).trim()
  } finally {
    await file.close()
  }
}

function extensionsOf(given: readonly string[]): Record<string, string> | undefined {
  if (given.length === 0) return undefined
  return Object.fromEntries(
    given.map((each) => {
      const [, name, value] = /^([A-Za-z]+)=(.+)$/s.exec(each) ?? []
      if (name === undefined || value === undefined)
        throw new UsageError('--sasl-extension must be a name and a value, such as logicalCluster=lkc-1')
      return [name, value]
    }),
  )
}
