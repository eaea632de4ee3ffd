/** `kedge gateway`: Kafka over HTTP, as a process. @module */
import { Buffer } from 'node:buffer'
import type { Command } from 'commander'
import type { AccessEntry } from '../services/gateway/around-each.ts'
import { isOpen } from '../services/gateway/credentials.ts'
import type { AuthOptions } from '../services/gateway/credentials.ts'
import { GatewayCounters } from '../services/gateway/counters.ts'
import type { Cluster } from '../services/gateway/cluster.ts'
import { onAbort } from '../src/runtime/abort.ts'
import { isLoopback } from '../services/gateway/loopback.ts'
import { startGateway } from '../services/gateway/server.ts'
import type { RunningGateway, StartOptions } from '../services/gateway/server.ts'
import { keyHasher } from './audit-keys.ts'
import { auditOf } from './audit-trail.ts'
import type { Append, KeyedTrail } from './audit-trail.ts'
import { connected } from './brokers.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { EXIT, UsageError } from './failure.ts'
import { unexpected } from './unexpected.ts'
import { requestLine } from './request-lines.ts'
import { credentialsCommand } from './gateway-credentials.ts'
import { startHealth } from './health.ts'
import type { RunningHealth } from './health.ts'
import { gatewayMetrics, kafkaErrors } from './metrics/gateway-metrics.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { kindOf } from './gateway-kind.ts'
import type { GatewayKind } from './gateway-kind.ts'
import { memoryOf } from './gateway-memory.ts'
import { upstreamOf } from './gateway-upstream.ts'
import { welcome } from './gateway-welcome.ts'
import { codecOf } from './proxy.ts'
import type { Session } from './session.ts'
import { gatewayAudit } from './settings/audit.ts'
import { CLUSTER_SETTINGS } from './settings/cluster.ts'
import {
  accessLog,
  corsOrigins,
  credentials,
  drain,
  GATEWAY_SETTINGS,
  grace,
  host,
  listen,
  maxPolls,
  maxWait,
  open,
  port,
  roles,
  tokens,
  topics,
  upstash,
  users,
} from './settings/gateway.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { gatewayTls } from './settings/tls.ts'
import { evictionsTopic } from './settings/topics.ts'
import { UPSTREAM_SETTINGS } from './settings/proxy.ts'
import { onPort } from './taken-port.ts'
import { plain } from './terminal.ts'
import { gatewayPage } from './ui/gateway-page.ts'
import { KnownBrokers } from './known-brokers.ts'
import { pageOptionsOf } from './ui/page-options.ts'
import { asTlsUsage, tlsListener } from './tls-listener.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const SETTINGS = [
  ...GATEWAY_SETTINGS,
  evictionsTopic,
  ...UPSTREAM_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...LOG_SETTINGS,
]

export function gatewayCommand(session: Session, done: Done): Command {
  return (
    command(
      'gateway',
      "Serves Kafka over HTTP, in the protocols of Redpanda's and Confluent's proxies.",
      SETTINGS,
    )
      .addHelpText(
        'after',
        '\n--user and --token are better given by the environment: other users of a machine can read its command lines.',
      )
      // What stands after `credentials` is its own: it has options of the same names.
      .enablePositionalOptions()
      .addCommand(credentialsCommand(session, done))
      .action(async (_options: unknown, from: Command) => {
        await serve(await resolveSettings(from, SETTINGS, session), session)
        done(EXIT.ok)
      })
  )
}

type Gateway = Pick<RunningGateway, 'url' | 'close'>

/** Serves until the process gets a signal to end. */
async function serve(values: ResolvedSettings, session: Session): Promise<void> {
  const { terminal, stop } = session
  const kind = kindOf(values)
  const settled = optionsOf(values, session)
  requireAccess(kind, values, settled.auth)
  const place = values.get(listen)
  const metrics = place === undefined ? undefined : await ProcessMetrics.of('gateway', session)
  const onErrorCode = metrics && kafkaErrors(metrics)
  const kafka = kind === 'kafka' ? await connected(values, session, { onErrorCode }) : undefined
  const upstream = kind === 'upstream' ? await upstreamOf(values, session) : undefined
  const cluster = kafka ?? upstream
  let trail: KeyedTrail | undefined
  let health: RunningHealth | undefined
  try {
    const asked = { name: 'kedge gateway', settings: gatewayAudit, append: cluster && appending(cluster) }
    trail = await auditOf(asked, values, session)
    const secret = trail?.keysSecret
    const counters = new GatewayCounters()
    const known = kafka && new KnownBrokers(kafka, session.runtime)
    const options = {
      ...settled,
      ...(trail && { onAudit: (entry: object) => void trail?.tell(entry) }),
      ...(secret !== undefined && { auditKey: keyHasher(secret) }),
      counters,
      ...(upstream && { problem: () => upstream.problem() }),
      livePage: gatewayPage({
        ...pageOptionsOf(session, 'kedge gateway'),
        topic: values.get(evictionsTopic),
        log: kind,
        brokers: known,
        counters,
        codec: await codecOf(),
      }),
    }
    if (metrics) gatewayMetrics(metrics, counters, known)
    const start = () =>
      cluster ? startGateway({ ...options, cluster }) : startGateway({ ...options, memory: memoryOf(values) })
    const instead = (other: number) => `--port ${other}`
    const there = { port: values.get(port), whose: 'another gateway', instead }
    const gateway = await started(() => onPort(there, start))
    if (metrics) health = await listening(gateway, place!, metrics, session, options.problem)
    const { url } = gateway
    terminal.tell('info', 'listening', `kedge gateway listening on ${url} (log: ${kind})`, { url, log: kind })
    if (values.get(open))
      terminal.tell('warn', 'open', `kedge gateway: open: everybody who reaches ${url} may read and write`)
    // It says then whether the upstream answers.
    upstream?.problem()
    void welcome(
      url,
      kind,
      { auth: options.auth, open: values.get(open) || values.get(gatewayTls.clientCa) !== undefined },
      kafka,
      session,
    )
    await new Promise((resolve) => onAbort(stop, resolve))
    await gateway.close()
  } finally {
    await health?.close()
    // Its topic is on the cluster.
    await trail?.close()
    await (kafka ?? upstream)?.close().catch(() => undefined)
  }
}

