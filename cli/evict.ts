/** `kedge evict`: publishes an eviction, and prints its token. @module */
import type { Command } from 'commander'
import { createCache } from '../src/cache.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { joinTokens } from '../src/wire/token.ts'
import type { Token } from '../src/wire/token.ts'
import type { Cache } from '../src/api/cache-types.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { asUsage, CommandError, EXIT, UsageError } from './failure.ts'
import { withTopic } from './missing-topic.ts'
import { logOf } from './proxy.ts'
import type { Session } from './session.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import { evictionPartitions, evictionsTopic } from './settings/topics.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const SETTINGS = [...PROXY_SETTINGS, evictionsTopic, evictionPartitions]

interface Flags {
  readonly key?: readonly string[]
  readonly tag?: readonly string[]
  readonly prefix?: readonly string[]
  readonly all?: boolean
  readonly everything?: boolean
  readonly version?: string
}

/** The eviction to publish through the cache. */
type Work = (cache: Cache, signal: AbortSignal) => Promise<Token | undefined>

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

export function evictCommand(session: Session, done: Done): Command {
  return command(
    'evict',
    'Publishes an eviction, and prints its token when Kafka has acknowledged it.',
    SETTINGS,
  )
    .argument('[namespace]', 'the namespace')
    .option('--key <key>', 'evict this key; may be repeated', collect)
    .option('--tag <tag>', 'evict the keys that carry this tag; may be repeated', collect)
    .option('--prefix <prefix>', 'evict the keys that begin with this; may be repeated', collect)
    .option('--all', 'evict the whole namespace')
    .option('--everything', 'evict all namespaces')
    .option('--version <number>', 'with --key: evict only values of an older version of the row')
    .action(async (namespace: string | undefined, flags: Flags, from: Command) => {
      const work = workOf(namespace, flags)
      const values = await resolveSettings(from, SETTINGS, session)
      const log = await logOf(values, session)
      try {
        session.terminal.say((await evict(log, work, values, session)) ?? '')
      } finally {
        await log.close?.().catch(() => undefined)
      }
      done(EXIT.ok)
    })
}

async function evict(
  log: KafkaLog,
  work: Work,
  values: ResolvedSettings,
  session: Session,
): Promise<Token | undefined> {
  const topic = values.get(evictionsTopic)
  const found = (await withTopic('evictions', topic, log.offsets(topic, { signal: session.stop }))).length
  const wanted = values.get(evictionPartitions) ?? found
  if (found !== wanted)
    throw new CommandError(
      `the topic ${topic} has ${found} partitions, not ${wanted}: caches would look for the eviction in another partition`,
    )
  try {
    const cache = createCache({
      kafka: log,
      topics: { evictions: topic },
      evictionPartitions: found,
      runtime: session.runtime,
    })
    return await withTopic('evictions', topic, work(cache, session.stop))
  } catch (error) {
    throw asUsage(error)
  }
}

function workOf(namespace: string | undefined, flags: Flags): Work {
  const { key, tag, prefix, all, everything } = flags
  const given = [key, tag, prefix, all, everything].filter((each) => each !== undefined)
  if (given.length !== 1)
    throw new UsageError('say what to evict: one of --key, --tag, --prefix, --all and --everything')
  if ((namespace === undefined) !== (everything === true))
    throw new UsageError(everything ? '--everything takes no namespace' : 'name the namespace to evict from')
  const version = versionOf(flags)
  if (namespace === undefined) return (cache, signal) => cache.clear({ signal })
  if (key)
    return (cache, signal) =>
      cache.namespace(namespace).delete(key, { signal, ...(version !== undefined && { version }) })
  if (tag) return (cache, signal) => cache.namespace(namespace).invalidateTags(tag, { signal })
  if (prefix) return (cache, signal) => prefixes(cache, namespace, prefix, signal)
  return (cache, signal) => cache.namespace(namespace).clear({ signal })
}

async function prefixes(
  cache: Cache,
  namespace: string,
  list: readonly string[],
  signal: AbortSignal,
): Promise<Token | undefined> {
  const space = cache.namespace(namespace)
  let token: Token | undefined
  for (const prefix of list) token = joinTokens(token, await space.invalidatePrefix(prefix, { signal }))
  return token
}

function versionOf({ version, key }: Flags): number | undefined {
  if (version === undefined) return undefined
  if (!key) throw new UsageError('--version needs --key')
  const number = version.trim() === '' ? Number.NaN : Number(version)
  if (Number.isSafeInteger(number)) return number
  throw new UsageError(`--version must be a whole number of at most 53 bits, got "${version.slice(0, 40)}"`)
}
