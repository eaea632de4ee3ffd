/** One worker in workerd, with an isolate of its own, reached without anything in between. */
import { Miniflare } from 'miniflare'

const HOST = '127.0.0.1'
/** No flags: above all no `nodejs_compat`. */
const COMPATIBILITY_DATE = '2026-06-01'

export interface RunningIsolate {
  /** Without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the worker, one ES module, and resolves when it listens.
 *
 * @param objects the classes of its Durable Objects, with SQLite, by the names that they are bound as
 */
export async function startIsolate(
  code: string,
  bindings: Readonly<Record<string, string>> = {},
  objects: Readonly<Record<string, string>> = {},
): Promise<RunningIsolate> {
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
    bindings,
    durableObjects: Object.fromEntries(
      Object.entries(objects).map(([name, className]) => [name, { className, useSQLite: true }]),
    ),
    compatibilityDate: COMPATIBILITY_DATE,
    host: HOST,
    port: 0,
    cf: false,
    // Miniflare's own worker, which stands before those of its users, does not pass on that a client hung up.
    unsafeDirectSockets: [{ host: HOST, port: 0 }],
  })
  try {
    await miniflare.ready
    const { origin } = await miniflare.unsafeGetDirectURL()
    return { url: origin, close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}
