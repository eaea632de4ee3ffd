/** `kedge topics`: creates the topics, and compares existing ones with what they should be. @module */
import { Command } from 'commander'
import { Refusal } from '../services/gateway/refusal.ts'
import type { KafkaCluster } from '../services/gateway/kafka/index.ts'
import { withCluster } from './brokers.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, UsageError } from './failure.ts'
import { hasProblem, report } from './findings.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Session } from './session.ts'
import { CLUSTER_SETTINGS } from './settings/cluster.ts'
import { FURTHER_TOPICS_SETTINGS, TOPICS_SETTINGS } from './settings/topics.ts'
import { list, whole } from './value-types.ts'
import { ALL_ROLES, minInSyncOf, replicasOf, ROLES, topicConfigs, topicPlans } from './topic-plan.ts'
import type { TopicPlan, TopicRole } from './topic-plan.ts'
import { examineTopics } from './topic-examination.ts'
import { text } from './value-types.ts'
import type { Terminal } from './terminal.ts'
import { resolveSettings } from './resolved-settings.ts'

const SETTINGS = [...CLUSTER_SETTINGS, ...TOPICS_SETTINGS, ...FURTHER_TOPICS_SETTINGS]

const ONLY = `only these topics of ${ALL_ROLES.join(', ')} (default: ${ROLES.join(', ')})`
const AFTER = `
writes is for writeBehind() and kedge persister, dead-letters for records that a persister or a sync could not use
(--dead-letters-topic names it). No other store has the records of these two yet: min.insync.replicas brokers
acknowledge them (kedge writes with acks=all), and retention is longer than a persister may be away.`

interface CreateFlags {
  readonly only?: string
  readonly replicas?: string
  readonly minInsyncReplicas?: string
  readonly dryRun?: boolean
}

export function topicsCommand(session: Session, done: Done): Command {
  return new Command('topics')
    .description('Creates the topics, or reports what is wrong with them.')
    .addCommand(createCommand(session, done))
    .addCommand(checkCommand(session, done))
}

function createCommand(session: Session, done: Done): Command {
  return command('create', 'Creates the topics that do not exist, with the right settings.', SETTINGS)
    .option('--only <roles>', ONLY)
    .option('--replicas <number>', 'replicas of each partition (default: 3, or as many as there are brokers)')
    .option(
      '--min-insync-replicas <number>',
      'replicas that must have a record before it is acknowledged (default: 2, or 1 with one replica)',
    )
    .option('--dry-run', 'print what it would create, and create nothing')
    .addHelpText('after', AFTER)
    .action(async (flags: CreateFlags, from: Command) => {
      const values = await resolveSettings(from, SETTINGS, session)
      const plans = topicPlans(values, rolesOf(flags.only))
      await withCluster(values, session, (cluster) => create(cluster, plans, flags, session.terminal))
      done(EXIT.ok)
    })
}

function checkCommand(session: Session, done: Done): Command {
  return command(
    'check',
    'Compares the topics with what they should be. Exit code 1 when one is wrong.',
    SETTINGS,
  )
    .option('--only <roles>', ONLY)
    .option('--json', 'print one JSON object')
    .addHelpText('after', AFTER)
    .action(async (flags: { only?: string; json?: boolean }, from: Command) => {
      const values = await resolveSettings(from, SETTINGS, session)
      const plans = topicPlans(values, rolesOf(flags.only))
      const findings = await withCluster(values, session, (cluster) =>
        examineTopics(cluster, plans, 'problem'),
      )
      report(findings, session.terminal, flags.json ?? false)
      done(hasProblem(findings) ? EXIT.failed : EXIT.ok)
    })
}

function rolesOf(only: string | undefined): readonly TopicRole[] {
  if (only === undefined) return ROLES
  const wanted = list(text).parse(only)
  const strange = wanted.find((name) => !ALL_ROLES.some((role) => role === name))
  if (strange !== undefined || wanted.length === 0)
    throw new UsageError(
      `--only must be some of ${ALL_ROLES.join(', ')}${didYouMean(strange ?? '', ALL_ROLES)}`,
    )
  return ALL_ROLES.filter((role) => wanted.includes(role))
}

async function create(
  cluster: KafkaCluster,
  plans: readonly TopicPlan[],
  flags: CreateFlags,
  terminal: Terminal,
): Promise<void> {
  const present = new Set((await cluster.topics()).map(({ name }) => name))
  const brokers = (await cluster.brokers()).length
  const replicas = number(flags.replicas, '--replicas') ?? replicasOf(brokers)
  const minInSync = number(flags.minInsyncReplicas, '--min-insync-replicas') ?? minInSyncOf(replicas)
  if (replicas > brokers)
    throw new UsageError(`--replicas ${replicas} is more than the ${brokers} brokers that there are`)
  if (minInSync > replicas)
    throw new UsageError(
      `--min-insync-replicas ${minInSync} is more than ${replicas} replicas: nothing could be written`,
    )
  for (const plan of plans) {
    const configs = topicConfigs(plan, minInSync)
    const partitions = plan.partitions ?? 1
    const shown = Object.entries(configs).map(([name, value]) => `${name}=${value}`)
    const details = `partitions=${partitions} replicas=${replicas} ${shown.join(' ')}`
    if (present.has(plan.name)) terminal.say(`${plan.name}  exists already: kedge topics check compares it`)
    else if (flags.dryRun) terminal.say(`${plan.name}  would be created: ${details}`)
    else if (await made(cluster, plan.name, { partitions, replicas, configs }))
      terminal.say(`${plan.name}  ${terminal.paint('green', 'created')}: ${details}`)
    else terminal.say(`${plan.name}  exists already: another process has just created it`)
  }
}

async function made(
  cluster: KafkaCluster,
  name: string,
  options: Parameters<KafkaCluster['createTopic']>[1],
): Promise<boolean> {
  try {
    await cluster.createTopic(name, options)
    return true
  } catch (error) {
    if (error instanceof Refusal && error.reason === 'exists') return false
    throw error
  }
}

function number(given: string | undefined, flag: string): number | undefined {
  if (given === undefined) return undefined
  const result = whole(1, 100).safeParse(given)
  if (result.success) return result.data
  throw new UsageError(`${flag} ${result.error.issues[0]?.message}, got "${given.slice(0, 40)}"`)
}
