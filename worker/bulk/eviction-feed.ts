/**
 * The evictions of one namespace as they are applied here, in the order of the log, for readers that come and go.
 *
 * To the partition it is a namespace like those that hold values: what a record means, and which namespaces it concerns, is
 * decided in one place, and nothing of another namespace comes in. Evictions may be applied ahead of the position, by a long
 * poll or because this isolate wrote them; the feed tells them once the position has passed them (decision 128).
 *
 * @module
 */
import type { EvictionTerms } from '../../src/coherence/eviction-mark.ts'
import type { EvictionTarget, Partition } from '../../src/coherence/partition.ts'
import { SEVERAL_LOGS, writeToken } from '../../src/wire/token.ts'
import type { Token, TokenParts } from '../../src/wire/token.ts'

/** What an eviction evicts of the namespace, as the feed tells it. */
interface ToldEviction {
  readonly offset: number
  readonly keys?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly prefixes?: readonly string[] | undefined
  /** The whole namespace. */
  readonly all?: true | undefined
  /** Of the keys only what was made of an older version of the row. */
  readonly version?: number | undefined
}

/** An eviction as it goes over the wire. */
export interface FeedEvent {
  /** The token of a reader that has read it. */
  readonly id: Token
  readonly offset: number
  readonly data: string
}

/** Why a reader must begin anew. */
export type ResyncReason =
  /** What it has read is of another log, or of one that does not tell which it is. */
  | 'log'
  /** Evictions that it has not read are not remembered any more, or never were here. */
  | 'gap'
  /** The server itself began anew. */
  | 'reanchor'

export interface FeedLimits {
  /** Evictions that are remembered. */
  readonly maxEvents: number
  /** Characters of them. */
  readonly maxLength: number
}

/** What evictions ahead of the position may say, in characters, until they become one of everything. */
const MAX_AHEAD = 1_000_000

interface Ahead {
  readonly keys: Set<string>
  readonly tags: Set<string>
  readonly prefixes: Set<string>
  all: boolean
  version: number | undefined
}

export class EvictionFeed implements EvictionTarget {
  readonly name: string
  readonly partition: Partition
  /** Counts how often it began anew: what was read before does not go on after. */
  epoch = 0
  /** Called when there may be something new, once. */
  readonly wakers: Set<() => void> = new Set()
  readonly #limits: FeedLimits
  readonly #ahead = new Map<number, Ahead>()
  #aheadLength = 0
  /** From the first to the last of what has become one eviction of everything, where there was too much. */
  #collapsed: { readonly first: number; readonly last: number } | undefined
  readonly #events: FeedEvent[] = []
  #length = 0
  /** Every eviction from here to {@link #toldTo} is remembered. */
  #from: number
  #toldTo: number
  /** How far the feed had come before it began anew: an offset of that log up to here may name another record by now. */
  #abandoned: { readonly log: string | undefined; readonly to: number } | undefined

  constructor(name: string, partition: Partition, limits: FeedLimits) {
    this.name = name
    this.partition = partition
    this.#limits = limits
    this.#from = this.#toldTo = partition.position
    partition.join(this)
  }

  /** Hears of nothing any more. */
  leave(): void {
    this.partition.targets.delete(this)
  }

  /** Whether evictions were applied that the position has not passed yet. */
  get isAhead(): boolean {
    return this.#ahead.size > 0
  }

  /** The position below which the feed has every eviction. */
  get position(): number {
    this.#settle()
    return this.#toldTo
  }

  /** The token of a reader that has read everything up to now. */
  get id(): Token {
    return this.idAt(this.position)
  }

  /** The token of a reader that has read everything below the position. */
  idAt(position: number): Token {
    const { id, log } = this.partition
    return writeToken({ evictions: new Map([[id, position]]), updates: new Map(), log })
  }

