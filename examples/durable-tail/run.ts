/**
 * Two isolates of workerd, the runtime of Cloudflare, and the Durable Object that both of them ask.
 *
 * ```
 * node examples/durable-tail/run.ts
 * ```
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { memoryCluster, startGateway } from 'kedge/gateway'
import { MemoryLog } from 'kedge/testing'
import { Miniflare } from 'miniflare'

const cluster = memoryCluster(new MemoryLog({ topics: { 'cache-evictions': 1 } }))
let samples = 0
const counted = new Proxy(cluster, {
  get(target, name) {
    if (name === 'offsets') samples++
    const value: unknown = Reflect.get(target, name, target)
    return typeof value === 'function' ? (value.bind(target) as unknown) : value
  },
})
const log = await startGateway({ cluster: counted, port: 0 })

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('./edge.ts', import.meta.url))],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['workerd', 'worker', 'browser'],
})
const className = 'KedgeTail'
const secret = randomBytes(32).toString('base64')
/** Each has an isolate of its own. The second binds the class of the first. */
const isolate = (name: string, object: object) => ({
  name,
  routes: [`${name}.example/*`],
  modules: [{ type: 'ESModule' as const, path: 'edge.js', contents: outputFiles[0]!.text }],
  compatibilityDate: '2026-06-01',
  bindings: { KAFKA_REST_URL: log.url, TAIL_SECRET: secret },
  durableObjects: { KEDGE_TAIL: { className, ...object } },
})
const workers = new Miniflare({
  cf: false,
  workers: [isolate('one', { useSQLite: true }), isolate('two', { scriptName: 'one', useSQLite: true })],
})

const ask = async (host: string, path: string, method = 'GET') =>
  (await workers.dispatchFetch(`https://${host}.example${path}`, { method })).json() as Promise<
    Readonly<Record<string, unknown>>
  >
const both = <T>(call: (host: string) => Promise<T>) => Promise.all(['one', 'two'].map(call))

// The first request of an isolate loads before freshness is proved: that is returned, and not held.
for (let tries = 0; (await both((host) => ask(host, '/7'))).some(({ from }) => from !== 'memory'); tries++) {
  assert.ok(tries < 100, 'both isolates hold the user')
  await sleep(50)
}

samples = 0
let reads = 0
for (const until = Date.now() + 2000; Date.now() < until; await sleep(20))
  reads += (await both((host) => ask(host, '/7'))).length
const polls = (await both((host) => ask(host, '/stats'))).reduce(
  (sum, stats) => sum + Number(stats['polls']),
  0,
)
console.log(`${reads} reads of 2 isolates, ${polls} polls, ${samples} samples of the log in two seconds`)
assert.ok(samples <= 20, 'the log was asked for more than a tail needs')

await ask('one', '/7', 'DELETE')
await sleep(1100)
const { from } = await ask('two', '/7')
console.log(`1.1 s after its eviction by one isolate, the other has it from its ${String(from)}`)
assert.notEqual(from, 'memory')

await workers.dispose()
await log.close()
