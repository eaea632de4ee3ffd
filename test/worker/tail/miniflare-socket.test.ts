/** The object of the deployed worker in workerd, which follows the gateway by a socket. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/index.ts'
import type { Client } from '../miniflare-client.ts'
import { until } from '../miniflare-until.ts'
import { EVICTIONS, startWorld } from '../miniflare-world.ts'
import type { World } from '../miniflare-world.ts'
import { type AskedPaths, askedPaths } from './asked-paths.ts'

const TOKEN = 'a-token-of-the-object-of-sixteen'
const MAX_STALENESS_MS = 2000
const PROOF = `GET /tail/${EVICTIONS}/0`
const ENDS = `GET /topics/${EVICTIONS}/partitions/0/offsets`
const SOCKET = `SOCKET ${PROOF.slice(4)}/ws`

let world: World
let log: MemoryLog
let gateway: Omit<RunningGateway, 'log'>
let before: AskedPaths
let isolate: Client

const start = (port = 0) => startGateway({ cluster: memoryCluster(log), auth: { tokens: [TOKEN] }, port })

beforeEach(async () => {
  world = await startWorld()
  log = new MemoryLog({ topics: { [EVICTIONS]: 1 } })
  gateway = await start()
  before = await askedPaths(gateway.url)
  isolate = await world.isolate({
    bindings: {
      KAFKA_REST_URL: before.url,
      KAFKA_TOKEN: TOKEN,
      TAIL: 'durable-object',
      TAIL_UPSTREAM: 'socket',
      MAX_STALENESS: `${MAX_STALENESS_MS}ms`,
      REFRESH_AFTER: '100ms',
    },
    objects: { KEDGE_TAIL: 'KedgeTail' },
  })
}, 60_000)
afterEach(async () => {
  await world.close()
  await before[Symbol.asyncDispose]()
  await gateway.close()
})

const isHit = async () => (await isolate.read('k')).cacheStatus.includes('hit')

/** Has another writer evict the row, and reads until the isolate has dropped it: in time. */
async function drops(value: string): Promise<void> {
  await until(isHit, 'the row is held')
  world.source.rows.set('k', value)
  const message = JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: ['k'] })
  log.append(EVICTIONS, { key: null, value: new TextEncoder().encode(message) })
  const evictedAt = performance.now()
  for (;;) {
    const startedAt = performance.now()
    if ((await isolate.read('k')).value === value) return
    expect(startedAt - evictedAt).toBeLessThan(MAX_STALENESS_MS)
  }
}

/** Reads again and again until nothing was asked of the gateway for so long. */
async function calm(forMs: number): Promise<number> {
  let [soFar, since, reads] = [before.asked.length, performance.now(), 0]
  await until(async () => {
    await isHit()
    reads++
    if (before.asked.length > soFar) [soFar, since, reads] = [before.asked.length, performance.now(), 0]
    return performance.now() - since >= forMs
  }, `the gateway is asked for nothing for ${forMs} ms`)
  return reads
}

describe('an object that follows the gateway by a socket', { timeout: 60_000 }, () => {
  it('asks it for nothing in calm, though its isolates read on, and hears of an eviction', async () => {
    world.source.rows.set('k', 'old')
    await until(isHit, 'the row is held')
    // Twenty times as long as an isolate goes without a question, and ten times as an object that asks by requests.
    expect(await calm(2000)).toBeGreaterThan(20)
    await until(() => before.open() === 1, 'there is a socket')
    await drops('new')
    expect(before.asked).toContain(SOCKET)
    expect(before.asked).not.toContain(ENDS)
    expect(new Set(before.credentials)).toEqual(new Set([`Bearer ${TOKEN}`]))
  })

  it('goes on when the gateway was away, and opens a socket to the next', async () => {
    world.source.rows.set('k', 'old')
    await until(isHit, 'the row is held')
    await calm(500)
    const port = Number(new URL(gateway.url).port)
    await gateway.close()
    await until(() => before.open() === 0, 'the socket ends with the gateway')
    await until(async () => !(await isHit()), 'nothing is served past its proof')
    gateway = await start(port)
    await drops('new')
    await until(() => before.open() === 1 && before.credentials.length > 1, 'there is another socket')
    await calm(1000)
    await drops('newer')
  })

  it('lets go of the socket when no isolate asks any more', async () => {
    await until(() => before.open() === 1, 'there is a socket')
    const heldAt = performance.now()
    await until(() => before.open() === 0, 'the socket is closed', 25_000)
    expect(performance.now() - heldAt).toBeGreaterThan(5000)
  })
})
