/** The gateway as a server of Node: on a log in memory, or on a cluster. @module */
import { setTimeout as wait } from 'node:timers/promises'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { MemoryLog } from '../../src/testing/memory-log.ts'
import type { MemoryLogOptions } from '../../src/testing/memory-log.ts'
import type { Role } from './access.ts'
import { gatewayOf } from './app.ts'
import { GatewayCounters } from './counters.ts'
import type { GatewayOptions } from './app.ts'
import type { Cluster } from './cluster.ts'
import { isOpen } from './credentials.ts'
import { limitsOf } from './limits.ts'
import { Listener } from './listener.ts'
import { isLoopback, namesLoopback } from './loopback.ts'
import { memoryCluster } from './memory-cluster.ts'
import { Sockets } from './sockets/sockets.ts'
import type { TlsOptions } from './tls-files.ts'
import { countedTail } from './tail/tail.ts'
import type { TailOptions } from './tail/options.ts'

interface ServerOptions extends Omit<GatewayOptions, 'allowsHost' | 'cluster' | 'draining' | 'stopping'> {
  /** @default '127.0.0.1' */
  readonly host?: string
  /**
   * Whether a gateway without credentials serves everybody who reaches it, on any host. Without it, it listens on
   * loopback addresses alone. On those it answers without credentials only requests whose `Host` is `localhost`,
   * `127.0.0.1`, `[::1]` or that address.
   * @default false
   */
  readonly open?: boolean
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /**
   * Serves TLS. With `clientCa` a client needs a certificate, which is then a credential: `auth` may be left out.
   * @default without TLS
   */
  readonly tls?: TlsOptions
  /** Connections beyond this are refused. @default 10_000 */
  readonly maxConnections?: number
  /**
   * A connection that takes nothing of its answer for so long is cut, and so is one on which nothing is ever asked, in
   * milliseconds. @default 30_000
   */
  readonly stallMs?: number
  /**
   * How long `/readyz` answers 503 before the gateway stops listening, in milliseconds: as long as the
   * balancer in front of it needs to notice. @default 0
   */
  readonly drainMs?: number
  /**
   * How long requests may take to end after it stops listening, in milliseconds; then it cuts them.
   * @default 5000
   */
  readonly graceMs?: number
}

/**
 * A gateway on a log in memory, where `auth.roles` are by default all three. It has no shared tail: a read of the log is a function call, and a window
 * would copy the records (with a thousand waiters a shared tail took a fifth more CPU for each poll).
 */
export interface StartOptions extends ServerOptions {
  /** The log behind the gateway. @default a new one, made from `memory` */
  readonly log?: MemoryLog
  readonly memory?: MemoryLogOptions
  /** @default 'kedge-memory' */
  readonly clusterId?: string
}

/** A gateway on a cluster, with a shared tail before it. */
export interface ClusterStartOptions extends ServerOptions {
  /** Stays open when the gateway closes: the caller that made it must close it. */
  readonly cluster: Cluster
  readonly tail?: Omit<TailOptions, 'runtime'>
}

/** A gateway that listens. */
export interface RunningGateway {
  /** `http://127.0.0.1:8082`, or with `https`; without a slash at the end. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** The log in memory: to read it, truncate it, or delete topics. */
  readonly log: MemoryLog
  /** Stops listening and cuts every connection, as a killed process does. The log keeps its records. */
  readonly pause: () => Promise<void>
  /** Listens again, on the same port. */
  readonly resume: () => Promise<void>
  /**
   * Stops for good: first `/readyz` answers 503; then the gateway accepts nothing new, answers waiting polls,
   * and lets requests under way end within `graceMs`. May be called again.
   */
  readonly close: () => Promise<void>
}

const ALL_ROLES: readonly Role[] = ['read', 'write', 'admin']

/** What a timer of Node can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Starts the gateway, with a log in memory or on a cluster.
 *
 * @throws TypeError for wrong options, and for a host that is not loopback without credentials and without `open`;
 * the error of `listen` (`EADDRINUSE`) when it cannot listen.
 * @example
 * ```ts
 * import { startGateway } from 'kedge/gateway'
 *
 * const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
 * await fetch(`${gateway.url}/healthz`)
 * await gateway.close()
 * ```
 */
