/**
 * Writers, syncs that die and begin again, a store and a log that fail in every way, in one virtual time, by a seed:
 * at rest the store equals the fold of the topic key by key, and on the way no key goes backwards. Set `KEDGE_SEED` to
 * repeat a run that failed, `KEDGE_RUNS` to run more of them.
 */
import { describe, expect, it } from 'vitest'
import { forEachSeed, seeds } from '../../seeds.ts'
import { createSync } from '../../../services/sync/index.ts'
import type { SyncStats } from '../../../services/sync/index.ts'
import { KedgeError } from '../../../src/index.ts'
import type { SinkVersion, SinkWrite } from '../../../src/ports/sink.ts'
import {
  fakeRuntime,
  memory,
  MemoryLog,
  memorySink,
  MemoryStore,
  seededRandom,
} from '../../../src/testing/index.ts'

const decoder = new TextDecoder()
const bytes = (text: string) => new TextEncoder().encode(text)

/** A store that minds whether a key ever shows something older than before. */
class WatchedStore extends MemoryStore {
  readonly #last = new Map<string, SinkVersion>()
  readonly violations: string[] = []

  override put(write: SinkWrite, epoch: string): boolean {
    const written = super.put(write, epoch)
    const known = this.#last.get(write.key)
    if (
      written &&
      known &&
      (write.version[0] < known[0] || (write.version[0] === known[0] && write.version[1] < known[1]))
    )
      this.violations.push(`${write.key} went from ${known.join()} back to ${write.version.join()}`)
    if (written) this.#last.set(write.key, write.version)
    return written
  }

  /** From here on it may start over. */
  forget(): void {
    this.#last.clear()
  }
}

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

