/**
 * One worker in workerd, the runtime of Cloudflare Workers, with an isolate and a port of its own.
 *
 * @module
 */
import { Miniflare } from 'miniflare'
import { choosePort, HOST, type OpenServer, type PortWish } from './server.ts'

/** The newest behaviour of the runtime that the worker asks for. No flags: above all no `nodejs_compat`. */
const COMPATIBILITY_DATE = '2026-06-01'

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
  const miniflare = new Miniflare({
    modules: true,
    script,
    bindings,
    compatibilityDate: COMPATIBILITY_DATE,
    host: HOST,
    port: await choosePort(port),
    // The description of the request's origin would be fetched from the network.
    cf: false,
  })
  try {
    const { origin } = await miniflare.ready
    return { url: origin, close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}
