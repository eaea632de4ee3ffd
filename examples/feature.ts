/**
 * A feature of one's own: a second level in the isolate. What has to make room in the cache is still there, gzipped, and
 * comes back without a load; under the rule for all values, so none that has been evicted meanwhile.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import type { Feature, HeldValue } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'

const through = (content: BlobPart, stream: CompressionStream | DecompressionStream) =>
  new Response(new Blob([content]).stream().pipeThrough(stream))
const zip = async (value: unknown) =>
  new Uint8Array(await through(JSON.stringify(value), new CompressionStream('gzip')).arrayBuffer())
const unzip = async (bytes: Uint8Array<ArrayBuffer>) =>
  through(bytes, new DecompressionStream('gzip')).json() as Promise<never>

/** Keeps values as gzipped JSON, in at most `maxBytes`: those that were asked for last. */
function gzipped(maxBytes: number): Feature {
  return {
    name: 'gzipped',
    open() {
      const kept = new Map<string, HeldValue<Uint8Array<ArrayBuffer>>>()
      let bytes = 0
      const drop = (id: string) => {
        bytes -= kept.get(id)?.value.length ?? 0
        kept.delete(id)
      }
      const keep = (id: string, held: HeldValue<Uint8Array<ArrayBuffer>>) => {
        drop(id)
        kept.set(id, held)
        bytes += held.value.length
        for (const oldest of kept.keys()) if (bytes > maxBytes) drop(oldest)
      }
      return {
        sourceTimeoutMs: 500,
        afterHold({ name }, { values, scope }) {
          for (const [key, held] of values)
            scope.waitUntil(zip(held.value).then((value) => keep(`${name}/${key}`, { ...held, value })))
        },
        async source({ name }, keys, { proof, hold }) {
          if (!(await proof())) return
          for (const key of keys) {
            const id = `${name}/${key}`
            const held = kept.get(id)
            // The cache judges it by its as-of: it takes none that was evicted since, nor one that is past its TTL.
            if (held && hold(key, { ...held, value: await unzip(held.value) })) keep(id, held)
            else drop(id)
          }
        },
      }
    },
  }
}

interface Product {
  readonly id: string
  readonly price: number
  readonly text: string
}
const log = new MemoryLog()
let loads = 0
const prices = new Map<string, number>()
const load = async ({ key: id }: { key: string }): Promise<Product> => {
  loads++
  await new Promise((resolve) => setTimeout(resolve, 1))
  return { id, price: prices.get(id) ?? 1, text: `Product ${id}, in stock. `.repeat(100) }
}
const isolate = (use: readonly Feature[]) =>
  createCache({ kafka: memory({ on: log }), ttl: '1h', maxEntries: 50, use }).namespace<Product>('products')

const ids = Array.from({ length: 500 }, (_, n) => `${n}`)
for (const [use, expected] of [
  [[], 1000],
  [[gzipped(200_000)], 500],
] as const) {
  const products = isolate(use)
  await products.get('0')
  loads = 0
  // Each in its turn, twice: a cache of 50 has none of the 500 left when it comes round again.
  for (const id of [...ids, ...ids]) assert.equal((await products.getOrSet(id, load)).id, id)
  console.log(`${use.map(({ name }) => name).join() || 'no feature'}: ${loads} loads of 1000 reads`)
  assert.ok(Math.abs(loads - expected) <= 50)

  // Another isolate evicts one: its gzipped value is not taken any more.
  prices.set('7', 2)
  const token = await isolate([]).delete('7')
  assert.equal((await products.getOrSet('7', load, { after: token })).price, 2)
  prices.delete('7')
}
