/**
 * The coherent store: what one isolate holds of one namespace, and the rule by which it may be held.
 *
 * @module
 */
import type { CacheContext } from './cache-context.ts'
import { isNewer, type Candidate } from './candidate.ts'
import { deepFreeze } from '../store/deep-freeze.ts'
import type { DropReason, RefuseReason } from '../api/reasons.ts'
import { storedEntry, type StoredEntry } from '../store/entry.ts'
import type { EvictionTerms } from './eviction-mark.ts'
import { EvictionTable } from './eviction-table.ts'
import { NO_TERMS, type HoldTerms } from './hold-terms.ts'
import { NamespaceIntents } from './namespace-intents.ts'
import { refusalOf, type Known } from './refusal.ts'
import { sizeIn, type Place } from './ttl-and-tags.ts'
import type { Intent } from '../wire/read-eviction.ts'
import type { Partition, EvictionTarget, MayMatch } from './partition.ts'
import type { NamespaceSettings, Settings } from '../api/settings.ts'
import { ShortTtl } from '../api/short-ttl.ts'
import { S3FifoStore } from '../store/s3-fifo.ts'
import { entryBytes } from '../store/weigher.ts'

export class CoherentStore<T> implements EvictionTarget {
  readonly name: string
  readonly settings: NamespaceSettings
  readonly partition: Partition
  readonly intents: NamespaceIntents
  readonly lookBack: number
  readonly shortTtl: ShortTtl
  /** Whether this isolate has yet to read the past, in which writes may wait to be persisted. */
  awaitsPast = false
  /** Keeps loads under way that match from being held; set by what runs them. */
  invalidateLoads?: (matches: (key: string) => boolean) => void
  #isClosed = false
  readonly #store: S3FifoStore<T>
  readonly #table: EvictionTable
  readonly #known: Known
  readonly #marks: CacheContext['marks']
  readonly #mayHold: HoldTerms['mayHold']
  readonly #maxStalenessMs: number
  readonly #refreshAfterMs: number
  readonly #clock: CacheContext['clock']
  readonly #counters: CacheContext['counters']
  readonly #settings: Settings
  readonly #emitRead: Settings['emitRead']

