/** Connects to the brokers that the settings name. @module */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { KafkaCluster, KafkaOptions } from '../services/gateway/kafka/index.ts'
import { asUsage, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import {
  brokers,
  sessionTimeout,
  tls,
  tlsCa,
  tlsCert,
  tlsInsecure,
  tlsKey,
  tlsServername,
} from './settings/cluster.ts'
import { saslOf } from './sasl.ts'
import { plain } from './terminal.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

/**
 * Calls `work` with the cluster, and closes it after. @throws UsageError where settings contradict each
 * other.
 */
export async function withCluster<T>(
  values: ResolvedSettings,
  session: Session,
  work: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  const cluster = await connected(values, session)
  // Printed before the first answer: brokers that are away do not answer for some seconds.
  session.terminal.warn(`asking ${(values.get(brokers) ?? []).map(plain).join(', ')} …`)
  try {
    return await work(cluster)
  } finally {
    await cluster.close().catch(() => undefined)
  }
}

/** A connected cluster. The caller closes it. */
export async function connected(
  values: ResolvedSettings,
  session: Session,
  { onErrorCode }: { readonly onErrorCode?: KafkaOptions['onErrorCode'] } = {},
): Promise<KafkaCluster> {
  const options = { ...(await kafkaOptions(values, session)), ...(onErrorCode && { onErrorCode }) }
  try {
    return await session.connect(options)
  } catch (error) {
    throw asUsage(error)
  }
}

async function kafkaOptions(values: ResolvedSettings, session: Session): Promise<KafkaOptions> {
  const { folder, terminal } = session
  const list = values.get(brokers) ?? []
  if (list.length === 0) throw new UsageError('--brokers is missing: give it, or set KEDGE_BROKERS')
  const encryption = await tlsOf(values, folder)
  const sasl = saslOf(values, session)
  return {
    brokers: list,
    clientId: 'kedge',
    sessionTimeoutMs: values.get(sessionTimeout),
    onUnreadable: ({ topic, partition, offset, reason }) =>
      terminal.tell(
        'warn',
        'unreadable',
        `kedge: a batch of ${plain(topic)}/${partition} before ${offset} cannot be read (${plain(reason)}): one record that no cache can read stands in its place`,
        { topic, partition, offset },
      ),
    ...(encryption && { tls: encryption }),
    ...(sasl && { sasl }),
  }
}

async function tlsOf(values: ResolvedSettings, folder: string): Promise<KafkaOptions['tls']> {
  const [ca, cert, key] = await Promise.all(
    [tlsCa, tlsCert, tlsKey].map((file) => pem(values.get(file), values.place(file), folder)),
  )
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert and --tls-key go together: give both, or neither')
  const servername = values.get(tlsServername)
  const insecure = values.get(tlsInsecure)
  const details = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername && { servername }),
    ...(insecure && { rejectUnauthorized: false }),
  }
  if (Object.keys(details).length === 0) return values.get(tls) || undefined
  if (values.source(tls) !== 'default' && !values.get(tls))
    throw new UsageError(
      'tls.enabled is false, but other TLS settings are given: leave out one or the others',
    )
  return details
}

async function pem(file: string | undefined, place: string, folder: string): Promise<string | undefined> {
  if (file === undefined) return undefined
  let text: string
  try {
    text = await readFile(resolve(folder, file), 'utf8')
  } catch (cause) {
    throw new UsageError(`${place}: the file ${plain(file)} cannot be read`, { cause })
  }
  if (!text.includes('-----BEGIN ')) throw new UsageError(`${place}: ${plain(file)} is not a PEM file`)
  return text
}