export async function startGateway(options: ClusterStartOptions): Promise<Omit<RunningGateway, 'log'>>
export async function startGateway(options?: StartOptions): Promise<RunningGateway>
export async function startGateway(
  options: StartOptions | ClusterStartOptions = {},
): Promise<Omit<RunningGateway, 'log'>> {
  if ('cluster' in options) {
    const { cluster, tail, counters = new GatewayCounters(), ...others } = options
    const rest = { ...others, counters }
    const { runtime } = rest
    const tailed = countedTail(cluster, { ...tail, ...(runtime && { runtime }) }, counters)
    try {
      return await serve(tailed, rest, () => tailed.close())
    } catch (error) {
      await tailed.close()
      throw error
    }
  }
  const { log: given, memory, clusterId, ...others } = options
  // A log that ends with the process has no topic whose loss could hurt.
  const rest = { ...others, auth: { roles: ALL_ROLES, ...others.auth } }
  const runtime = options.runtime ?? systemRuntime()
  const log = given ?? new MemoryLog({ now: () => runtime.now(), random: () => runtime.random(), ...memory })
  const cluster = memoryCluster(log, { runtime, ...(clusterId !== undefined && { id: clusterId }) })
  const gateway: RunningGateway = { ...(await serve(cluster, rest)), log }
  return gateway
}

async function serve(
  cluster: Cluster,
  options: ServerOptions,
  closed: () => Promise<void> = async () => {},
): Promise<Omit<RunningGateway, 'log'>> {
  const {
    host = '127.0.0.1',
    port: wanted = 0,
    open = false,
    tls,
    maxConnections = 10_000,
    drainMs: drain,
    graceMs: grace,
    stallMs: stall,
    ...gatewayOptions
  } = options
  const drainMs = duration('drainMs', drain, 0)
  const graceMs = duration('graceMs', grace, 5000)
  const stallMs = duration('stallMs', stall, 30_000)
  const draining = new AbortController()
  const stopping = new AbortController()
  const signals = { draining: draining.signal, stopping: stopping.signal }
  const allowsHost = hostsOf(host, open, isOpen(options.auth) && tls?.clientCa === undefined)
  const { app, plain } = gatewayOf({
    ...gatewayOptions,
    ...signals,
    cluster,
    ...(allowsHost && { allowsHost }),
  })
  const { clientShare } = limitsOf(gatewayOptions.limits)
  const { counters, onError } = options
  const bounds = { maxConnections, clientShare, stallMs, counters }
  const sockets = new Sockets((request, bindings) => app.fetch(request, bindings))
  const listener = new Listener(app.fetch, { plain, sockets, host, ...bounds, tls, onError })
  const port = await listener.open(wanted)
  // One change at a time, in the order asked for.
  let last: Promise<unknown> = Promise.resolve()
  const change = (work: () => Promise<unknown>): Promise<void> =>
    (last = last.catch(() => {}).then(work)) as Promise<void>
  const close = async () => {
    if (drainMs > 0 && listener.isOpen) await wait(drainMs)
    stopping.abort()
    await listener.close(graceMs)
    await closed()
  }
  return {
    url: `http${tls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    pause: () => change(() => listener.close(0)),
    resume: () => change(async () => draining.signal.aborted || listener.open(port)),
    close: () => {
      draining.abort()
      return change(close)
    },
  }
}

/** The hosts that requests may name: any, but for a server that everybody may use unless it is meant to be open. */
function hostsOf(host: string, open: boolean, anybody: boolean): GatewayOptions['allowsHost'] {
  if (open && !anybody) throw new TypeError('`open` lets every client in: leave it out, or the credentials')
  if (!anybody) return undefined
  if (isLoopback(host)) return (named) => namesLoopback(named, host)
  if (!open)
    throw new TypeError(
      `everybody who reaches \`host\` ${host} could read and write: give \`auth\`, or \`open: true\``,
    )
  return undefined
}

function duration(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise
  if (Number.isSafeInteger(value) && value >= 0 && value <= MAX_TIMER_MS) return value
  throw new TypeError(
    `\`${name}\` must be a whole number of milliseconds of at least 0, got ${String(value)}`,
  )
}