/** Serves the health and the metrics; a gateway whose address for them cannot be had is closed. */
async function listening(
  gateway: Gateway,
  place: string,
  metrics: ProcessMetrics,
  { stop, terminal }: Session,
  problem: () => string | undefined = () => undefined,
): Promise<RunningHealth> {
  try {
    const health = await startHealth(place, {
      problem: () => (stop.aborted ? 'it is stopping' : problem()),
      metrics: () => metrics.text(),
    })
    const { url } = health
    terminal.tell('info', 'health', `kedge gateway serves its health and metrics on ${url}`, { url })
    return health
  } catch (error) {
    await gateway.close()
    throw error
  }
}

/** By the cluster itself: what the gateway writes for itself is no entry of its audit. */
const appending =
  (cluster: Cluster): Append =>
  async (topic, lines) => {
    const records = lines.map((line) => ({ key: null, value: Buffer.from(line) }))
    const refused = (await cluster.append(topic, records)).find(({ refusal }) => refusal)
    if (refused?.refusal) throw refused.refusal
  }

async function started(start: () => Promise<Gateway>): Promise<Gateway> {
  try {
    return await start()
  } catch (error) {
    throw asTlsUsage(error)
  }
}

const BEHIND: Readonly<Record<GatewayKind, string>> = {
  memory: '',
  kafka: ' the cluster',
  upstream: ' the upstream',
}

/**
 * Without credentials the gateway serves this machine alone, and on its own log alone.
 *
 * @throws UsageError where that is not so, and `--open` does not say that it is meant.
 */
function requireAccess(kind: GatewayKind, values: ResolvedSettings, auth: AuthOptions | undefined): void {
  const isFree = isOpen(auth) && values.get(gatewayTls.clientCa) === undefined
  if (values.get(open)) {
    if (isFree) return
    throw new UsageError('--open lets every client in: leave it out, or the credentials')
  }
  const address = values.get(host)
  if (!isFree || (isLoopback(address) && kind === 'memory')) return
  const who = isLoopback(address)
    ? 'every process of this machine'
    : `everybody who reaches ${plain(address)}`
  throw new UsageError(
    `no credentials are configured, and ${who} could read and write${BEHIND[kind]}: set KEDGE_GATEWAY_TOKEN or KEDGE_GATEWAY_USER, or pass --open`,
  )
}

function optionsOf(
  values: ResolvedSettings,
  { terminal, runtime, folder }: Session,
): Omit<StartOptions, 'log' | 'memory' | 'clusterId'> {
  const polls = values.get(maxPolls)
  const tls = tlsListener(values, gatewayTls, folder)
  const logAccess = (entry: AccessEntry) => requestLine(entry, terminal, runtime)
  return {
    host: values.get(host),
    port: values.get(port),
    drainMs: values.get(drain),
    graceMs: values.get(grace),
    limits: { maxWaitMs: values.get(maxWait), ...(polls !== undefined && { maxPolls: polls }) },
    open: values.get(open),
    ...(tls && { tls }),
    corsOrigins: values.get(corsOrigins),
    upstash: values.get(upstash),
    auth: authOf(values, terminal.hide.bind(terminal)),
    onError: unexpected('kedge gateway', terminal),
    ...(values.get(accessLog) && { onRequest: logAccess }),
  }
}

function authOf(values: ResolvedSettings, hide: (secret: string) => void): AuthOptions {
  const pairs = values.get(users).map(userOf)
  for (const [, password] of pairs) hide(password)
  for (const token of values.get(tokens)) hide(token)
  for (const { token, password } of values.get(credentials))
    for (const secret of [token, password]) if (secret !== undefined) hide(secret)
  const [allowed, named] = [values.get(topics), values.get(roles)]
  return {
    users: Object.fromEntries(pairs),
    tokens: values.get(tokens),
    credentials: values.get(credentials),
    ...(allowed && { topics: allowed }),
    ...(named && { roles: named }),
  }
}

function userOf(given: string): [user: string, password: string] {
  const colon = given.indexOf(':')
  if (colon < 1 || colon === given.length - 1) {
    throw new UsageError(
      '--user (KEDGE_GATEWAY_USER) must be a name and a password with a colon between them',
    )
  }
  return [given.slice(0, colon), given.slice(colon + 1)]
}
