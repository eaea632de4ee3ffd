/**
 * What one namespace remembers of evictions.
 *
 * An eviction at offset `o` kills every value it matches whose as-of is at or below `o` (decision 1). Values that
 * are held when a key eviction arrives are dropped at once; the table is for the others: loads under way, values that
 * arrive later, and values held under a tag or prefix, which are looked at when they are next read.
 *
 * The table is bounded, and so are those of a cache together. Forgetting raises the **horizon**: every eviction at or
 * above it is remembered, so a value whose as-of lies below it cannot be judged and is refused (decision 10). Held values
 * are settled before their tag and prefix evictions are forgotten, so they stay.
 *
 * @module
 */
import type { Provenance } from '../store/entry.ts'
import type { RefuseReason } from '../api/reasons.ts'
import { floorOf, kills, merge, newMark, NO_TERMS } from './eviction-mark.ts'
import type { EvictionTerms, Mark } from './eviction-mark.ts'

/** Prefixes are compared one by one, so there are fewer of them. */
const MAX_PREFIXES = 64

interface TableOptions {
  readonly horizon: number
  readonly maxMarks: number
  /** Called after each mark that is new: what bounds the tables together may have some of them forget. */
  readonly onMark: () => void
  /** Drops every held value that {@link EvictionTable.groupKills}, before the marks that say so are forgotten. */
  readonly dropGroupKilled: () => void
  readonly onHorizon: (horizon: number) => void
}

export class EvictionTable {
  /** Every eviction at or above this offset is remembered. */
  horizon: number
  /** Offset of the last eviction that named a tag, a prefix, or the namespace; -1 before the first. */
  groupEpoch = -1
  #cleared: Mark | undefined
  readonly #keys = new Map<string, Mark>()
  readonly #tags = new Map<string, Mark>()
  readonly #prefixes = new Map<string, Mark>()
  /** Evictions applied up to this time may have been forgotten: loads begun close after it do not settle. */
  #forgottenAt = -Infinity
  /** Above every offset forgotten since the last reset. */
  #forgottenTo = 0
  readonly #options: TableOptions

  constructor(options: TableOptions) {
    this.horizon = options.horizon
    this.#options = options
  }

  /** How many marks it remembers. */
  get size(): number {
    return this.#keys.size + this.#tags.size + this.#prefixes.size
  }