  constructor(
    name: string,
    settings: NamespaceSettings,
    partition: Partition,
    shared: CacheContext,
    terms: HoldTerms = NO_TERMS,
  ) {
    this.name = name
    this.settings = settings
    this.partition = partition
    this.shortTtl = new ShortTtl(name, shared.settings.emit)
    this.shortTtl.notice(settings.load.ttl)
    this.#clock = shared.clock
    this.#counters = shared.counters
    this.#settings = shared.settings
    this.#emitRead = shared.settings.emitRead
    this.#maxStalenessMs = shared.settings.maxStalenessMs
    this.#refreshAfterMs = shared.settings.refreshAfterMs
    this.#store = new S3FifoStore(settings, shared.budget, (key) => this.#dropped(key, 'capacity'))
    this.#table = new EvictionTable({
      horizon: partition.position,
      maxMarks: shared.settings.maxRememberedEvictions,
      onMark: () => shared.marks.added(),
      dropGroupKilled: () => this.#sweep('evicted', (key, entry) => this.#table.groupKills(key, entry)),
      onHorizon: (offset) => shared.settings.emit?.({ type: 'horizon', namespace: name, offset }),
    })
    this.#marks = shared.marks
    this.#marks.tables.add(this.#table)
    this.intents = new NamespaceIntents(shared.clock, terms.intentsMs)
    this.#known = { partition, table: this.#table, intents: this.intents, clock: shared.clock }
    this.lookBack = terms.lookBack
    this.#mayHold = terms.mayHold
    partition.join(this)
    if (!partition.hasPosition) return
    // Declared late: this namespace has missed the intents and evictions that the partition has already read.
    this.intents.missed()
    if (this.lookBack > 0) partition.lookBackReasons++
    this.awaitsPast = terms.intentsMs > 0 && this.lookBack > 0
  }

  /** How many values it holds. */
  get entries(): number {
    return this.#store.entries
  }

  /** Leaves its partition: no eviction reaches it from now on, so it holds nothing more, and no load is shared. */
  leave(): void {
    this.partition.targets.delete(this)
    this.#table.reset(Infinity, this.#clock.monotonic())
    this.#marks.tables.delete(this.#table)
    this.#sweep('capacity', () => true)
    this.#store.close()
  }

  place(key: string): Place {
    return { namespace: this.name, key, shortTtl: this.shortTtl }
  }

  /** The as-of of a load that begins now. */
  get asOf(): number {
    // A source that lags may not reflect evictions beyond what has been read here: use the position.
    if (this.settings.settleMs > 0) return this.partition.position
    // Use the highest offset known without a gap: an unread intent below the as-of would go unnoticed.
    return this.intents.maxMs > 0 ? this.partition.known : this.partition.asOf
  }

  /** The value, if it is held and proved fresh this moment. */
  peek(key: string): T | undefined {
    return this.hit(key, this.#maxStalenessMs)
  }

  /** The value, if it can be served with nothing else to do: proved, and no poll is due yet. The key counts as used. */
  hit(key: string, maxAgeMs: number = this.#refreshAfterMs): T | undefined {
    const slot = this.#store.get(key)
    if (slot === undefined) return undefined
    // A clock that has stepped back drops all values, and takes the proof back: no slot is read then.
    const now = this.#clock.turn()
    const { cells, terms } = this.#store.columns
    if (now >= terms[slot << 1]! || now - this.partition.freshAt >= maxAgeMs) return undefined
    if (terms[(slot << 1) | 1]! <= this.#table.groupEpoch && !this.#survives(key, slot)) return undefined
    // Taken before the listener is called: it may have the slot used for another value.
    const value = cells[slot << 1] as T
    this.#counters.hits++
    this.#emitRead?.({ type: 'hit', namespace: this.name, key, stale: false })
    return value
  }

  /** The entry, expired or not, if no known eviction kills it. The caller must check the proof. It counts as no use. */
  current(key: string): StoredEntry<T> | undefined {
    const slot = this.#store.find(key)
    if (slot === undefined) return undefined
    const { columns } = this.#store
    const lives = columns.asOf(slot) > this.#table.groupEpoch || this.#survives(key, slot)
    return lives ? columns.entry(slot) : undefined
  }

  /** The value that has expired but is still kept. */
  expired(key: string): T | undefined {
    const entry = this.current(key)
    return entry && this.#clock.now() >= entry.freshUntil ? entry.value : undefined
  }

  #survives(key: string, slot: number): boolean {
    const { columns } = this.#store
    if (this.#table.groupKills(key, columns.entry(slot))) {
      this.drop(key, 'evicted')
      return false
    }
    // Not beyond the position: of later evictions only our own are known yet.
    const checkedTo = Math.min(this.#table.groupEpoch + 1, this.partition.position)
    columns.setAsOf(slot, Math.max(columns.asOf(slot), checkedTo))
    return true
  }

  /** Whether a caller that arrives now may share a load that began at `asOf`. */
  joinable(key: string, asOf: number, startedAt: number, now: number = this.#clock.now()): boolean {
    if (!this.#table.joinable(key, asOf)) return false
    // The writer may crash between its commit and its eviction: share no old load beside an open intent.
    return now - startedAt <= this.#maxStalenessMs || !this.intents.blocks(key, startedAt)
  }

  /** Whether a writer has announced a write of the key, or may have: what is loaded now is not held. */
  pending(key: string): boolean {
    return this.intents.blocks(key)
  }

  /** Holds the value, or says why not. */
  hold(key: string, candidate: Candidate<T>, now: number = this.#clock.now()): RefuseReason | undefined {
    const { value, loadedAt, ttlMs, keepMs, tags } = candidate
    if (this.#isClosed) return this.#refuse(key, 'closed')
    const reason = refusalOf(key, candidate, this.#known)
    if (reason !== undefined) return this.#refuse(key, reason)
    const held = this.#store.peek(key)
    if (held !== undefined && isNewer(held, candidate, now)) return this.#refuse(key, 'superseded')
    // A load slower than its TTL still serves the windows after it: where they matter most, the source is slow.
    if (!(now < loadedAt + ttlMs + keepMs)) return this.#refuseNewer(key, 'expired')
    const bytes = entryBytes(key, tags) + sizeIn(this.settings, { namespace: this.name, key }, value)
    if (!(bytes <= this.settings.maxEntryBytes)) return this.#refuseNewer(key, 'size')
    if (this.#mayHold?.(this, key, value) === false) return this.#refuseNewer(key, 'feature')
    if (this.settings.freeze) deepFreeze(value)
    this.#store.set(key, storedEntry(candidate, bytes))
    return undefined
  }

  /** For a value that is newer than what is held of its key. */
  #refuseNewer(key: string, reason: RefuseReason): RefuseReason {
    this.drop(key, 'replaced')
    return this.#refuse(key, reason)
  }

  #refuse(key: string, reason: RefuseReason): RefuseReason {
    this.#settings.emit?.({ type: 'refuse', namespace: this.name, key, reason })
    return reason
  }

  /** The version that stands in the way of this one of the key, where one does. */
  versionAbove(key: string, version: number): number | undefined {
    const highest = Math.max(this.#table.floorOf(key), this.#store.peek(key)?.version ?? -Infinity)
    return highest > version ? highest : undefined
  }

  /** Drops the value unless it is as of this position or later: there is a newer one, or none any more. */
  dropBefore(key: string, asOf: number): void {
    const held = this.#store.peek(key)
    if (held !== undefined && held.asOf < asOf) this.drop(key, 'replaced')
  }

  drop(key: string, reason: DropReason): boolean {
    const was = this.#store.delete(key)
    if (was) this.#dropped(key, reason)
    return was
  }

  evictKey(key: string, offset: number, terms: EvictionTerms): void {
    this.#table.evictKey(key, offset, this.#clock.monotonic(), terms)
    const slot = this.#store.find(key)
    if (slot === undefined) return
    // Nothing else is asked of the entry: making an object of it would take longer than the lookup.
    const { columns } = this.#store
    const version = terms.version === undefined ? undefined : columns.version(slot)
    if (version === undefined ? columns.asOf(slot) <= offset : version < this.#table.floorOf(key))
      this.drop(key, 'evicted')
  }

  evictTag(tag: string, offset: number): void {
    this.#table.evictTag(tag, offset, this.#clock.monotonic())
  }

  evictPrefix(prefix: string, offset: number): void {
    this.#table.evictPrefix(prefix, offset, this.#clock.monotonic())
  }

  evictAll(offset: number): void {
    this.#table.clear(offset, this.#clock.monotonic())
    this.#sweep('evicted', (_, entry) => entry.asOf <= offset)
  }

  intends(keys: readonly string[], intent: Intent, offset: number): void {
    if (!this.intents.open(keys, intent, offset)) return
    // Drop a value of any as-of: it may have been loaded while the intent was in the log but not read here.
    for (const key of keys) this.drop(key, 'evicted')
  }

  closes(id: string): void {
    this.intents.close(id)
  }

  remembers(spanMs: number): void {
    this.awaitsPast = false
    this.intents.remembers(spanMs)
  }

  forgetAges(): void {
    this.#sweep('clock', () => true)
  }

  reanchor(horizon: number): void {
    this.intents.missed()
    this.intents.forgetOffsets()
    this.#table.reset(horizon, this.#clock.monotonic())
    this.#sweep('reanchor', () => true)
  }

  extend(horizon: number): void {
    this.#table.extend(horizon)
  }

  /** Drops every value, and holds none any more: of work that goes on after the cache was closed, either. */
  close(): void {
    this.#isClosed = true
    this.dropPossiblyEvicted(() => true)
  }

  dropPossiblyEvicted(held: MayMatch, loading?: (key: string) => boolean): void {
    this.#sweep('evicted', (key, entry) => held(key, entry.tags))
    if (loading) this.invalidateLoads?.(loading)
  }

  #sweep(reason: DropReason, drops: (key: string, entry: StoredEntry<T>) => boolean): void {
    this.#store.sweep((key, entry) => {
      const does = drops(key, entry)
      if (does) this.#dropped(key, reason)
      return does
    })
  }

  #dropped(key: string, reason: DropReason): void {
    this.#settings.emit?.({ type: 'drop', namespace: this.name, key, reason })
  }
}