async function run(seed: number) {
  const random = seededRandom(seed)
  const chance = (probability: number) => random() < probability
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const below = (most: number) => Math.floor(random() * most)
  const runtime = fakeRuntime({ seed })
  const log = new MemoryLog({ now: () => runtime.now(), random, autoCreate: false })
  const ours = chance(0.4)
  log.createTopic('orders', { partitions: 1 + below(3) })
  log.createTopic('dead')
  const store = new WatchedStore(() => runtime.now())
  let [asOf, written, replaced, garbage] = [1, 0, false, 0]

  const append = () => {
    const key = pick(KEYS)
    written++
    if (chance(0.05)) {
      garbage++
      // Under a key of its own: compaction would keep it in the place of what can be used.
      return log.append('orders', { key: bytes(`half-${key}`), value: bytes('{"half') })
    }
    if (!ours)
      return log.append('orders', {
        key: bytes(key),
        value: chance(0.2) ? null : bytes(JSON.stringify({ n: written })),
      })
    // Concurrent writers reach the log in another order than their evictions did.
    asOf += below(3)
    const of = Math.max(1, asOf - below(4))
    const message = chance(0.2)
      ? { v: 1, op: 'del', ns: 'rows', key, asOf: of }
      : { v: 1, op: 'put', ns: 'rows', key, value: { n: written }, ttl: 1e12, at: runtime.now(), asOf: of }
    return log.append('orders', { key: bytes(`rows/${key}`), value: bytes(JSON.stringify(message)) })
  }

  /** The last write of each key that the topic holds. */
  const folded = () => {
    const last = new Map<string, { version: SinkVersion; value: string | undefined }>()
    for (let partition = 0; partition < log.partitions('orders'); partition++) {
      const { beginning } = log.offsets('orders', partition)
      const slice = log.read(
        'orders',
        { partition, offset: beginning },
        { maxBytes: 1e9, isolation: 'committed' },
      )
      for (const { key, value, offset } of slice?.records ?? []) {
        const text = value === null ? undefined : decoder.decode(value)
        if (text === '{"half') continue
        const said =
          ours && text !== undefined ? (JSON.parse(text) as { asOf: number; value?: unknown }) : undefined
        const version: SinkVersion = said ? [said.asOf, offset] : [offset, 0]
        const name = decoder.decode(key!).replace('rows/', '')
        const known = last.get(name)
        if (
          known &&
          (version[0] < known.version[0] ||
            (version[0] === known.version[0] && version[1] < known.version[1]))
        )
          continue
        last.set(name, { version, value: said ? said.value && JSON.stringify(said.value) : text } as never)
      }
    }
    return last
  }

  const faults = { log: 0, store: 0 }
  const make = () => {
    const latency = () => (chance(0.5) ? 0 : below(80))
    const kafka = memory({ on: log, runtime, latency, capabilities: { identity: true } })
    const sink = memorySink({ on: store, runtime, latency })
    const sync = createSync({
      kafka,
      topic: 'orders',
      sink,
      key: 'k:{key}',
      format: ours ? 'kedge' : 'json',
      stream: 'orders',
      deadLetters: 'dead',
      drain: pick([1, 2000]),
      maxBatch: pick([1, 3, 1000]),
      maxReadBytes: pick([30, 300, 1_000_000]),
      runtime,
      onEvent: ({ type }) => {
        if (type === 'begin') store.forget()
      },
    })
    const stop = new AbortController()
    const ended = sync.run({ signal: stop.signal }).then(
      () => undefined,
      (error: unknown) => void ends.push(error),
    )
    return { sync, sink, kafka, stop, ended }
  }
  const ends: unknown[] = []
  const totals: SyncStats[] = []
  let syncs = [make(), ...(chance(0.5) ? [make()] : [])]

  const disturb = () => {
    const at = below(syncs.length)
    const { sink, kafka, stop, sync } = syncs[at]!
    const error = new KedgeError('ERR_NETWORK', 'reset', { retryable: true })
    const what = random()
    if (what < 0.25) {
      faults.store++
      sink.fail(error, { when: pick(['before', 'midway', 'after'] as const), times: 1 + below(4) })
    } else if (what < 0.4) {
      faults.log++
      kafka.fail(error, { when: pick(['before', 'after'] as const), times: 1 + below(4) })
    } else if (what < 0.45) sink.pause()
    else if (what < 0.5) kafka.pause()
    else if (what < 0.65) {
      sink.resume()
      kafka.resume()
    } else if (what < 0.85) {
      stop.abort()
      totals.push(sync.stats())
      syncs[at] = make()
    } else if (what < 0.9) {
      store.wipe()
      store.forget()
    } else if (what < 0.96) {
      // It keeps the last record of a key, which is not the one with the highest as-of.
      if (!ours) log.compact('orders')
    } else if (what < 0.98 && !replaced) {
      replaced = true
      log.recreateTopic('orders')
      store.forget()
    }
  }

  for (let step = 0; step < 150; step++) {
    for (let count = below(6); count > 0; count--) append()
    if (chance(0.25)) disturb()
    await runtime.advance(below(chance(0.1) ? 8000 : 120))
  }
  for (const { sink, kafka } of syncs) {
    sink.fail()
    kafka.fail()
    sink.resume()
    kafka.resume()
  }
  for (let passed = 0; passed < 60; passed++) await runtime.advance(2000)

  const violations = [...store.violations, ...ends.map((error) => `ended by ${String(error)}`)]
  const fold = folded()
  for (const key of KEYS) {
    const value = store.get(`k:${key}`)
    const text = value && decoder.decode(value)
    // What a topic that was replaced does not mention stays as it was.
    if (replaced && !fold.has(key)) continue
    if (text !== fold.get(key)?.value)
      violations.push(`${key} is ${text}, and should be ${fold.get(key)?.value}`)
  }
  for (const { sync } of syncs) {
    totals.push(sync.stats())
    const { records } = sync.lag()
    if (records !== 0) violations.push(`${records} records behind at rest`)
    if (sync.notReady().length > 0) violations.push(`not ready: ${sync.notReady().join()}`)
  }
  const lost = totals.reduce((sum, { deadLettersLost }) => sum + deadLettersLost, 0)
  const letters = log.offsets('dead', 0).end
  if (!replaced && log.offsets('orders', 0).beginning === 0 && letters + lost < Math.min(1, garbage))
    violations.push('no dead letters')
  for (const { stop } of syncs) stop.abort()
  await runtime.advance(20_000)
  if (runtime.sleeping > 0) violations.push(`${runtime.sleeping} sleeps are left`)
  return {
    violations,
    written,
    faults,
    superseded: totals.reduce((sum, { superseded }) => sum + superseded, 0),
  }
}

describe('whatever happens', () => {
  const { first, runs } = seeds(40)

  it(
    `the store comes to equal the topic, and no key goes backwards (${runs} runs from seed ${first})`,
    { timeout: 3_600_000 },
    async () => {
      let [faults, superseded] = [0, 0]
      await forEachSeed({ first, runs }, run, (result) => {
        faults += result.faults.store + result.faults.log
        superseded += result.superseded
      })
      // A test without faults would pass as well.
      expect(faults).toBeGreaterThan(runs)
      expect(superseded).toBeGreaterThan(runs)
    },
  )
})
