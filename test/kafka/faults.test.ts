/**
 * The promise, on a real broker behind a real gateway, while both are killed and frozen and started again, and while
 * the connections to them are cut and slowed by toxiproxy: docs/faults.md.
 *
 * `KEDGE_FAULT_ROUNDS=200` for a night; `KEDGE_SEED` to repeat the order of the faults.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import { createCache } from '../../src/index.ts'
import type { Cache } from '../../src/index.ts'
import { readEviction } from '../../src/wire/read-eviction.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { FaultChecker } from './fault-checker.ts'
import { FAULT_CLASSES, type FaultName, type Stage } from './fault-classes.ts'
import { GatewayProcess } from './fault-gateway.ts'
import { reads, readsAll, Source, writes } from './fault-load.ts'
import { faultPlan, type Place } from './fault-plan.ts'
import { Traffic } from './fault-traffic.ts'
import { withoutToxiproxy } from './toxiproxy-binary.ts'
import { startToxiproxy, type Toxiproxy } from './toxiproxy.ts'

const MAX_STALENESS = 1000
/** Shorter than any freeze: held values are flagged first, and then bypassed. */
const MAX_OUTAGE = 2000
const REQUEST_TIMEOUT = 3000
const ROUNDS = Number(process.env['KEDGE_FAULT_ROUNDS'] ?? 10)
const SEED = Number(process.env['KEDGE_SEED'] ?? Math.floor(Math.random() * 1e9))
const IS_NIGHT = ROUNDS > 50
/** For a night as long as a bad pause of a virtual machine. */
const FREEZE_MS = IS_NIGHT ? 20_000 : 2500
const TOPIC = 'cache-evictions'
const NAMES = Object.keys(FAULT_CLASSES) as FaultName[]
const PLACES = Object.fromEntries(NAMES.map((name) => [name, FAULT_CLASSES[name].place])) as Record<
  FaultName,
  Place
>

const reason = withoutKafka() ?? withoutToxiproxy()

