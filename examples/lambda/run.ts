/**
 * `node examples/lambda/run.ts`: each handler is called with events as Lambda makes them, around a gateway with its log in
 * memory. Ends with 0 when it saw what it says.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gateway as gatewayLog } from 'kedge/adapters/gateway'
import { startGateway } from 'kedge/gateway'
import { memorySink, memoryTier } from 'kedge/testing'
import { User } from './user.ts'

const rows = new Map([['7', { name: 'Ada', team: 'engines' }]])
let reads = 0
const source = createServer((incoming, response) => {
  void (async () => {
    const id = incoming.url!.slice(1)
    if (incoming.method === 'PUT') {
      rows.set(id, User.parse(await json(incoming)))
      return response.writeHead(204).end()
    }
    reads++
    const row = rows.get(id)
    return response
      .writeHead(row ? 200 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify(row))
  })()
}).listen(0, '127.0.0.1')
await once(source, 'listening')
const address = source.address()

const gateway = await startGateway()
process.env['KAFKA_REST_URL'] = gateway.url
process.env['USERS_URL'] = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`

// Only now, because the functions read their environment when they are loaded, as they do in Lambda.
const { cache } = await import('./cache.ts')
const { handler: http } = await import('./http.ts')
const { handler: greeting } = await import('./greeting.ts')
const { topicsHandler } = await import('./topics.ts')
// What is loaded before the cache knows the log is not held, and its first poll may take longer than it waits.
while (!(await cache.sync()).proved) await sleep(1)

/** A request to a function URL. */
const request = (method: string, path: string, body?: unknown) =>
  http({
    version: '2.0',
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json' },
    requestContext: { domainName: 'id.lambda-url.eu-west-1.on.aws', http: { method, path } },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    isBase64Encoded: false,
  })

const first = await request('GET', '/users/7')
await request('GET', '/users/7')
assert.deepEqual([first.statusCode, JSON.parse(first.body), reads], [200, rows.get('7'), 1])
console.log(`1. behind HTTP: ${first.body}, read twice, loaded once`)

const put = await request('PUT', '/users/7', { name: 'Grace', team: 'compilers' })
assert.match(put.headers?.['kedge-token'] ?? '', /^k1\./)
const { greeting: said } = await greeting({ user: '7' })
assert.deepEqual([said, reads], ['Hello Grace!', 2])
console.log(`   after a write, in a handler of one's own: ${said}`)

const kafka = gatewayLog({ url: gateway.url })
const sink = memorySink()
const topics = topicsHandler({ kafka, sink, tier: memoryTier() })
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')

/** An event of Amazon MSK. */
const event = (topic: string, ...values: (string | null)[]) => ({
  eventSource: 'aws:kafka',
  records: {
    [`${topic}-0`]: values.map((value, offset) => ({ topic, partition: 0, offset, value, headers: [] })),
  },
})

const ask = { v: 1, op: 'load', ns: 'users', key: '7', deadline: Date.now() + 5000, end: 0, asOf: 0 }
await topics(event('cache-requests', base64(ask)))
const options = { maxBytes: 1_000_000, isolation: 'committed' } as const
const updates = gateway.log.read('cache-updates', { partition: 0, offset: 0 }, options)?.records ?? []
const published = updates.map(({ value }) => Buffer.from(value!).toString('base64'))
// The handler reports a record that it cannot read, and goes on with the others.
const answer = await topics(event('cache-updates', ...published, 'not base64!'))
const stored = Buffer.from(sink.store.get('users:7') ?? []).toString()
assert.deepEqual([answer, stored], [{ batchItemFailures: [] }, JSON.stringify(rows.get('7'))])
console.log(`2. behind topics: a request was answered in the updates, and these are in the store: ${stored}`)

await topics(event('cache-evictions', base64({ v: 1, op: 'evict', ns: 'users', keys: ['7'] })))
console.log(`   ${JSON.stringify(topics.stats())}`)
assert.deepEqual(topics.stats(), { records: 3, poison: 1, failed: 0 })

await cache.close()
await gateway.close()
source.close()
