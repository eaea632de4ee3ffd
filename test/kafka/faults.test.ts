/**
 * The promise, on a real broker behind a real gateway, while both are killed, frozen and started again.
 *
 * Isolates read and write rows of a source through caches; a checker knows every acknowledged eviction and every
 * read. `KEDGE_FAULT_ROUNDS=200` for a night; `KEDGE_SEED` to repeat the order of the faults.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/confluent.ts'
import { createCache, isKedgeError } from '../../src/index.ts'
import type { Cache } from '../../src/index.ts'
import { readEviction } from '../../src/messages.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { kafkaCluster } from '../../gateway/kafka/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { Wire } from './wire.ts'

const MAX_STALENESS = 1000
/** Clocks of this process, and the scheduling of two busy cores, are no part of the promise. */
const SLACK = 250
const ROUNDS = Number(process.env['KEDGE_FAULT_ROUNDS'] ?? 10)
const SEED = Number(process.env['KEDGE_SEED'] ?? Math.floor(Math.random() * 1e9))
/** How long the broker is frozen: for a night as long as a bad pause of a virtual machine. */
const FREEZE_MS = ROUNDS > 50 ? 20_000 : 2500
const KEYS = Array.from({ length: 8 }, (_, n) => `row${n}`)
const TOPIC = 'cache-evictions'

class GatewayProcess {
  readonly port: number
  readonly #brokers: string
  #child: ChildProcess | undefined

  constructor(port: number, brokers: string) {
    this.port = port
    this.#brokers = brokers
  }

