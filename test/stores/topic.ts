/** The topic that the stores are kept equal to: what is produced into it, and what its records mean. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, RecordToAppend } from '../../services/gateway/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import type { TopicRecord } from './checker.ts'

export const TOPIC = 'users'
export const STREAM = 'users'
export const TEMPLATE = 'user:{key}:latest'
export const PARTITIONS = 3
const KEYS = 240
/** At most in one request. */
const TOGETHER = 8
/** Of how many requests one is large, so that syncs have something in hand when they are struck. */
const BURSTS = 0.05
const TOGETHER_IN_A_BURST = 200
const PAUSE_MS = 12

const storeKey = (key: string): string => `user:${key}:latest`
export const STORE_KEYS: readonly string[] = Array.from({ length: KEYS }, (_, n) => storeKey(String(n)))

/** A record that was acknowledged. */
export interface Acknowledged {
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly value: string | undefined
}

/** Produces without an end: values, tombstones, values with a short life, and some that cannot be used. */
export class Producer {
  readonly acknowledged: Acknowledged[] = []
  failed = 0
  paused = false
  readonly #cluster: Cluster
  readonly #random: () => number
  #made = 0
  /** Whether a request is under way. */
  #busy = false

  constructor(cluster: Cluster, seed: number) {
    this.#cluster = cluster
    this.#random = seededRandom(seed)
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.paused) await this.#produce()
      await sleep(PAUSE_MS)
    }
  }

  /** Resolves when nothing is under way. */
  async pause(): Promise<void> {
    this.paused = true
    while (this.#busy) await sleep(5)
  }

  async #produce(): Promise<void> {
    const most = this.#random() < BURSTS ? TOGETHER_IN_A_BURST : TOGETHER
    const records = Array.from({ length: 1 + Math.floor(this.#random() * most) }, () => this.#make())
    this.#busy = true
    try {
      const results = await this.#cluster.append(
        TOPIC,
        records.map(({ key, value, partition }): RecordToAppend => ({
          key: key === null ? null : Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          partition,
        })),
      )
      for (const [index, result] of results.entries()) {
        const { key, value } = records[index]!
        if (result.refusal) this.failed++
        else this.acknowledged.push({ ...result, ...meaning(key, value) })
      }
    } catch {
      this.failed += records.length
    } finally {
      this.#busy = false
    }
  }

  #make(): { key: string | null; value: string | null; partition: number } {
    const number = Math.floor(this.#random() ** 2 * KEYS)
    const [key, partition, n] = [String(number), number % PARTITIONS, this.#made++]
    const kind = this.#random()
    if (kind < 0.01) return { key, partition, value: `no JSON ${n}` }
    if (kind < 0.02) return { key: null, partition, value: JSON.stringify({ n, ttl: 60_000 }) }
    if (kind < 0.03) return { key, partition, value: JSON.stringify({ n, ttl: 'soon' }) }
    if (kind < 0.2) return { key, partition, value: null }
    const ttl = kind < 0.3 ? 2000 + Math.floor(this.#random() * 4000) : '90d'
    const more = kind > 0.98 ? { more: 'x'.repeat(20_000) } : {}
    return { key, partition, value: JSON.stringify({ n, name: `Zoë ${n}`, ttl, ...more }) }
  }
}

/** What a record means, by code that is independent of the sync. */
function meaning(
  key: string | null,
  value: string | null,
): { key: string | undefined; value: string | undefined; ttlMs: number | undefined } {
  const unusable = { key: undefined, value: undefined, ttlMs: undefined }
  if (key === null) return unusable
  if (value === null) return { ...unusable, key: storeKey(key) }
  try {
    const { ttl } = JSON.parse(value) as { ttl?: unknown }
    if (ttl === '90d') return { key: storeKey(key), value, ttlMs: 90 * 86_400_000 }
    return typeof ttl === 'number' ? { key: storeKey(key), value, ttlMs: ttl } : unusable
  } catch {
    return unusable
  }
}

/** Reads a topic from its beginning on, as far as it goes, piece by piece. */
export class TopicReader {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #positions = new Map<number, number>()

  constructor(cluster: Cluster, topic: string, partitions: number) {
    this.#cluster = cluster
    this.#topic = topic
    for (let partition = 0; partition < partitions; partition++) this.#positions.set(partition, 0)
  }

  /** What is new, up to the end that each partition has now. */
  async *read(): AsyncGenerator<{
    partition: number
    offset: number
    timestamp: number
    key: string | null
    value: string | null
  }> {
    for (const partition of this.#positions.keys()) {
      const { end } = await this.#cluster.offsets(this.#topic, partition)
      for (let offset = this.#positions.get(partition)!; offset < end;) {
        const position = { topic: this.#topic, partition, offset }
        const { records, next } = await this.#cluster.read([position], { maxBytes: 4_000_000, waitMs: 500 })
        for (const { key, value, timestamp = -1, ...record } of records)
          yield { partition, offset: record.offset, timestamp, key: textOf(key), value: textOf(value) }
        offset = next[0]!.offset
        this.#positions.set(partition, offset)
      }
    }
  }

  /** Where it stands: the ends as they were. */
  get positions(): ReadonlyMap<number, number> {
    return this.#positions
  }
}

export const understood = (record: {
  partition: number
  offset: number
  timestamp: number
  key: string | null
  value: string | null
}): TopicRecord => ({ ...record, ...meaning(record.key, record.value) })

const textOf = (bytes: Uint8Array | null): string | null => bytes && new TextDecoder().decode(bytes)

/** Where the topic ends now, by partition. */
export async function endsOf(cluster: Cluster): Promise<ReadonlyMap<number, number>> {
  const all = Array.from({ length: PARTITIONS }, async (_, partition) => {
    const { end } = await cluster.offsets(TOPIC, partition)
    return [partition, end] as const
  })
  return new Map(await Promise.all(all))
}
