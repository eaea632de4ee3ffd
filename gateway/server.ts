/** The gateway as a server of Node, on the log in memory. @module */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { systemRuntime } from '../src/runtime.ts'
import { MemoryLog } from '../src/testing/memory-log.ts'
import type { MemoryLogOptions } from '../src/testing/memory-log.ts'
import { createGateway } from './app.ts'
import type { GatewayOptions } from './app.ts'
import { memoryCluster } from './memory-cluster.ts'

export interface StartOptions extends Omit<GatewayOptions, 'cluster'> {
  /** @default '127.0.0.1' */
  readonly host?: string
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** The log to stand on. @default a new one, made from `memory` */
  readonly log?: MemoryLog
  readonly memory?: MemoryLogOptions
  /** @default 'kedge-memory' */
  readonly clusterId?: string
  /** Connections beyond this are refused. @default 10_000 */
  readonly maxConnections?: number
}

/** A gateway that listens. */
export interface RunningGateway {
  /** `http://127.0.0.1:8082`, without a slash at the end. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** What it stands on: for looking, truncating, deleting topics. */
  readonly log: MemoryLog
  /** Stops listening and cuts every connection, as a process does that was killed. What the log holds stays. */
  readonly pause: () => Promise<void>
  /** Listens again, on the same port. */
  readonly resume: () => Promise<void>
  /** Stops for good. May be called again. */
  readonly close: () => Promise<void>
}

/** HTTP headers of a request; more are dropped (Node's own limit for their bytes is 16 KiB). */
const MAX_HEADERS = 100
/** A request has this long to arrive whole: nobody holds a connection by sending slowly. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Starts the gateway with a log in memory.
 *
 * @throws TypeError for wrong options; the error of `listen` (`EADDRINUSE`) when it cannot listen.
 * @example
 * ```ts
 * import { startGateway } from 'kedge/gateway'
 *
 * const gateway = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
 * await fetch(`${gateway.url}/healthz`)
 * await gateway.close()
 * ```
 */
export async function startGateway(options: StartOptions = {}): Promise<RunningGateway> {
  const {
    host = '127.0.0.1',
    port: wanted = 0,
    memory,
    clusterId,
    maxConnections = 10_000,
    ...rest
  } = options
  const { log: given, ...gatewayOptions } = rest
  const runtime = options.runtime ?? systemRuntime()
  const log = given ?? new MemoryLog({ now: () => runtime.now(), random: () => runtime.random(), ...memory })
  const cluster = memoryCluster(log, { runtime, ...(clusterId !== undefined && { id: clusterId }) })
  const app = createGateway({ ...gatewayOptions, cluster })

  // The globals of the process are not ours to replace.
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })

  const listen = async (port: number): Promise<Server> => {
    const server = createServer((request, response) => void answer(request, response))
    server.maxHeadersCount = MAX_HEADERS
    server.maxConnections = maxConnections
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.listen(port, host)
    await once(server, 'listening')
    return server
  }
  let server: Server | undefined = await listen(wanted)
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : wanted
  let closed = false
  // One change at a time, in the order asked for.
  let last: Promise<void> = Promise.resolve()
  const change = (work: () => Promise<void>): Promise<void> => (last = last.catch(() => {}).then(work))

  const pause = () =>
    change(async () => {
      if (!server) return
      const stopping = server
      server = undefined
      const stopped = once(stopping, 'close')
      stopping.close()
      stopping.closeAllConnections()
      await stopped
    })

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    log,
    pause,
    resume: () =>
      change(async () => {
        if (!closed) server ??= await listen(port)
      }),
    close: () => {
      closed = true
      return pause()
    },
  }
}
