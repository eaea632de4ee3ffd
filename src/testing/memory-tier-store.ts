/**
 * What a shared tier in memory consists of: values, what evictions have left behind, and how far they were applied.
 *
 * @module
 */
import type {
  AppliedPosition,
  TierAnswer,
  TierBatch,
  TierEviction,
  TierItem,
  TierPlace,
  TierWrite,
} from '../ports/tier.ts'

/** A value as it is kept. */
interface Kept {
  readonly bytes: Uint8Array
  readonly asOf: number
  readonly version: number | undefined
  readonly logId: string | undefined
  /** Under which beginning of the applier it is covered; `undefined` where it is not. */
  readonly epoch: number | undefined
  /** Wall clock. */
  readonly expiresAt: number
}

/** What evictions of a key have left: it refuses values that come late. */
interface Mark {
  plain: number
  versioned: number
  /** The highest version named. */
  floor: number
}

interface Space {
  readonly values: Map<string, Kept>
  readonly marks: Map<string, Mark>
  /** Values with an as-of at or below it are no longer returned. */
  floor: number
}

interface Part {
  readonly spaces: Map<string, Space>
  /** As `Space.floor`, for every namespace: also those that come into being later. */
  floor: number
  /** As `Space.marks`, for every namespace. */
  readonly marks: Map<string, Mark>
  applied: AppliedPosition | undefined
  /** Counts beginnings. */
  epoch: number
}

export class MemoryTierStore {
  readonly #parts = new Map<number, Part>()
  readonly #now: () => number
  readonly #maxKeys: number

  /**
   * @param options.now the wall clock, for TTLs
   * @param options.maxKeys of one namespace: beyond it the oldest go
   */
  constructor(options: { now: () => number; maxKeys?: number }) {
    this.#now = options.now
    this.#maxKeys = options.maxKeys ?? 100_000
  }

  getMany({ partition, namespace }: TierPlace, keys: readonly string[]): TierAnswer {
    const part = this.#part(partition)
    const items = new Map<string, TierItem>()
    for (const key of keys) {
      const kept = this.#living(part, namespace, key)
      // A test may have planted anything here.
      if (kept === undefined || !Number.isSafeInteger(kept.asOf) || kept.asOf < 0) continue
      const covered = kept.epoch !== undefined && kept.epoch === part.epoch && part.applied !== undefined
      items.set(key, { bytes: kept.bytes.slice(), asOf: kept.asOf, covered })
    }
    return { items, applied: part.applied }
  }

