/**
 * The idea of kedge in one file: every value has an as-of, and an eviction kills what is older.
 *
 * It leaves out what makes a cache of it: HTTP, TTLs, bounds on memory, tags, namespaces, several partitions, a log that
 * is deleted and created again, and what becomes of reads while Kafka is away. `docs/coherence.md` proves the rule.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { KafkaLog } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'

const TOPIC = 'cache-evictions'
const MAX_STALENESS_MS = 2000
const utf8 = new TextEncoder()
const text = new TextDecoder()

interface Held<T> {
  readonly value: T
  /** The end of the log that was known before the source was read: every eviction below it was acknowledged before. */
  readonly asOf: number
}

interface Flight<T> extends Pick<Held<T>, 'asOf'> {
  readonly value: Promise<T>
}

class Isolate<T> {
  /** The next offset to read: every eviction below it is in the table. */
  #position = 0
  /** The highest end of the log that is known. */
  #end = 0
  /** When the poll began that proved `#position`. Nothing was proved yet: nothing may be held. */
  #freshAt = -Infinity
  /** The offset of each key's last eviction. */
  readonly #evictions = new Map<string, number>()
  readonly #held = new Map<string, Held<T>>()
  readonly #flights = new Map<string, Flight<T>>()
  readonly #log: KafkaLog
  readonly #now: () => number

  constructor(log: KafkaLog, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** Learns where the log ends, then holds values: evictions before that cannot concern them. */
  async start(): Promise<void> {
    const freshAt = this.#now()
    this.#position = this.#end = await this.#logEnd()
    this.#freshAt = freshAt
  }

  async get(key: string, load: () => Promise<T>): Promise<T> {
    if (this.#now() - this.#freshAt >= MAX_STALENESS_MS) await this.poll()
    return this.#held.get(key)?.value ?? this.#load(key, load)
  }

  /** Evicts in the log, then here. Resolves when Kafka has acknowledged it. */
  async delete(key: string): Promise<void> {
    const record = { key: utf8.encode(key), value: null, partition: 0 }
    const [position] = await this.#log.produce(TOPIC, [record])
    this.#evict(key, position!.offset)
    this.#end = Math.max(this.#end, position!.offset + 1)
  }

  /** The proof: note the time, *then* ask where the log ends, read up to there, apply, and only then call it fresh. */
  async poll(): Promise<void> {
    const freshAt = this.#now()
    const end = await this.#logEnd()
    this.#end = Math.max(this.#end, end)
    while (this.#position < end) {
      const from = { partition: 0, offset: this.#position }
      const options = { maxBytes: 1_000_000, waitMs: 0, isolation: 'uncommitted' } as const
      const { records, next } = await this.#log.read(TOPIC, [from], options)
      for (const { key, offset } of records) this.#evict(text.decode(key!), offset)
      this.#position = Math.max(this.#position, next[0]!.offset)
    }
    this.#freshAt = freshAt
  }

  async #logEnd(): Promise<number> {
    const [bounds] = await this.#log.offsets(TOPIC)
    return bounds!.end
  }

  #evict(key: string, offset: number): void {
    if (offset <= (this.#evictions.get(key) ?? -1)) return
    this.#evictions.set(key, offset)
    if (this.#isDead(key, this.#held.get(key)?.asOf ?? Infinity)) this.#held.delete(key)
  }

  /** An eviction at offset `o` kills every value of its key with `asOf <= o`. */
  #isDead(key: string, asOf: number): boolean {
    return asOf <= (this.#evictions.get(key) ?? -1)
  }

  async #load(key: string, load: () => Promise<T>): Promise<T> {
    const under = this.#flights.get(key)
    // A load that began before an eviction may bring the old row: a read after the eviction gets a new load.
    if (under && !this.#isDead(key, under.asOf)) return under.value
    // Note the as-of first, then read the source: else an eviction during the load would count as older.
    const asOf = this.#end
    const flight = { asOf, value: load() }
    this.#flights.set(key, flight)
    try {
      const value = await flight.value
      // The reads that wait get the value, but it is not held: the eviction came while it was loaded.
      if (!this.#isDead(key, asOf)) this.#held.set(key, { value, asOf })
      return value
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
  }
}

// Two isolates, one log, one database, and a clock that the example moves.
let now = 0
const log = new MemoryLog()
const here = new Isolate<string>(memory({ on: log }), () => now)
const there = new Isolate<string>(memory({ on: log }), () => now)
let row = 'Ada'
await here.start()
await there.start()

// Here a load reads the old row. Before it ends, the row is written and evicted there, and the eviction is read here.
let finish = () => {}
const slow = here.get('7', async () => {
  const read = row
  await new Promise<void>((resolve) => (finish = resolve))
  return read
})
row = 'Grace'
await there.delete('7')
await here.poll()
finish()
assert.equal(await slow, 'Ada', 'who asked before the eviction gets what was true then')
assert.equal(await here.get('7', async () => row), 'Grace', 'the old row was not held')

// What is held is served for at most `maxStaleness` after its eviction was acknowledged.
row = 'Edsger'
await there.delete('7')
assert.equal(await here.get('7', async () => row), 'Grace', 'the last proof is young enough')
now += MAX_STALENESS_MS
assert.equal(await here.get('7', async () => row), 'Edsger', 'this read polled first')
console.log('no value outlived its eviction by more than', MAX_STALENESS_MS, 'ms')
