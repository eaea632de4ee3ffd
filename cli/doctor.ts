/** `kedge doctor`: reports what is wrong with a proxy, the topics or a token. @module */
import type { Command } from 'commander'
import { withCluster } from './brokers.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, fault, UsageError } from './failure.ts'
import { hasProblem, problem, report } from './findings.ts'
import type { Finding } from './findings.ts'
import { logOf } from './proxy.ts'
import { examineProxy, refused } from './proxy-examination.ts'
import type { Session } from './session.ts'
import { brokers, CLUSTER_SETTINGS } from './settings/cluster.ts'
import { DOCTOR_SETTINGS, maxStaleness, pollTimeout } from './settings/doctor.ts'
import { flavor, PROXY_SETTINGS, url } from './settings/proxy.ts'
import { evictionPartitions, evictionsTopic, TOPICS_SETTINGS, updatesTopic } from './settings/topics.ts'
import { topicName } from './value-types.ts'
import { examineToken, endsOfCluster, endsOfProxy } from './token-examination.ts'
import type { Ends } from './token-examination.ts'
import { examineTopics } from './topic-examination.ts'
import { ROLES, topicPlans } from './topic-plan.ts'
import { probe } from './transport-probe.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import { flavorFinding, flavorToUse, detectFlavor } from './detect-flavor.ts'

const SETTINGS = [...PROXY_SETTINGS, ...TOPICS_SETTINGS, ...CLUSTER_SETTINGS, ...DOCTOR_SETTINGS]

interface Flags {
  readonly json?: boolean
  readonly readOnly?: boolean
  readonly probeTopic?: string
  readonly token?: string
}

const AFTER = `
Without --brokers and --token it examines the proxy; with them, only if --url is given too. To make sure that records
come back, it writes two heartbeats, which no cache acts on, to the topic of evictions, unless --read-only forbids it.`

export function doctorCommand(session: Session, done: Done): Command {
  return command('doctor', 'Reports what is wrong with a proxy, the topics or a token.', SETTINGS)
    .option('--token <token>', 'a token of kedge (k1.…), compared with the end of the log')
    .option('--read-only', 'write nothing')
    .option('--probe-topic <name>', 'write the heartbeats to this topic')
    .option('--json', 'print one JSON object')
    .addHelpText('after', AFTER)
    .action(async (flags: Flags, from: Command) => {
      if (flags.probeTopic !== undefined && !topicName.safeParse(flags.probeTopic).success)
        throw new UsageError('--probe-topic must be the name of a topic')
      const values = await resolveSettings(from, SETTINGS, session)
      const findings = await examine(values, flags, session)
      report(findings, session.terminal, flags.json ?? false)
      done(hasProblem(findings) ? EXIT.failed : EXIT.ok)
    })
}

async function examine(values: ResolvedSettings, flags: Flags, session: Session): Promise<Finding[]> {
  const ofCluster = values.get(brokers) !== undefined
  const ofProxy = values.source(url) !== 'default' || (!ofCluster && flags.token === undefined)
  const findings: Finding[] = []
  let ends: Ends | undefined
  if (ofProxy) {
    const transport = probe(session.fetch, session.runtime)
    const { readOnly = false } = flags
    // Check the settings before any request is sent.
    await (await logOf(values, session)).close?.()
    const { flavor: found, silence } = await detectFlavor(values, transport.fetch, session.stop)
    const as = flavorToUse(values.get(flavor), found)
    const connect = () => logOf(values, session, { transport: transport.fetch, readOnly, flavor: as })
    const log = await connect()
    try {
      const of = { ...subject(values, flags), flavor: as, recognised: found !== undefined }
      const told =
        silence === undefined
          ? await examineProxy(log, connect, transport, of, session)
          : refused(silence, of, transport)
      findings.push(told[0]!, ...flavorFinding(values.get(flavor), found), ...told.slice(1))
      ends = await endsOfProxy(log, values.get(evictionsTopic), session.stop)
    } finally {
      await log.close?.().catch(() => undefined)
    }
  }
  if (ofCluster) {
    try {
      await withCluster(values, session, async (cluster) => {
        findings.push(...(await examineTopics(cluster, topicPlans(values, ROLES), 'warning')))
        if (flags.token !== undefined) ends ??= await endsOfCluster(cluster, values.get(evictionsTopic))
      })
    } catch (error) {
      if (error instanceof UsageError || session.stop.aborted) throw error
      findings.push(
        problem('brokers', `the cluster cannot be examined: ${fault(error)}`, '--brokers, --tls, --sasl-…'),
      )
    }
  }
  if (flags.token !== undefined) findings.push(...examineToken(flags.token, ends))
  return findings
}

const subject = (values: ResolvedSettings, { readOnly = false, probeTopic }: Flags) => ({
  url: values.get(url),
  limits: { pollTimeoutMs: values.get(pollTimeout), maxStalenessMs: values.get(maxStaleness) },
  evictions: values.get(evictionsTopic),
  updates: values.get(updatesTopic),
  partitions: values.get(evictionPartitions),
  probeTopic: readOnly ? undefined : (probeTopic ?? values.get(evictionsTopic)),
})
