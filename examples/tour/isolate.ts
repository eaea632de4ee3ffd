/**
 * One worker in workerd, the runtime of Cloudflare Workers, with an isolate and a port of its own.
 *
 * @module
 */
import { Miniflare } from 'miniflare'
import { choosePort, HOST, type OpenServer, type PortWish } from './server.ts'

/** The newest behaviour of the runtime that the worker asks for. No flags: above all no `nodejs_compat`. */
const COMPATIBILITY_DATE = '2026-06-01'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Miniflare's constructor listens to signals and ends the process at the first one, before anything else is
 * stopped, and not with 0. The demo closes each isolate that it starts, so these listeners go; the one for
 * the process's `exit`, which ends workerd at the last moment, stays.
 */
function withoutSignalListeners<T>(create: () => T): T {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)))
  const created = create()
  for (const [index, signal] of SIGNALS.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.has(listener)) process.removeListener(signal, listener)
    }
  }
  return created
}

export interface IsolateOptions {
  /** The worker as one ES module. */
  readonly script: string
  readonly bindings: Readonly<Record<string, string>>
  readonly port: PortWish
}

/**
 * Starts the worker and resolves when it listens.
 * @throws StartError when the port is taken and no other will do.
 */
export async function startIsolate({ script, bindings, port }: IsolateOptions): Promise<OpenServer> {
  const options = {
    modules: [{ type: 'ESModule' as const, path: 'worker.js', contents: script }],
    bindings,
    compatibilityDate: COMPATIBILITY_DATE,
    host: HOST,
    port: await choosePort(port),
    // The description of a request's origin would be fetched from the network.
    cf: false as const,
  }
  const miniflare = withoutSignalListeners(() => new Miniflare(options))
  try {
    const { origin } = await miniflare.ready
    return { url: origin, close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}
