/** Shopify's toxiproxy, driven by its HTTP API: connections that are cut and slowed. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../store-servers/ports.ts'
import { guardedChild, killed } from './fault-child.ts'
import { toxiproxyBinary } from './toxiproxy-binary.ts'

/** `upstream`: what clients send. `downstream`: what the server answers. */
export type Stream = 'upstream' | 'downstream'

/** Times are milliseconds, but the slicer's delay, which is microseconds; rates are kilobytes a second. */
export type Toxic =
  | { readonly type: 'latency'; readonly attributes: { readonly latency: number; readonly jitter: number } }
  | { readonly type: 'bandwidth'; readonly attributes: { readonly rate: number } }
  | {
      readonly type: 'slicer'
      readonly attributes: {
        readonly average_size: number
        readonly size_variation: number
        readonly delay: number
      }
    }
  /** A reset, this long after the next data. */
  | { readonly type: 'reset_peer'; readonly attributes: { readonly timeout: number } }
  /** Nothing passes any more, and the connection ends after this long; never while it is 0. */
  | { readonly type: 'timeout'; readonly attributes: { readonly timeout: number } }
  /** The connection ends after this many bytes. */
  | { readonly type: 'limit_data'; readonly attributes: { readonly bytes: number } }

/** One way to a server, through toxiproxy. */
export interface ToxicWire {
  readonly port: number
  /**
   * Puts a toxic on every connection, those that are there and those to come, until `remove`, which ends the
   * connections too.
   */
  add(stream: Stream, toxic: Toxic): Promise<{ remove(): Promise<void> }>
  /** Cuts every connection and refuses new ones, until `connect`. */
  disconnect(): Promise<void>
  connect(): Promise<void>
}

export interface Toxiproxy {
  /** A wire to a port of this machine. */
  wire(target: number): Promise<ToxicWire>
  stop(): Promise<void>
}

const START_MS = 20_000
/** toxiproxy answers when every connection has taken its toxic in. */
const CALL_MS = 20_000
/** Within this it has forgotten connections that were ended. */
const FORGOTTEN_MS = 150

/** @throws Error when it does not start. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const port = await freePort()
  const child = guardedChild(await toxiproxyBinary(), ['-host', '127.0.0.1', '-port', String(port)])
  // It tells of every connection: read, so that the pipe never fills, and thrown away.
  child.stdout?.resume()
  const api = `http://127.0.0.1:${port}`
  const deadline = performance.now() + START_MS
  while (!(await answers(`${api}/version`))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
      await killed(child)
      throw new Error('toxiproxy did not start')
    }
    await sleep(20)
  }
  let wires = 0
  return {
    async wire(target) {
      const name = `wire${wires++}`
      const own = await freePort()
      const proxy = { name, listen: `127.0.0.1:${own}`, upstream: `127.0.0.1:${target}`, enabled: true }
      await call('POST', `${api}/proxies`, proxy)
      return wireOf(`${api}/proxies/${name}`, own)
    },
    stop: () => killed(child),
  }
}

function wireOf(proxy: string, port: number): ToxicWire {
  let toxics = 0
  const disconnect = () => call('PATCH', proxy, { enabled: false })
  const connect = () => call('PATCH', proxy, { enabled: true })
  return {
    port,
    async add(stream, toxic) {
      const name = `toxic${toxics++}`
      await call('POST', `${proxy}/toxics`, { name, stream, toxicity: 1, ...toxic })
      return {
        async remove() {
          // A toxic that writes to a connection which has just died cannot be taken from it: toxiproxy 2.12 then
          // waits for ever, and takes no connection any more. So all of them are ended and forgotten before.
          await disconnect()
          await sleep(FORGOTTEN_MS)
          await call('DELETE', `${proxy}/toxics/${name}`)
          await connect()
        },
      }
    },
    disconnect,
    connect,
  }
}

async function call(method: string, url: string, body?: unknown): Promise<void> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_MS),
  })
  const said = await response.text()
  if (!response.ok) throw new Error(`toxiproxy refuses ${method} ${url}: ${response.status} ${said}`)
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