describe.skipIf(reason !== undefined)('on a real broker that fails', () => {
  let broker: Broker
  let toxiproxy: Toxiproxy
  let stage: Stage
  const caches: Cache[] = []

  beforeAll(async () => {
    toxiproxy = await startToxiproxy()
    broker = await startBroker()
    const admin = kafkaCluster({ brokers: [broker.bootstrap] })
    await admin.createTopic(TOPIC, { partitions: 1 })
    await admin.close()
    const gateway = await GatewayProcess.before(broker.bootstrap)
    const wires = await Promise.all([0, 1, 2, 3].map(() => toxiproxy.wire(gateway.port)))
    stage = { broker, gateway, wires, traffic: new Traffic(), freezeMs: FREEZE_MS, quiet: false }
    for (const [n, wire] of wires.entries()) {
      const kafka = gatewayLog({
        url: `http://127.0.0.1:${wire.port}`,
        requestTimeout: REQUEST_TIMEOUT,
        fetch: stage.traffic.over(n),
      })
      const promises = { maxStaleness: MAX_STALENESS, maxOutage: MAX_OUTAGE, onUnreachable: 'stale' } as const
      caches.push(createCache({ kafka, ttl: '1h', ...promises }))
    }
  }, 180_000)

  afterAll(async () => {
    for (const cache of caches) await cache.close()
    await stage?.gateway.kill()
    await toxiproxy?.stop()
    await broker?.stop()
  }, 60_000)

  it(
    `no acknowledged eviction is lost, nothing is served beyond the promise, and no failure is kept silent (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const began = performance.now()
      const checker = new FaultChecker({
        maxStalenessMs: MAX_STALENESS,
        maxOutageMs: MAX_OUTAGE,
        slackMs: 20,
        // A wait for a poll, a slow load, and the same again where another's load failed.
        maxReadMs: 10_000,
        // `publishTimeout`, and what a busy machine takes to report it.
        maxPublishMs: 12_000,
      })
      const source = new Source()
      const stop = new AbortController()
      const load = { checker, signal: stop.signal, quiet: () => stage.quiet }
      const work = Promise.all([
        ...caches.flatMap((cache, n) => [
          reads(cache, `isolate ${n}`, source, load),
          reads(cache, `isolate ${n}`, source, load),
        ]),
        ...caches.map((cache) => writes(cache, source, load)),
        // Two poll when they are asked, two wait for news.
        ...caches.slice(2).map((cache) => cache.follow({ signal: stop.signal })),
      ])
      const struck = new Map<FaultName, Map<string, number>>()
      let known = 0
      for (const [index, names] of faultPlan(PLACES, ROUNDS, SEED).entries()) {
        await Promise.race([sleep(500 + Math.random() * 1000), work])
        const done = await Promise.all(names.map((name, n) => strike(name, names, SEED + index * 10 + n)))
        for (const [n, what] of done.entries()) {
          const name = names[n]!
          const variants = struck.get(name) ?? new Map<string, number>()
          const variant = what ?? MISSED
          struck.set(name, variants.set(variant, (variants.get(variant) ?? 0) + 1))
        }
        if (IS_NIGHT) tell(`round ${index + 1}: ${names.join(' + ')}; ${said(checker)}`)
        for (const { rule, text } of checker.violations.slice(known)) tell(`  VIOLATION (${rule}): ${text}`)
        known = checker.violations.length
      }
      await Promise.race([sleep(3000), work])
      stop.abort()
      // A call that hangs must not hang the verdict.
      const ended = await Promise.race([work.then(() => true), sleep(ENDS_MS, false)])

      // In the end every cache proves itself and reads what was written last.
      for (const [n, cache] of caches.entries()) {
        expect(await proves(cache)).toBe(true)
        await readsAll(cache, `isolate ${n}`, source, checker)
      }
      checker.closes(await evictions())
      tell(
        report(struck),
        `${ROUNDS} rounds, seed ${SEED}, ${Math.round((performance.now() - began) / 1000)} s`,
        said(checker),
      )
      expect(checker.violations).toEqual([])
      expect(ended, 'every call came to an end').toBe(true)
      // A test that saw nothing would pass as well.
      for (const name of NAMES) expect(hits(struck, name), name).toBeGreaterThanOrEqual(IS_NIGHT ? 25 : 1)
      expect(checker.count.acknowledged).toBeGreaterThan(ROUNDS * 10)
      expect(checker.count.cached).toBeGreaterThan(ROUNDS * 100)
      expect(checker.count.flagged).toBeGreaterThan(0)
      expect(checker.count.reported).toBeGreaterThan(0)
      expect(checker.count.withToken).toBeGreaterThan(ROUNDS)
    },
    120_000 + ROUNDS * 30_000,
  )

  /** Tries again where there was nothing to strike at: the caches may be in a pause between polls. */
  async function strike(
    name: FaultName,
    all: readonly FaultName[],
    seed: number,
  ): Promise<string | undefined> {
    const also = new Set(all.filter((other) => other !== name).map((other) => PLACES[other]))
    const random = seededRandom(seed)
    for (let tries = 0; tries < 3; tries++) {
      const what = await FAULT_CLASSES[name].strike({ stage, random, also })
      if (what !== undefined) return what
    }
    return undefined
  }

  /** What every record of the log evicts, from the broker itself: the gateway may have forgotten. */
  async function evictions(): Promise<Map<number, readonly string[]>> {
    const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    const { beginning, end } = await cluster.offsets(TOPIC, 0)
    const found = new Map<number, readonly string[]>()
    for (let offset = beginning; offset < end;) {
      const position = { topic: TOPIC, partition: 0, offset }
      const { records, next } = await cluster.read([position], { maxBytes: 1_000_000, waitMs: 500 })
      for (const record of records) {
        const message: unknown = JSON.parse(new TextDecoder().decode(record.value!))
        found.set(record.offset, readEviction(message, undefined, () => true).keys)
      }
      offset = next[0]!.offset
    }
    await cluster.close()
    return found
  }
})

/** Longer than any call may take. */
const ENDS_MS = 20_000

/** A cache pauses its polls for 5 s at most after failures. */
const RECOVERY_MS = 15_000

async function proves(cache: Cache): Promise<boolean> {
  const deadline = performance.now() + RECOVERY_MS
  while (performance.now() < deadline) {
    if ((await cache.sync()).proved) return true
    await sleep(100)
  }
  return false
}

/** A fault that found nothing to strike at; it does not count. */
const MISSED = 'missed'

function hits(struck: ReadonlyMap<FaultName, ReadonlyMap<string, number>>, name: FaultName): number {
  let sum = 0
  for (const [variant, times] of struck.get(name) ?? []) if (variant !== MISSED) sum += times
  return sum
}

function report(struck: ReadonlyMap<FaultName, ReadonlyMap<string, number>>): string {
  return NAMES.map((name) => {
    const variants = [...(struck.get(name) ?? [])].map(([variant, times]) => `${variant}: ${times}`)
    return `${name}: ${hits(struck, name)} (${variants.sort().join('; ')})`
  }).join('\n')
}

function said({ count, violated }: FaultChecker): string {
  return (
    `${count.acknowledged} evictions acknowledged, ${count.reported} reported as errors ` +
    `(${count.reportedInLog} of them in the log), ${count.repeated} in the log more than once, ` +
    `${count.reads} reads (${count.cached} cached, ${count.flagged} flagged, ${count.withToken} with a token), ` +
    `${violated} violations`
  )
}

function tell(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