  /** Where a reader goes on that has read what its token says; or why it must begin anew. */
  resume({ evictions, log }: TokenParts): number | ResyncReason {
    const to = this.position
    const read = evictions.get(this.partition.id)
    const own = this.partition.log
    // Without an identity, a log that was made anew may have grown past what the reader has read of the one before.
    if (own === undefined || log === undefined || log === SEVERAL_LOGS || log !== own) return 'log'
    if (read === undefined || read < this.#from || read > to) return 'gap'
    const was = this.#abandoned
    return was !== undefined && was.log === own && read <= was.to ? 'gap' : read
  }

  /** The evictions from this position on; `'gap'` where they are not remembered. */
  since(position: number): readonly FeedEvent[] | 'gap' {
    this.#settle()
    if (position < this.#from) return 'gap'
    const first = this.#events.findIndex(({ offset }) => offset >= position)
    return first < 0 ? [] : this.#events.slice(first)
  }

  evictKey(key: string, offset: number, { version }: EvictionTerms): void {
    const entry = this.#at(offset, key.length)
    if (entry === undefined) return
    entry.keys.add(key)
    // Two evictions at one offset are one record, read twice.
    entry.version = version
  }

  evictTag(tag: string, offset: number): void {
    this.#at(offset, tag.length)?.tags.add(tag)
  }

  evictPrefix(prefix: string, offset: number): void {
    this.#at(offset, prefix.length)?.prefixes.add(prefix)
  }

  evictAll(offset: number): void {
    const entry = this.#at(offset, 0)
    if (entry) entry.all = true
  }

  reanchor(horizon: number): void {
    this.#abandoned = { log: this.partition.log, to: this.#toldTo }
    this.#ahead.clear()
    this.#aheadLength = 0
    this.#collapsed = undefined
    this.#events.length = 0
    this.#length = 0
    this.#from = this.#toldTo = horizon
    this.epoch++
    this.#wake()
  }

  // An intent evicts its keys as well, which comes as an eviction. The rest concerns those alone who hold values here.
  intends(): void {}
  closes(): void {}
  remembers(): void {}
  dropPossiblyEvicted(): void {}
  forgetAges(): void {}
  extend(): void {}

  /** Where an eviction is noted; `undefined` for one that the feed has passed: the past is read again, now and then. */
  #at(offset: number, length: number): Ahead | undefined {
    if (offset < this.#toldTo) return undefined
    if (this.#aheadLength + length > MAX_AHEAD) this.#settle()
    let entry = this.#ahead.get(offset)
    if (this.#aheadLength + length > MAX_AHEAD) {
      this.#collapse(offset)
      entry = this.#ahead.get(offset)
    }
    if (entry === undefined) {
      entry = { keys: new Set(), tags: new Set(), prefixes: new Set(), all: false, version: undefined }
      this.#ahead.set(offset, entry)
      this.#wake()
    }
    this.#aheadLength += length
    return entry
  }

  /** One eviction of everything in place of all that are ahead: at the last of them, so that it evicts what each does. */
  #collapse(offset: number): void {
    let { first, last } = this.#collapsed ?? { first: offset, last: offset }
    for (const each of [offset, ...this.#ahead.keys()]) {
      first = Math.min(first, each)
      last = Math.max(last, each)
    }
    this.#collapsed = { first, last }
    this.#ahead.clear()
    this.#aheadLength = 0
    const none = { keys: new Set<string>(), tags: new Set<string>(), prefixes: new Set<string>() }
    this.#ahead.set(last, { ...none, all: true, version: undefined })
  }

  /** Tells what the position has passed: not beyond the first of those that have become one, before all are passed. */
  #settle(): void {
    let { position } = this.partition
    if (this.#collapsed && position > this.#collapsed.last) this.#collapsed = undefined
    else if (this.#collapsed) position = Math.min(position, this.#collapsed.first)
    if (position <= this.#toldTo) return
    const passed = [...this.#ahead].filter(([offset]) => offset < position)
    for (const [offset, entry] of passed.toSorted(([a], [b]) => a - b)) {
      this.#ahead.delete(offset)
      this.#tell(offset, entry)
    }
    if (this.#ahead.size === 0) this.#aheadLength = 0
    this.#toldTo = position
  }

  #tell(offset: number, entry: Ahead): void {
    const { maxEvents, maxLength } = this.#limits
    let data = JSON.stringify(toldOf(offset, entry))
    if (data.length > maxLength) data = JSON.stringify({ offset, all: true } satisfies ToldEviction)
    this.#events.push({ id: this.idAt(offset + 1), offset, data })
    this.#length += data.length
    while (this.#events.length > maxEvents || this.#length > maxLength) {
      const gone = this.#events.shift()!
      this.#length -= gone.data.length
      this.#from = gone.offset + 1
    }
  }

  #wake(): void {
    const wakers = [...this.wakers]
    this.wakers.clear()
    for (const wake of wakers) wake()
  }
}

function toldOf(offset: number, { keys, tags, prefixes, all, version }: Ahead): ToldEviction {
  if (all) return { offset, all: true }
  return {
    offset,
    keys: listed(keys),
    tags: listed(tags),
    prefixes: listed(prefixes),
    version: keys.size > 0 ? version : undefined,
  }
}

const listed = (ids: ReadonlySet<string>): readonly string[] | undefined =>
  ids.size > 0 ? [...ids] : undefined
