/**
 * Reads that ended without a value and that no value is waited for: beside another one, where there was no room, where
 * the read failed, where the wait was given up. What their framework brings for them may come into the hands of a later
 * read that is waited for.
 *
 * @module
 */
import type { LogPosition } from './load-state.ts'

/** Keys of such reads, at most; those beyond count for every key. */
const MAX_KEYS = 10_000
/** Of one key; beyond, the two that were added first count as one. */
const MAX_READS = 16

interface UnansweredRead {
  readonly logPosition: LogPosition
  /** Monotonic: what comes after it is of no interest any more. */
  readonly until: number
}

export class UnansweredReads {
  readonly #lastMs: number
  readonly #reads = new Map<string, UnansweredRead[]>()
  /** Of keys that were forgotten. */
  #others: UnansweredRead[] = []

  /** @param lastMs how long the value of such a read may still come: the longest load of the framework */
  constructor(lastMs: number) {
    this.#lastMs = lastMs
  }

  add(key: string, logPosition: LogPosition, now: number): void {
    const reads = this.#reads.get(key) ?? []
    // Set anew, so that the keys that were read longest ago are the first to be forgotten.
    this.#reads.delete(key)
    this.#reads.set(key, added(reads, { logPosition, until: now + this.#lastMs }, now))
    if (this.#reads.size <= MAX_KEYS) return
    for (const [oldest, forgotten] of this.#reads) {
      this.#reads.delete(oldest)
      for (const each of forgotten) this.#others = added(this.#others, each, now)
      return
    }
  }

  /** Where the reads of the key stood whose value may still come. */
  still(key: string, now: number): readonly LogPosition[] {
    const own = this.#reads.get(key)
    if (own?.every(({ until }) => until < now)) this.#reads.delete(key)
    return [...(own ?? []), ...this.#others]
      .filter(({ until }) => until >= now)
      .map(({ logPosition }) => logPosition)
  }
}

/** With one more, in the order in which they were added. */
function added(reads: readonly UnansweredRead[], read: UnansweredRead, now: number): UnansweredRead[] {
  const left = reads.filter(({ until }) => until >= now)
  const last = left.at(-1)
  if (last && isSame(last.logPosition, read.logPosition)) return [...left.slice(0, -1), read]
  if (left.length < MAX_READS) return [...left, read]
  const [first, second, ...rest] = left
  // A wait that is given up is added late: the first one need not be the oldest.
  return [
    { logPosition: older(first!.logPosition, second!.logPosition), until: second!.until },
    ...rest,
    read,
  ]
}

/** The one that more evictions may have come after. */
function older(a: LogPosition, b: LogPosition): LogPosition {
  if (a.generation !== b.generation) return a.generation < b.generation ? a : b
  return a.asOf < b.asOf ? a : b
}

const isSame = (a: LogPosition, b: LogPosition): boolean => a.asOf === b.asOf && a.generation === b.generation
