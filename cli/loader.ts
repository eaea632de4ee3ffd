/** `kedge loader`: loads the keys that isolates miss, as a process. @module */
import type { Command } from 'commander'
import { createLoader } from '../services/loader/index.ts'
import type { LoaderEvent, LoaderOptions, Loaders, LoaderService } from '../services/loader/index.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { KedgeEvent } from '../src/api/events.ts'
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import type { LogLevel } from '../adapters/logs/log-events/log-line.ts'
import { command } from './command.ts'
import { debugging } from './debug-events.ts'
import type { Done } from './command.ts'
import { EXIT, sentence } from './failure.ts'
import { sentenceOf, withTopic } from './missing-topic.ts'
import { moduleOf } from './module.ts'
import type { ServiceModule } from './module.ts'
import { loaderMetrics, loaderTimers } from './metrics/loader-metrics.ts'
import { logOf } from './proxy.ts'
import { serve } from './service.ts'
import type { ServiceHealth } from './service.ts'
import type { Session } from './session.ts'
import { drain, listen, LOADER_SETTINGS, lookback, maxQueue, module, share } from './settings/loader.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import {
  evictionPartitions,
  evictionsTopic,
  requestsTopic,
  updatePartitions,
  updatesTopic,
} from './settings/topics.ts'
import type { Startup } from './startup.ts'
import { plain } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const TOPICS = [evictionsTopic, updatesTopic, requestsTopic, evictionPartitions, updatePartitions]
const SETTINGS = [...PROXY_SETTINGS, ...TOPICS, ...LOADER_SETTINGS, ...LOG_SETTINGS]

type LoadersModule = ServiceModule<Loaders, LoaderOptions>

export function loaderCommand(session: Session, done: Done): Command {
  return command(
    'loader',
    'Loads the keys that isolates miss, each once however many isolates ask.',
    SETTINGS,
  )
    .addHelpText(
      'after',
      '\nThe module: export default { users: async (ids) => new Map(…), prices: { load, ttl: "10s" } }\nIt may also export `options`, those of createLoader().',
    )
    .action(async (_options: unknown, from: Command) => {
      await answer(await resolveSettings(from, SETTINGS, session), session)
      done(EXIT.ok)
    })
}

async function answer(values: ResolvedSettings, session: Session): Promise<void> {
  const found: LoadersModule = await moduleOf(values.get(module), 'loaders', session)
  const log = await logOf(values, session)
  const topic = values.get(requestsTopic)
  await serve(
    {
      command: 'loader',
      log,
      make: (startup, metrics) =>
        made(found, log, values, session, {
          startup,
          timers: metrics && loaderTimers(metrics, [values.get(updatesTopic)]),
        }),
      place: values.get(listen),
      healthOf,
      measure: (metrics, service) => loaderMetrics(metrics, service, topic),
      begins: `answers for ${plain(Object.keys(found.default).join(', '))} from ${topic}`,
      ends: (service) => {
        const { values: published, none, failed } = service.stats()
        return `published ${published} values and ${none} absences; ${failed} keys failed`
      },
    },
    session,
  )
}

const healthOf = (service: LoaderService): ServiceHealth => ({
  problem: () => problemOf(service),
  lag: async (signal) => ({ ...(await service.lag({ signal })), stats: service.stats() }),
})

interface Beginning {
  /** By which the log is asked. */
  readonly startup: Startup
  /** Hears the events of the service, where the process serves its metrics. */
  readonly timers: ReturnType<typeof loaderTimers> | undefined
}

async function made(
  { default: loaders, options }: LoadersModule,
  log: KafkaLog,
  values: ResolvedSettings,
  session: Session,
  { startup, timers }: Beginning,
): Promise<LoaderService> {
  const topics = {
    evictions: values.get(evictionsTopic),
    updates: values.get(updatesTopic),
    requests: values.get(requestsTopic),
  }
  const part = values.get(share)
  const tell = teller(session, topics.requests)
  const make = (evictions: number, updates: number) =>
    createLoader({
      topics,
      evictionPartitions: evictions,
      updatePartitions: updates,
      lookback: values.get(lookback),
      maxQueue: values.get(maxQueue),
      drain: values.get(drain),
      ...(part !== undefined && { share: part }),
      ...options,
      kafka: log,
      loaders,
      runtime: session.runtime,
      onEvent: (event) => {
        tell(event)
        timers?.(event)
        return options?.onEvent?.(event)
      },
    })
  // Wrong options end the process at once, not when the log is there: making a service asks nothing of it.
  make(1, 1)
  const count = async (role: 'evictions' | 'updates') => {
    const ask = () => log.offsets(topics[role], { signal: session.stop })
    return (await startup.reached(() => withTopic(role, topics[role], ask()))).length
  }
  return make(
    values.get(evictionPartitions) ?? (await count('evictions')),
    values.get(updatePartitions) ?? (await count('updates')),
  )
}

function problemOf(service: LoaderService): string | undefined {
  const { ready, error } = service.health()
  if (ready) return undefined
  return error === undefined ? 'the topics have not been reached yet' : sentence(error)
}

/** Reports what went wrong, a failure that lasts only the first time; and at the level `debug` every event. */
function teller({ terminal }: Session, requests: string): (event: KedgeEvent | LoaderEvent) => void {
  let unread = false
  const debug = debugging('kedge loader', terminal)
  return (event) => {
    debug(event)
    const tell = (level: LogLevel, text: string) =>
      terminal.tell(level, event.type, `kedge loader: ${text}`, eventFields(event))
    if (event.type === 'requests_unread' && !unread) {
      unread = true
      tell('warn', `${sentenceOf(event.error, 'requests', requests)}; trying again`)
    } else if (event.type === 'batch') unread = false
    else if (event.type === 'batch_failed') {
      const { namespace, keys, error } = event
      tell('error', `${keys.length} keys of ${namespace} failed: ${sentence(error)}`)
    } else if (event.type === 'requests_skipped')
      tell('warn', `partition ${event.partition}: requests were lost; going on at ${event.to}`)
  }
}
