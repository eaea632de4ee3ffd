/** Workers in workerd that share a KV namespace and a cache. @module */
import { Miniflare } from 'miniflare'

const HOST = '127.0.0.1'

export interface Isolates {
  /** In the order of their names, without a slash at the end. */
  readonly urls: readonly string[]
  close(): Promise<void>
}

export async function startIsolates(
  code: string,
  names: readonly string[],
  bindings: Readonly<Record<string, string>> = {},
): Promise<Isolates> {
  const miniflare = new Miniflare({
    host: HOST,
    port: 0,
    workers: names.map((name) => ({
      name,
      modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
      bindings: { ...bindings },
      kvNamespaces: { KV: 'shared', TIER_KV: 'deployed' },
      compatibilityDate: '2026-06-01',
      unsafeDirectSockets: [{ host: HOST, port: 0 }],
    })),
  })
  try {
    await miniflare.ready
    const urls = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)))
    return { urls: urls.map(({ origin }) => origin), close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}