  async start(): Promise<void> {
    const script = fileURLToPath(new URL('gateway-process.ts', import.meta.url))
    this.#child = spawn(process.execPath, [script, String(this.port), this.#brokers], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(this.#child.stdout!, 'data')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** Rows of a source, who wrote what, and what was promised about it. */
class Checker {
  readonly rows = new Map<string, number>(KEYS.map((key) => [key, 0]))
  readonly acknowledged: { key: string; version: number; at: number; token: string }[] = []
  readonly violations: string[] = []
  reads = 0
  hits = 0
  flagged = 0
  failedWrites = 0
  readonly #newest = new Map<string, { version: number; at: number }[]>()

  promise(key: string, version: number, token: string): void {
    const at = performance.now()
    this.acknowledged.push({ key, version, at, token })
    const all = this.#newest.get(key) ?? []
    all.push({ version, at })
    this.#newest.set(key, all)
  }

  judge(key: string, version: number, since: number, who: string): void {
    for (const promised of this.#newest.get(key) ?? []) {
      if (version < promised.version && promised.at + MAX_STALENESS + SLACK < since) {
        const late = Math.round(since - promised.at)
        this.violations.push(
          `${who} read version ${version} of ${key}, ${late} ms after ${promised.version} was evicted`,
        )
        return
      }
    }
  }
}

const reason = withoutKafka()

describe.skipIf(reason !== undefined)('on a real broker that fails', () => {
  let broker: Broker
  let gateway: GatewayProcess
  let wire: Wire
  const caches: Cache[] = []

  beforeAll(async () => {
    broker = await startBroker()
    const admin = kafkaCluster({ brokers: [broker.bootstrap] })
    await admin.createTopic(TOPIC, { partitions: 1 })
    await admin.close()
    gateway = new GatewayProcess(await freePort(), broker.bootstrap)
    await gateway.start()
    wire = await Wire.to(gateway.port)
  }, 120_000)

  afterAll(async () => {
    for (const cache of caches) await cache.close()
    await wire?.close()
    await gateway?.kill()
    await broker?.stop()
  }, 60_000)

  it(
    `no acknowledged eviction is lost, and nothing is served beyond the promise (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const random = seededRandom(SEED)
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
      const checker = new Checker()
      const stop = new AbortController()
      const url = `http://127.0.0.1:${wire.port}`
      for (let n = 0; n < 4; n++) {
        const kafka = confluent({ url, gateway: true, requestTimeout: 3000 })
        caches.push(
          createCache({
            kafka,
            maxStaleness: MAX_STALENESS,
            maxOutage: 3000,
            ttl: '1h',
            onUnreachable: 'stale',
          }),
        )
      }

      const reader = async (cache: Cache, who: string): Promise<void> => {
        const rows = cache.namespace<number>('rows')
        while (!stop.signal.aborted) {
          const key = pick(KEYS)
          const since = performance.now()
          const entry = await rows.getEntry(key, async () => {
            const version = checker.rows.get(key)!
            await sleep(Math.random() * 20)
            return version
          })
          checker.reads++
          if (entry.cached) checker.hits++
          if (entry.staleBecause === 'unreachable') checker.flagged++
          else if (entry.value !== undefined) checker.judge(key, entry.value, since, who)
          await sleep(Math.random() * 10)
        }
      }
      const writer = async (cache: Cache): Promise<void> => {
        const rows = cache.namespace<number>('rows')
        while (!stop.signal.aborted) {
          const key = pick(KEYS)
          const version = checker.rows.get(key)! + 1
          checker.rows.set(key, version)
          try {
            const token = await rows.delete(key)
            checker.promise(key, version, token)
          } catch (error) {
            if (!isKedgeError(error) || error.code !== 'ERR_PUBLISH') throw error
            checker.failedWrites++
          }
          await sleep(20 + Math.random() * 60)
        }
      }

      const faults: Record<string, () => Promise<void>> = {
        'broker killed': async () => {
          broker.kill()
          await sleep(500)
          await broker.restart()
        },
        'broker frozen': async () => {
          broker.pause()
          await sleep(FREEZE_MS)
          broker.resume()
        },
        'gateway killed': async () => {
          await gateway.kill()
          await sleep(300)
          await gateway.start()
        },
        'gateway frozen': async () => {
          gateway.pause()
          await sleep(2500)
          gateway.resume()
        },
        'connections cut': async () => {
          for (let times = 0; times < 20; times++) {
            wire.cut()
            await sleep(Math.random() * 100)
          }
        },
        'connections slowed': async () => {
          wire.delayMs = 300
          await sleep(2000)
          wire.delayMs = 0
        },
      }

      const work = [
        ...caches.flatMap((cache, n) => [reader(cache, `isolate ${n}`), reader(cache, `isolate ${n}`)]),
        writer(caches[0]!),
        writer(caches[1]!),
      ]
      const failed = Promise.all(work)
      const names = Object.keys(faults)
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.race([sleep(1000), failed])
        // Each kind of fault at least once, then by chance.
        const name = round < names.length ? names[round]! : pick(names)
        await faults[name]!()
      }
      await Promise.race([sleep(3000), failed])
      stop.abort()
      await failed

      expect(checker.violations).toEqual([])
      // A test that saw nothing would pass as well.
      expect(checker.acknowledged.length).toBeGreaterThan(ROUNDS * 5)
      expect(checker.hits).toBeGreaterThan(ROUNDS * 50)
      expect(checker.failedWrites).toBeGreaterThan(0)

      // In the end every cache proves itself, and every acknowledged eviction is found where its token says.
      for (const cache of caches) expect((await cache.sync()).proved).toBe(true)
      const inLog = await evictionsOf(url)
      for (const { key, token } of checker.acknowledged) {
        const offset = Number(token.split('-')[1]) - 1
        expect(inLog.get(offset), `offset ${offset}`).toContain(key)
      }
    },
    60_000 + ROUNDS * 30_000,
  )

  async function evictionsOf(url: string): Promise<Map<number, readonly string[]>> {
    const log = confluent({ url, gateway: true })
    const [bounds] = await log.offsets(TOPIC, { partitions: [0] })
    const found = new Map<number, readonly string[]>()
    for (let offset = bounds!.beginning; offset < bounds!.end;) {
      const { records, next } = await log.read(TOPIC, [{ partition: 0, offset }], {
        maxBytes: 1_000_000,
        waitMs: 500,
        isolation: 'uncommitted',
      })
      for (const record of records) {
        const message: unknown = JSON.parse(new TextDecoder().decode(record.value!))
        found.set(record.offset, readEviction(message, undefined, () => true).keys)
      }
      offset = next[0]!.offset
    }
    return found
  }
})
