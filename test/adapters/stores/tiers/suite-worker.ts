/** A worker that runs the contract of a tier on its own KV namespace and its own cache. @module */
import { cacheApi, type CacheLike } from '../../../../adapters/stores/cache-api.ts'
import { itemName } from '../../../../adapters/stores/shared/item-name.ts'
import { type KVNamespaceLike, workersKv } from '../../../../adapters/stores/workers-kv.ts'
import { tierSuite } from '../../../../src/testing/index.ts'
import { Harness } from '../../../runtime/harness.ts'
import { Silence } from './silence.ts'

/** What the tests use of the real one, beside what the tier does. */
interface Namespace extends KVNamespaceLike {
  list(): Promise<{ readonly keys: readonly { readonly name: string; readonly expiration?: number }[] }>
}

export interface Env {
  readonly KV: Namespace
}

const ORIGIN = 'https://tier.example'
const decoder = new TextDecoder()

function kvSuite(harness: Harness, namespace: Namespace): void {
  const wipe = async () => {
    for (const { name } of (await namespace.list()).keys) await namespace.delete(name)
  }
  tierSuite({
    name: 'workersKv()',
    applies: false,
    atomic: false,
    refusesLate: false,
    ttlMs: 60_000,
    deadlineMs: 1000,
    async create() {
      while ((await namespace.list()).keys.length > 0) await wipe()
      const silence = new Silence()
      const quiet: KVNamespaceLike = {
        getWithMetadata: async (keys, options) => (
          await silence.over(),
          namespace.getWithMetadata(keys, options)
        ),
        put: async (key, value, options) => (await silence.over(), namespace.put(key, value, options)),
        delete: async (key) => (await silence.over(), namespace.delete(key)),
      }
      return {
        tier: workersKv(quiet, { timeout: 500 }),
        other: workersKv(namespace),
        // The test does not wait for minutes: it removes what KV says it would have expired by then.
        async passes(ms) {
          const then = Date.now() + ms
          for (const { name, expiration } of (await namespace.list()).keys) {
            if (expiration !== undefined && expiration * 1000 <= then) await namespace.delete(name)
          }
        },
        wipe,
        async plant(place, key, bytes) {
          const name = await itemName('kedge:t:', place.namespace, key)
          await namespace.put(name, decoder.decode(bytes), { expirationTtl: 600, metadata: 'garbage' })
        },
        pause: () => silence.pause(),
        resume: () => silence.resume(),
        close: () => undefined,
      }
    },
    describe: harness.describe,
    it: harness.it,
    expect: harness.expect,
  })
}

function cacheSuite(harness: Harness): void {
  tierSuite({
    name: 'cacheApi()',
    applies: false,
    atomic: false,
    refusesLate: false,
    ttlMs: 1000,
    deadlineMs: 1000,
    async create() {
      const cache: CacheLike = await caches.open(crypto.randomUUID())
      const silence = new Silence()
      const urls = new Set<string>()
      const quiet: CacheLike = {
        match: async (url) => (await silence.over(), cache.match(url)),
        put: async (url, response) => (await silence.over(), urls.add(url), cache.put(url, response)),
        delete: async (url) => (await silence.over(), cache.delete(url)),
      }
      return {
        tier: cacheApi(quiet, { origin: ORIGIN, timeout: 500 }),
        other: cacheApi(() => cache, { origin: ORIGIN }),
        passes: (ms) => new Promise((resolve) => setTimeout(resolve, ms + 100)),
        wipe: async () => void (await Promise.all([...urls].map((url) => cache.delete(url)))),
        async plant(place, key, bytes) {
          const url = `${ORIGIN}/${await itemName('t:', place.namespace, key)}`
          const headers = { 'cache-control': 'max-age=600', 'x-kedge-item': 'garbage' }
          await cache.put(url, new Response(bytes as Uint8Array<ArrayBuffer>, { headers }))
        },
        pause: () => silence.pause(),
        resume: () => silence.resume(),
        close: () => undefined,
      }
    },
    describe: harness.describe,
    it: harness.it,
    expect: harness.expect,
  })
}

const worker = {
  async fetch(_request: Request, env: Env): Promise<Response> {
    const harness = new Harness()
    kvSuite(harness, env.KV)
    cacheSuite(harness)
    return Response.json(await harness.run())
  },
}

export default worker
