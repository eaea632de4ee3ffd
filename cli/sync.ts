/** `kedge sync`: a topic becomes a fast lookup store, as a process. @module */
import type { Command } from 'commander'
import type { Codec } from '../src/wire/codec.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { createSync } from '../services/sync/index.ts'
import type { SyncOptions } from '../services/sync/index.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { asUsage, EXIT, UsageError } from './failure.ts'
import { startHealth } from './health.ts'
import type { RunningHealth } from './health.ts'
import { absentTopic } from './missing-topic.ts'
import { codecOf } from './proxy.ts'
import { readableLog } from './readable-log.ts'
import type { Session } from './session.ts'
import { brokers, CLUSTER_SETTINGS } from './settings/cluster.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { PROXY_SETTINGS, url } from './settings/proxy.ts'
import {
  deadLetters,
  drainTime,
  emptyDeletes,
  encode,
  format,
  giveUpAfter,
  isolation,
  key,
  keyFormat,
  life,
  lifeField,
  lifeFrom,
  listen,
  maxBatch,
  maxLag,
  maxLagRecords,
  namespaces,
  order,
  prefix,
  storePassword,
  stream,
  SYNC_SETTINGS,
  to,
  topic,
  value,
} from './settings/sync.ts'
import { evictionsTopic, updatesTopic } from './settings/topics.ts'
import type { OpenStore } from './store.ts'
import { secretsOf } from './store-url.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { signatureMetrics } from './metrics/signature-metrics.ts'
import { healthOf, syncMetrics } from './metrics/sync-metrics.ts'
import { SyncReport } from './sync-report.ts'
import { tierWork } from './sync-tier.ts'
import type { Work } from './sync-work.ts'
import { pageOptionsOf } from './ui/page-options.ts'
import { SyncPage } from './ui/sync-page.ts'
import { plain } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const SETTINGS = [
  ...SYNC_SETTINGS,
  evictionsTopic,
  updatesTopic,
  ...PROXY_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...LOG_SETTINGS,
]

interface Flags {
  readonly once?: boolean
  readonly tier?: boolean
}

const AFTER = `
With --brokers it reads Kafka itself, else through the proxy at --url. A key template has the placeholders {key},
{key.field}, {ns}, {topic}, {partition} and {value.field}; braces around one of them are a hash tag: {order:{key}}:header.
A password in --to is better given by the environment: other users of a machine can read its command lines.`

export function syncCommand(session: Session, done: Done): Command {
  return command('sync', 'Keeps Redis or Memcached equal to a topic.', SETTINGS)
    .option('--once', 'end at the end of the topic')
    .option('--tier', 'apply the evictions topic to a shared tier, instead of syncing a topic of values')
    .addHelpText('after', AFTER)
    .action(async (flags: Flags, from: Command) => {
      const values = await resolveSettings(from, SETTINGS, session)
      done((await synced(values, flags, session)) ? EXIT.ok : EXIT.failed)
    })
}

async function synced(values: ResolvedSettings, flags: Flags, session: Session): Promise<boolean> {
  const { terminal, stop } = session
  const store = await storeOf(values, session)
  const log = await readableLog(values, session).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const report = new SyncReport(terminal, session.runtime, {
    byOffset: values.get(order) === 'auto',
    store: store.sink.name,
    log: values.source(brokers) === 'default' ? `the proxy at ${values.get(url)}` : 'the brokers of Kafka',
  })
  const page = new SyncPage(store.sink.name, pageOptionsOf(session, 'kedge sync'))
  const parts: Parts = { values, session, log, codec: await codecOf(), store, report, page, timing: {} }
  try {
    const work = checked(() => (flags.tier ? tierWork : syncWork)(parts))
    terminal.tell('info', 'begins', work.says, work.names)
    const health = await listening(parts, work)
    try {
      return await work.go(flags.once ?? false, stop)
    } finally {
      report.end()
      await health?.close()
    }
  } finally {
    await log.close?.().catch(() => undefined)
    await store.close().catch(() => undefined)
  }
}

interface Parts {
  readonly values: ResolvedSettings
  readonly session: Session
  readonly log: KafkaLog
  readonly codec: Codec
  readonly store: OpenStore
  readonly report: SyncReport
  readonly page: SyncPage
  /** What takes the time of each batch, once there are metrics. */
  readonly timing: { batch?: (ms: number) => void }
}

