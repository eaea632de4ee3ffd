/** The keys under which a tier keeps its items and states. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import { spreadTags } from './slot.ts'

/** A log's identity as a word: `-` where it is not known. */
const MAX_LOG_LENGTH = 200

/** One of the tier's parts. All of its keys are in one slot, so that one script reaches them. */
export class Bucket {
  /** Begins its items' names, before the namespace. */
  readonly items: string
  readonly #states: string

  constructor(prefix: string, buckets: number, tag: string) {
    // The name holds the number of buckets: clients with different numbers share no items.
    const base = `${prefix}tier:${buckets}:{${tag}}:`
    this.items = `${base}i:`
    this.#states = `${base}p:`
  }

  state(partition: number): string {
    return `${this.#states}${partition}`
  }

  item(namespace: string, key: string): string {
    return `${this.items}${namespace}:${keyWord(key)}`
  }
}

/**
 * A key as text that UTF-8 can carry: halves of surrogate pairs would all become the same character. A key
 * that begins with `~` is written so as well, so that no two keys become the same word.
 */
export const keyWord = (key: string): string =>
  key.startsWith('~') || /\p{Surrogate}/u.test(key) ? `~${JSON.stringify(key)}` : key

export class TierLayout {
  readonly buckets: readonly Bucket[]

  constructor(prefix: string, buckets: number) {
    this.buckets = spreadTags(buckets).map((tag) => new Bucket(prefix, buckets, tag))
  }

  /** By the key alone: an eviction may name it without its namespace. */
  bucketOf(key: string): Bucket {
    return this.buckets[this.buckets.length === 1 ? 0 : partitionOf(encodeUtf8(key), this.buckets.length)]!
  }

  /** The things by the bucket of their keys. */
  spread<T>(things: Iterable<T>, keyOf: (thing: T) => string): Map<Bucket, T[]> {
    const found = new Map<Bucket, T[]>()
    for (const thing of things) {
      const bucket = this.bucketOf(keyOf(thing))
      const there = found.get(bucket)
      if (there) there.push(thing)
      else found.set(bucket, [thing])
    }
    return found
  }
}

/** @throws KedgeError `ERR_UNSUPPORTED` for an identity that no log has. */
export function logWord(logId: string | undefined): string {
  if (logId === undefined) return '-'
  const word = `=${encodeURIComponent(logId)}`
  if (word.length <= MAX_LOG_LENGTH) return word
  throw new KedgeError(
    'ERR_UNSUPPORTED',
    `the identity of a log is at most ${MAX_LOG_LENGTH} characters long here`,
  )
}

/** Reads such a word; `undefined` too where the text is none. */
export function logOf(word: string | undefined): string | undefined {
  if (word === undefined || !word.startsWith('=')) return undefined
  try {
    return decodeURIComponent(word.slice(1))
  } catch {
    return undefined
  }
}

/** `things` in groups of at most `most`, bounded by the sum of their sizes; a larger one is a group of its own. */
export function* groups<T>(
  things: readonly T[],
  most: number,
  maxBytes: number = Infinity,
  sizeOf: (thing: T) => number = () => 0,
): Generator<readonly T[]> {
  let group: T[] = []
  let bytes = 0
  for (const thing of things) {
    const size = sizeOf(thing)
    if (group.length > 0 && (group.length >= most || bytes + size > maxBytes)) {
      yield group
      group = []
      bytes = 0
    }
    group.push(thing)
    bytes += size
  }
  if (group.length > 0) yield group
}