  evictKey(key: string, offset: number, now: number, terms: EvictionTerms = NO_TERMS): void {
    const isNew = touch(this.#keys, key, offset, now, terms)
    if (this.#keys.size > this.#options.maxMarks) this.forget('keys')
    if (isNew) this.#options.onMark()
  }

  evictTag(tag: string, offset: number, now: number): void {
    this.#grouped(offset, touch(this.#tags, tag, offset, now))
  }

  evictPrefix(prefix: string, offset: number, now: number): void {
    this.#grouped(offset, touch(this.#prefixes, prefix, offset, now))
  }

  clear(offset: number, now: number): void {
    this.#cleared ??= newMark()
    merge(this.#cleared, offset, now, NO_TERMS)
    this.groupEpoch = Math.max(this.groupEpoch, offset)
  }

  /** Forgets everything: a new log, or a jump to its end. Nothing older than `horizon` can be judged. */
  reset(horizon: number, now: number): void {
    this.#keys.clear()
    this.#tags.clear()
    this.#prefixes.clear()
    this.#cleared = undefined
    this.groupEpoch = -1
    this.horizon = horizon
    this.#forgottenAt = now
    this.#forgottenTo = 0
  }

  /**
   * Lowers the horizon after every eviction from `horizon` on has been read from the log again, as far as none of
   * them had to be forgotten.
   */
  extend(horizon: number): void {
    this.horizon = Math.min(this.horizon, Math.max(horizon, this.#forgottenTo))
  }

  /** Whether a tag, prefix or namespace eviction kills a held value. */
  groupKills(key: string, value: Provenance): boolean {
    if (kills(this.#cleared, value)) return true
    if (value.tags !== undefined && this.#tags.size > 0) {
      for (const tag of value.tags) if (kills(this.#tags.get(tag), value)) return true
    }
    for (const [prefix, mark] of this.#prefixes) if (kills(mark, value) && key.startsWith(prefix)) return true
    return false
  }

  /** Why a value must not be held, or `undefined` when every eviction since its as-of is known and none met it. */
  refuses(key: string, value: Provenance): RefuseReason | undefined {
    if (Math.max(value.asOf, value.knownTo ?? -1) < this.horizon) return 'horizon'
    const mark = this.#keys.get(key)
    if (mark && value.version !== undefined && value.version < this.floorOf(key)) return 'superseded'
    if (mark && kills(mark, value, this.#cleared?.plain)) return 'fenced'
    // No eviction of a group is as late as the value.
    if (value.asOf <= this.groupEpoch && this.groupKills(key, value)) return 'fenced'
    return undefined
  }

  /** The highest version that an eviction of the key has named since it was last deleted; `-Infinity` for none. */
  floorOf(key: string): number {
    const mark = this.#keys.get(key)
    return mark === undefined ? -Infinity : floorOf(mark, this.#cleared?.plain ?? -1)
  }

  /**
   * Whether a caller that arrives now may share a load that began at `asOf`. Its tags are not known yet, so any
   * eviction of a group since then ends it; so does the horizon, below which an eviction may be forgotten
   * (decision 8).
   */
  joinable(key: string, asOf: number): boolean {
    const mark = this.#keys.get(key)
    if (asOf < this.horizon) return false
    return asOf > this.groupEpoch && !(mark && Math.max(mark.plain, mark.versioned) >= asOf)
  }

  /** Whether an eviction that matches was applied after `since`. */
  evictedSince(key: string, tags: readonly string[] | undefined, since: number): boolean {
    if (this.#forgottenAt > since || (this.#cleared && this.#cleared.appliedAt > since)) return true
    if ((this.#keys.get(key)?.appliedAt ?? -Infinity) > since) return true
    if (tags?.some((tag) => (this.#tags.get(tag)?.appliedAt ?? -Infinity) > since)) return true
    for (const [prefix, mark] of this.#prefixes)
      if (mark.appliedAt > since && key.startsWith(prefix)) return true
    return false
  }

  /** Forgets the older half of the keys, and never the last one, by which what is held is judged next; or all groups. */
  forget(what: 'keys' | 'groups'): void {
    const isKeys = what === 'keys'
    const { size } = this.#keys
    let surplus = isKeys ? Math.min(size - 1, Math.ceil(size / 2)) : this.size - size
    if (surplus <= 0) return
    if (!isKeys) this.#options.dropGroupKilled()
    for (const marks of isKeys ? [this.#keys] : [this.#tags, this.#prefixes])
      for (const [id, mark] of marks) {
        if (surplus-- <= 0) break
        marks.delete(id)
        this.#forgets(mark)
      }
    this.#options.onHorizon(this.horizon)
  }

  #grouped(offset: number, isNew: boolean): void {
    this.groupEpoch = Math.max(this.groupEpoch, offset)
    if (this.#tags.size > this.#options.maxMarks || this.#prefixes.size > MAX_PREFIXES) this.forget('groups')
    if (isNew) this.#options.onMark()
  }

  #forgets(mark: Mark): void {
    this.#forgottenTo = Math.max(this.#forgottenTo, mark.plain + 1, mark.versioned + 1)
    this.horizon = Math.max(this.horizon, this.#forgottenTo)
    this.#forgottenAt = Math.max(this.#forgottenAt, mark.appliedAt)
  }
}

/** Whether there was no mark of it yet. */
function touch(marks: Map<string, Mark>, id: string, offset: number, now: number, terms = NO_TERMS): boolean {
  let mark = marks.get(id)
  const isNew = mark === undefined
  // Set anew, so that a map's order is the order of last eviction and the oldest are forgotten first.
  if (mark === undefined) mark = newMark()
  else marks.delete(id)
  merge(mark, offset, now, terms)
  marks.set(id, mark)
  return isNew
}