function syncWork(parts: Parts): Work {
  const { values, store } = parts
  const sync = createSync(optionsOf(parts))
  const name = values.get(topic)!
  return {
    names: { topic: name, stream: sync.stream },
    group: sync.stream,
    lag: () => sync.lag(),
    pressure: () => sync.pressure(),
    notReady: () => sync.notReady(),
    stats: () => sync.stats(),
    says: `kedge sync keeps ${store.sink.name} equal to ${plain(name)} (as the stream ${sync.stream})`,
    async go(once, signal) {
      try {
        if (!once) {
          await sync.run({ signal })
          return true
        }
        const { reached } = await sync.step({ signal, giveUpAfter: values.get(giveUpAfter) })
        if (reached && sync.lag().partitions.every(({ end }) => end === 0))
          parts.session.terminal.tell(
            'warn',
            'empty_topic',
            `the topic ${plain(name)} has never had a record: is that its name? A gateway in memory creates every topic that a client names`,
            { topic: name },
          )
        return reached
      } catch (error) {
        throw absentTopic(error, name, '--only updates --updates-topic')
      }
    },
  }
}

async function storeOf(values: ResolvedSettings, session: Session): Promise<OpenStore> {
  const target = values.get(to)
  if (target === undefined) throw new UsageError('--to is missing: give it, or set KEDGE_SYNC_TO')
  for (const secret of secretsOf(target)) session.terminal.hide(secret)
  const open = session.openStore ?? (await import('./store.ts')).openStore
  return open(target, { password: values.get(storePassword), prefix: values.get(prefix) })
}

function optionsOf({ values, session, log, codec, store, report, page, timing }: Parts): SyncOptions {
  // The key of a table's row has the topic and the row's key, so that many tables may share a store.
  const usual = values.get(format) === 'debezium' ? '{topic}:{key}' : undefined
  const [name, template] = [values.get(topic), values.get(key) ?? usual]
  if (name === undefined) throw new UsageError('--topic is missing: give it, or set KEDGE_SYNC_TOPIC')
  if (template === undefined) throw new UsageError('--key is missing: give it, or set KEDGE_SYNC_KEY')
  const [fields, ttl, ttlField, wanted] = [
    values.get(value),
    values.get(life),
    values.get(lifeField),
    values.get(namespaces),
  ]
  if (ttl !== undefined && ttlField !== undefined) throw new UsageError('give --ttl or --ttl-field: not both')
  const records = values.get(maxLagRecords)
  const letters = values.get(deadLetters)
  const own = values.get(stream)
  const keys = values.get(keyFormat)
  return {
    kafka: log,
    topic: name,
    sink: store.sink,
    key: template,
    ...(keys !== undefined && { keyFormat: keys }),
    ...(fields.length > 0 && { value: fields.length === 1 ? fields[0]! : fields }),
    ...(ttl !== undefined && {
      ttl: ttl as NonNullable<SyncOptions['ttl']>,
    }),
    ...(ttlField !== undefined && { ttl: { field: ttlField } }),
    ttlFrom: values.get(lifeFrom),
    format: values.get(format),
    encode: values.get(encode),
    codec,
    ...(wanted.length > 0 && { namespaces: wanted }),
    version: values.get(order),
    emptyDeletes: values.get(emptyDeletes),
    ...(own !== undefined && { stream: own }),
    isolation: values.get(isolation),
    ...(letters !== undefined && { deadLetters: letters }),
    maxBatch: values.get(maxBatch),
    maxLag: { time: values.get(maxLag), ...(records !== undefined && { records }) },
    drain: values.get(drainTime),
    runtime: session.runtime,
    onEvent: (event) => {
      report.take(event)
      page.take(event)
      if (event.type === 'batch') timing.batch?.(event.durationMs)
    },
  }
}

async function listening(
  { values, session, log, page, timing }: Parts,
  work: Work,
): Promise<RunningHealth | undefined> {
  const place = values.get(listen)
  if (place === undefined) return undefined
  const metrics = await ProcessMetrics.of('sync', session)
  timing.batch = syncMetrics(metrics, work)
  signatureMetrics(metrics, log)
  const answers = { ...healthOf(work), metrics: () => metrics.text() }
  const health = await startHealth(place, answers, page.pathsOf(work))
  const { url: at } = health
  session.terminal.tell('info', 'listening', `kedge sync listening on ${at}`, { url: at })
  const shown = `${at}/ui`
  session.terminal.tell('info', 'live_page', `kedge sync shows what it does on ${shown}`, { url: shown })
  return health
}

function checked<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asUsage(error)
  }
}