  setMany({ partition, namespace, logId }: TierPlace, writes: readonly TierWrite[]): void {
    const part = this.#part(partition)
    const { applied } = part
    for (const { key, bytes, asOf, version, ttlMs } of writes) {
      // A late value missed the evictions between its as-of and the applied position: it is not covered.
      const covered = applied !== undefined && applied.logId === logId && applied.position <= asOf
      const expiresAt = this.#now() + ttlMs
      const epoch = covered ? part.epoch : undefined
      const kept: Kept = { bytes: bytes.slice(), asOf, version, logId, epoch, expiresAt }
      if (this.#isKilled(part, namespace, key, kept)) continue
      const there = this.#living(part, namespace, key)
      if (there && isComparable(there.logId, logId) && isNewer(there, kept)) continue
      const { values } = this.#space(part, namespace)
      values.delete(key)
      values.set(key, kept)
      trim(values, this.#maxKeys)
    }
  }

  deleteMany({ partition, namespace, logId }: TierPlace, keys: readonly string[], offset: number): void {
    const { values } = this.#space(this.#part(partition), namespace)
    for (const key of keys) {
      const kept = values.get(key)
      if (kept && (kept.asOf <= offset || !isComparable(kept.logId, logId))) values.delete(key)
    }
  }

  position(partition: number): AppliedPosition | undefined {
    return this.#part(partition).applied
  }

  begin(partition: number, at: AppliedPosition): void {
    const part = this.#part(partition)
    const { applied } = part
    if (applied && applied.logId === at.logId && applied.position >= at.position) return
    if (applied?.logId !== at.logId) {
      // Offsets of another log compare to nothing of this one.
      part.floor = -1
      part.marks.clear()
      for (const space of part.spaces.values()) {
        space.floor = -1
        space.marks.clear()
      }
    }
    part.epoch++
    part.applied = { position: at.position, logId: at.logId }
  }

  apply({ partition, logId, from, to, evictions }: TierBatch): 'applied' | 'gap' {
    const part = this.#part(partition)
    const { applied } = part
    if (applied === undefined || applied.logId !== logId || applied.position < from) return 'gap'
    for (const eviction of evictions) this.#evict(part, eviction)
    part.applied = { position: Math.max(applied.position, to), logId }
    return 'applied'
  }

  /** Forgets everything, as `FLUSHALL` does. */
  wipe(): void {
    this.#parts.clear()
  }

  /** Puts bytes where the value of a key stands, as another service might. */
  plant(
    { partition, namespace, logId }: TierPlace,
    key: string,
    bytes: Uint8Array,
    asOf: number = Number.NaN,
  ): void {
    const { values } = this.#space(this.#part(partition), namespace)
    values.set(key, { bytes, asOf, version: undefined, logId, epoch: undefined, expiresAt: Infinity })
  }

  #evict(part: Part, { namespace, keys, offset, version, group }: TierEviction): void {
    if (namespace === undefined) {
      if (group) part.floor = Math.max(part.floor, offset)
      for (const key of keys) mark(part.marks, key, offset, version, this.#maxKeys)
      return
    }
    const space = this.#space(part, namespace)
    if (group) space.floor = Math.max(space.floor, offset)
    for (const key of keys) mark(space.marks, key, offset, version, this.#maxKeys)
  }

  /** The value, unless it has expired or an eviction kills it. */
  #living(part: Part, namespace: string, key: string): Kept | undefined {
    const kept = part.spaces.get(namespace)?.values.get(key)
    if (kept === undefined || kept.expiresAt <= this.#now()) return undefined
    return this.#isKilled(part, namespace, key, kept) ? undefined : kept
  }

  #isKilled(part: Part, namespace: string, key: string, kept: Kept): boolean {
    if (!isComparable(kept.logId, part.applied?.logId)) return false
    const space = part.spaces.get(namespace)
    if (kept.asOf <= Math.max(part.floor, space?.floor ?? -1)) return true
    return kills(part.marks.get(key), kept) || kills(space?.marks.get(key), kept)
  }

  #part(partition: number): Part {
    let part = this.#parts.get(partition)
    if (part === undefined) {
      part = { spaces: new Map(), floor: -1, marks: new Map(), applied: undefined, epoch: 0 }
      this.#parts.set(partition, part)
    }
    return part
  }

  #space(part: Part, namespace: string): Space {
    let space = part.spaces.get(namespace)
    if (space === undefined) {
      space = { values: new Map(), marks: new Map(), floor: -1 }
      part.spaces.set(namespace, space)
    }
    return space
  }
}

const isComparable = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other

/** Whether what is there must stay. */
function isNewer(there: Kept, arriving: Kept): boolean {
  // Planted by another service.
  if (!Number.isSafeInteger(there.asOf)) return false
  if (there.version !== undefined && arriving.version !== undefined && there.version !== arriving.version)
    return there.version > arriving.version
  return there.asOf > arriving.asOf
}

function mark(
  marks: Map<string, Mark>,
  key: string,
  offset: number,
  version: number | undefined,
  max: number,
): void {
  const known = marks.get(key) ?? { plain: -1, versioned: -1, floor: -Infinity }
  if (version === undefined) {
    known.plain = Math.max(known.plain, offset)
  } else {
    known.versioned = Math.max(known.versioned, offset)
    known.floor = Math.max(known.floor, version)
  }
  marks.delete(key)
  marks.set(key, known)
  trim(marks, max)
}

function kills(known: Mark | undefined, { asOf, version }: Kept): boolean {
  if (known === undefined) return false
  if (known.plain >= asOf) return true
  if (version === undefined) return known.versioned >= asOf
  return version < known.floor
}

/** Forgets the oldest beyond the bound. */
function trim(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return
    map.delete(key)
  }
}
