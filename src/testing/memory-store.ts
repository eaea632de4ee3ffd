/** Keys, values and their lives, as a store such as Redis has them; and beside them what a sink keeps. @module */
import type { SinkBatch, SinkState, SinkVersion, SinkWrite } from '../ports/sink.ts'

interface Item {
  readonly value: Uint8Array
  /** By the store's clock; `Infinity` for ever. */
  readonly until: number
}

interface Mark {
  readonly epoch: string
  readonly version: SinkVersion
}

interface Stream {
  readonly epoch: string
  readonly logId: string | undefined
  readonly positions: Map<number, number>
}

/** What several sinks may stand on at once. */
export class MemoryStore {
  readonly #items = new Map<string, Item>()
  /** Versions of the keys, of deleted ones too: as many as there ever were. */
  readonly #marks = new Map<string, Mark>()
  readonly #streams = new Map<string, Stream>()
  readonly #now: () => number

  /** @param now the clock by which values live, in milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  get(key: string): Uint8Array | undefined {
    return this.#live(key)?.value
  }

  /** Milliseconds that a key has to live: `Infinity` for ever, `undefined` where it is not there. */
  ttl(key: string): number | undefined {
    const item = this.#live(key)
    return item && item.until - this.#now()
  }

  /** Keys that are there, in order of their writing. */
  keys(): string[] {
    return [...this.#items.keys()].filter((key) => this.#live(key) !== undefined)
  }

  /** Writes as a client with the store's own commands does: it compares no version, and leaves none. */
  set(key: string, value: Uint8Array): void {
    this.#items.set(key, { value, until: Infinity })
  }

  /** Loses everything, as by `FLUSHALL` or a restart without a disk. */
  wipe(): void {
    for (const map of [this.#items, this.#marks, this.#streams]) map.clear()
  }

  state(stream: string): SinkState | undefined {
    const found = this.#streams.get(stream)
    return found && { ...found, positions: new Map(found.positions) }
  }

  begin(stream: string, epoch: string, logId: string | undefined, replaces: string | undefined): void {
    if (this.#streams.get(stream)?.epoch !== replaces) return
    this.#streams.set(stream, { epoch, logId, positions: new Map() })
  }

  /** Whether the key's newest version is not above the write's; then it is written. */
  put({ key, value, version, ttlMs }: SinkWrite, epoch: string): boolean {
    const mark = this.#marks.get(key)
    if (mark?.epoch === epoch && isBelow(version, mark.version)) return false
    this.#marks.set(key, { epoch, version })
    this.#items.delete(key)
    if (value !== null)
      this.#items.set(key, {
        value: value.slice(),
        until: ttlMs === undefined ? Infinity : this.#now() + ttlMs,
      })
    return true
  }

  move(stream: string, { epoch, partition, next }: SinkBatch): boolean {
    const found = this.#streams.get(stream)
    if (found?.epoch !== epoch) return false
    found.positions.set(partition, Math.max(next, found.positions.get(partition) ?? 0))
    return true
  }

  #live(key: string): Item | undefined {
    const item = this.#items.get(key)
    return item && item.until > this.#now() ? item : undefined
  }
}

const isBelow = (version: SinkVersion, other: SinkVersion): boolean =>
  version[0] < other[0] || (version[0] === other[0] && version[1] < other[1])
