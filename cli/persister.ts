/** `kedge persister`: writes to the sources what was written behind, as a process. @module */
import type { Command } from 'commander'
import { createPersister } from '../services/persister/index.ts'
import type { Persister, PersisterEvent, PersisterOptions } from '../services/persister/index.ts'
import { isKedgeError } from '../src/ports/errors.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import type { LogLevel } from '../adapters/logs/log-events/log-line.ts'
import { command } from './command.ts'
import { debugging } from './debug-events.ts'
import type { Done } from './command.ts'
import { EXIT, sentence } from './failure.ts'
import { persisterMetrics, persisterTimers } from './metrics/persister-metrics.ts'
import { sentenceOf, withTopic } from './missing-topic.ts'
import { moduleOf } from './module.ts'
import type { ServiceModule } from './module.ts'
import { logOf } from './proxy.ts'
import { serve } from './service.ts'
import type { ServiceHealth } from './service.ts'
import type { Session } from './session.ts'
import {
  concurrency,
  drain,
  listen,
  maxBatch,
  maxLag,
  maxLagRecords,
  module,
  partitions,
  PERSISTER_SETTINGS,
  retries,
  storeTimeout,
} from './settings/persister.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import { deadLettersTopic, evictionPartitions, evictionsTopic, writesTopic } from './settings/topics.ts'
import type { Startup } from './startup.ts'
import { plain } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const TOPICS = [evictionsTopic, writesTopic, deadLettersTopic, evictionPartitions]
const SETTINGS = [...PROXY_SETTINGS, ...TOPICS, ...PERSISTER_SETTINGS, ...LOG_SETTINGS]

type StoresModule = ServiceModule<PersisterOptions['stores'], PersisterOptions>

const AFTER = `
The module: export default { orders: async (writes, { signal }) => { for (const { key, value, deleted, offset } of writes) … } }
A store may get a write again, also after later ones of its key: keep the offset beside each row, and refuse a lower one.
It may also export \`options\`, those of createPersister(): \`positions\`, \`codec\`, \`retries: Infinity\`.`

export function persisterCommand(session: Session, done: Done): Command {
  return command('persister', 'Writes to the sources what writeBehind() has written to the log.', SETTINGS)
    .addHelpText('after', AFTER)
    .action(async (_options: unknown, from: Command) => {
      await persist(await resolveSettings(from, SETTINGS, session), session)
      done(EXIT.ok)
    })
}

async function persist(values: ResolvedSettings, session: Session): Promise<void> {
  const found: StoresModule = await moduleOf(values.get(module), 'stores', session)
  const log = await logOf(values, session)
  await serve(
    {
      command: 'persister',
      log,
      make: (startup, metrics) =>
        made(found, log, values, session, { startup, timers: metrics && persisterTimers(metrics) }),
      place: values.get(listen),
      healthOf,
      measure: (metrics, service) =>
        persisterMetrics(metrics, service, values.get(writesTopic), () => problemOf(service) === undefined),
      begins: `writes ${plain(Object.keys(found.default).join(', '))} from ${values.get(writesTopic)}`,
      ends: (service) => {
        const { persisted, dead } = service.stats()
        return `persisted ${persisted} writes; ${dead} went to the dead letters`
      },
    },
    session,
  )
}

interface Beginning {
  /** By which the log is asked. */
  readonly startup: Startup
  /** Hears the events of the service, where the process serves its metrics. */
  readonly timers: ReturnType<typeof persisterTimers> | undefined
}

async function made(
  { default: stores, options }: StoresModule,
  log: KafkaLog,
  values: ResolvedSettings,
  session: Session,
  { startup, timers }: Beginning,
): Promise<Persister> {
  const evictions = values.get(evictionsTopic)
  const some = values.get(partitions)
  const writes = values.get(writesTopic)
  const tell = teller(session, writes)
  const make = (count: number) =>
    createPersister({
      topics: { evictions, writes, deadLetters: values.get(deadLettersTopic) },
      evictionPartitions: count,
      ...(some !== undefined && { partitions: some }),
      maxBatch: values.get(maxBatch),
      concurrency: values.get(concurrency),
      retries: values.get(retries),
      storeTimeout: values.get(storeTimeout),
      maxLag: values.get(maxLag),
      maxLagRecords: values.get(maxLagRecords),
      drain: values.get(drain),
      ...options,
      kafka: log,
      stores,
      runtime: session.runtime,
      onEvent: (event) => {
        tell(event)
        timers?.(event)
        return options?.onEvent?.(event)
      },
    })
  // Wrong options end the process at once, not when the log is there: making a service asks nothing of it.
  make(1)
  const ask = () => log.offsets(evictions, { signal: session.stop })
  const count = async () => (await startup.reached(() => withTopic('evictions', evictions, ask()))).length
  return make(values.get(evictionPartitions) ?? (await count()))
}

function healthOf(service: Persister): ServiceHealth {
  return {
    problem: () => problemOf(service),
    lag: async (signal) => ({
      ...(await service.lag({ signal })),
      pressure: service.pressure(),
      stats: service.stats(),
    }),
  }
}

function problemOf(service: Persister): string | undefined {
  const { ready, error, namespace } = service.health()
  if (namespace !== undefined) return `the store of ${plain(namespace)} fails: ${sentence(error)}`
  if (!ready) return error === undefined ? 'the topic of writes has not been reached yet' : sentence(error)
  return service.pressure() >= 1 ? 'it is further behind than --max-lag or --max-lag-records' : undefined
}

/** A failed read is of the topic of writes; a failed publication is of another topic. */
const stepSaid = (error: unknown, writes: string): string =>
  isKedgeError(error) && error.code === 'ERR_UNKNOWN_TOPIC'
    ? sentenceOf(error, 'writes', writes)
    : sentence(error)

/** Reports what went wrong, a failure that lasts only the first time; and at the level `debug` every event. */
function teller({ terminal }: Session, writes: string): (event: PersisterEvent) => void {
  let unread = false
  const failing = new Set<string>()
  const debug = debugging('kedge persister', terminal)
  return (event) => {
    debug(event)
    const tell = (level: LogLevel, text: string) =>
      terminal.tell(level, event.type, `kedge persister: ${text}`, eventFields(event))
    if (event.type === 'persisted') {
      unread = false
      failing.delete(event.namespace)
    } else if (event.type === 'step_failed') {
      if (!unread) tell('warn', `${stepSaid(event.error, writes)}; trying again`)
      unread = true
    } else if (event.type === 'persist_failed') {
      const { namespace, error } = event
      if (!failing.has(namespace))
        tell('error', `the store of ${plain(namespace)} failed: ${sentence(error)}`)
      failing.add(namespace)
    } else if (event.type === 'dead_letter') {
      const { namespace = 'no namespace', partition, offset, reason } = event
      tell(
        'error',
        `${partition}@${offset} of ${plain(namespace)} went to the dead letters: ${plain(reason)}`,
      )
    } else {
      const { partition, from, to } = event
      tell('error', `partition ${partition}: ${from} to ${to} were lost; going on`)
    }
  }
}
