/** I13: one load for each key of an isolate, however many ask. @module */
import { EVICTIONS, chronicleOf, rowOf } from './chronicle.ts'
import type { Chronicle, Life, Load, Read, Write } from './chronicle.ts'
import { clockLagOf } from './clock-lag.ts'
import { evictionLogOf } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { intentsMsOf, tiers } from '../features.ts'
import { newsOf } from './news.ts'
import type { Checker, Trace } from '../trace.ts'

/** How long followers wait for a leader after its last sign of life, on Workers. */
const LEASE_MS = 500
/** How long a platform that isolates requests keeps running the work that they leave behind. */
const GRACE_MS = 30_000
/** What a load may have waited for before it began: the tier, or a place. */
const TIER_MS = 500

export const singleFlight: Checker = {
  invariant: 'I13',
  promise:
    'an isolate never loads a key twice at a time, unless the second caller must not share the first load',
  check(trace) {
    const found = new Findings('I13')
    const chronicle = chronicleOf(trace)
    const excuses = new Excuses(trace, chronicle)
    const last = new Map<string, Load>()
    for (const load of chronicle.loads.values()) {
      const of = `${load.life.isolate}|${rowOf(load.space, load.key)}`
      const first = last.get(of)
      last.set(of, load)
      found.looked++
      // Only the latest can be joined: what it may have replaced was checked when it began.
      if (first === undefined || first.endedSeq < load.seq) continue
      if (excuses.has(first, load)) continue
      found.broke(
        load.t,
        `isolate ${load.life.isolate} loads ${rowOf(load.space, load.key)} (load ${load.load}) beside load ${first.load}, ` +
          `under way for ${load.t - first.t} ms, which any caller may share`,
      )
    }
    return found
  },
}

/** Why a caller may not share a load that is under way. */
class Excuses {
  readonly #trace: Trace
  readonly #chronicle: Chronicle
  /** Of each isolate the moments at which it learned of an eviction, by namespace; `*` for all of them. */
  readonly #evictions = new Map<Life, Map<string, number[]>>()
  readonly #writes = new Map<Life, Write[]>()
  readonly #tokens = new Map<Life, Read[]>()
  /** Reads with a token from beyond the end, which only the log can tell. */
  readonly #unknown = new Map<Life, Read[]>()
  /** When the isolate had a proof. */
  readonly #proved = new Map<Life, number[]>()
  readonly #requests = new Map<number, Read[]>()
  /** Loads of which the isolate says that they failed. */
  readonly #failures: { life: Life; space: string; keys: readonly string[]; seq: number }[] = []

  constructor(trace: Trace, chronicle: Chronicle) {
    this.#trace = trace
    this.#chronicle = chronicle
    const log = evictionLogOf(trace)
    for (const { life, event, seq, t } of chronicle.said) {
      // A horizon that rises ends joining too: below it an eviction may have been forgotten.
      if (event.type === 'horizon') this.#heard(life, event.namespace, t)
      // The isolate no longer shares what a write of unknown fate may have meant.
      else if (event.type === 'poll') push(this.#proved, life, seq)
      else if (event.type === 'publish_failed' && event.topic === EVICTIONS) this.#heard(life, '*', t)
      else if (event.type === 'reanchor') this.#heard(life, '*', t)
      else if (event.type === 'drop' && event.reason === 'evicted') this.#heard(life, event.namespace, t)
      else if (event.type === 'evict') {
        const record = log.at(event.partition, event.offset, seq)
        this.#heard(life, record?.namespace ?? event.namespace ?? '*', t)
      } else if (event.type === 'load' && event.error !== undefined)
        this.#failures.push({ life, space: event.namespace, keys: event.keys, seq })
    }
    // News that long polls bring evict at once; only the answer itself shows it.
    for (const { life, record, t, isRead } of newsOf(trace).items)
      if (isRead) this.#heard(life, record.namespace ?? '*', t)
    for (const write of chronicle.writes.values()) push(this.#writes, write.life, write)
    const served = new Set(chronicle.served.map(({ by }) => by))
    const bypassed = new Set(chronicle.served.filter((each) => each.bypassed).map(({ by }) => by))
    for (const read of chronicle.reads.values()) {
      // That a token from beyond the end asks for nothing, only a log that can be reached says. One of another log may be of a
      // write that stands anywhere before the end of this one.
      // A read of many keys does not say whether it went past the cache, nor does one that failed or whose isolate was killed.
      const isMany = read.how === 'getMany' || read.how === 'getOrSetMany'
      const isAhead = read.stranger === 'ahead' && (isMany || bypassed.has(read) || !served.has(read))
      const isUnjudged = read.stranger === 'elsewhere' || isAhead
      if (read.after !== undefined || isUnjudged) push(this.#tokens, read.life, read)
      else if (read.stranger === 'ahead') push(this.#unknown, read.life, read)
      if (read.request !== undefined) push(this.#requests, read.request, read)
    }
  }

  has(first: Load, second: Load): boolean {
    return (
      this.#isEvicted(first, second) ||
      this.#isWritten(first, second) ||
      this.#isPublished(first, second) ||
      this.#isRequired(second) ||
      this.#isOver(first, second) ||
      this.#isAhead(second) ||
      this.#isTakenOver(first, second) ||
      this.#isSettled(first, second) ||
      this.#isAnswered(first)
    )
  }

  /** A caller after an eviction must not join. A load's tags are not known: any eviction of its namespace counts. */
  #isEvicted({ life, space, t: from }: Load, { t: to }: Load): boolean {
    const own = this.#evictions.get(life)
    const between = (at: number) => at >= from && at <= to
    return (own?.get(space)?.some(between) ?? false) || (own?.get('*')?.some(between) ?? false)
  }

  /** A write of this isolate evicts when it is acknowledged, and invalidates what is under way when it fails. */
  #isWritten({ life, space, t: from }: Load, { t: to }: Load): boolean {
    return (this.#writes.get(life) ?? []).some(
      (write) =>
        (write.space === space || write.evicts === 'everything') &&
        write.t <= to &&
        // It announces, and evicts once more in the background: the trace shows only its beginning and its end.
        (write.how === 'writeThrough' || write.settled.t >= from - life.plan.hardTimeoutMs),
    )
  }

  /** A write that its store refused gets no acknowledgement, and still evicts. */
  #isPublished({ life, seq: from }: Load, { seq: to }: Load): boolean {
    for (const call of this.#chronicle.calls.values()) {
      const isOwn = call.life === life && call.operation === 'produce' && call.topic === EVICTIONS
      if (isOwn && call.toldSeq > from && call.toldSeq < to) return true
    }
    return false
  }

  /**
   * A load has the as-of of the position, or of the known end: of news only the evictions count. So an eviction that
   * the isolate knows of keeps loads apart until the position has passed it. Where the source may lag, or writes are
   * announced, this holds for evictions of one's own, too.
   */
  #isAhead({ life, space, seq }: Load): boolean {
    const isBehind = this.#trace.scenario.world.replicaLagMs > 0 || intentsMsOf(life.plan, space) > 0
    return (isBehind || life.plan.follows) && newsOf(this.#trace).isAhead(life, space, seq)
  }

  /** A token may demand a position that is later than the begin of the load; so may one that no proof has judged yet. */
  #isRequired({ life, space, key, t, seq }: Load): boolean {
    const isOf = (read: Read) =>
      read.space === space && read.keys.includes(key) && read.t <= t && read.settledAt >= t
    if ((this.#tokens.get(life) ?? []).some(isOf)) return true
    const proved = this.#proved.get(life) ?? []
    return (this.#unknown.get(life) ?? []).some(
      (read) => isOf(read) && !proved.some((at) => at > read.seq && at < seq),
    )
  }

  /** It is older than any unproved value may be, or it was given up and goes on without a caller. */
  #isOver({ life, t: from }: Load, { t: to }: Load): boolean {
    const { maxStalenessMs } = this.#trace.scenario.world
    const { hardTimeoutMs } = life.plan
    const lastsMs = to - from
    if (lastsMs + 2 >= Math.min(maxStalenessMs, hardTimeoutMs - TIER_MS)) return true
    // A clock that is ahead makes it older than it is, and ends the lease that its leader took before the load began.
    return clockLagOf(this.#trace).wasAhead(life, from - LEASE_MS, to)
  }

  /** One of several keys of a call failed, and the call with it; the loads of the others may go on without a caller. */
  #isSettled({ life, space, key, seq: from }: Load, { seq: to }: Load): boolean {
    return this.#failures.some(
      (failed) =>
        failed.life === life &&
        failed.space === space &&
        failed.keys.includes(key) &&
        failed.seq > from &&
        failed.seq < to,
    )
  }

  /** On Workers a leader that gives no sign of life for as long as its lease is replaced. */
  #isTakenOver(first: Load, { t: to }: Load): boolean {
    const { life, request, t: from } = first
    if (!life.plan.isolatesRequests) return false
    const gone = request === undefined ? undefined : this.#chronicle.cancelled.get(request)
    if (gone !== undefined && gone <= to) return true
    if (request !== undefined && this.#isCut(life, request, to)) return true
    // Frozen, it could not give any.
    return life.freezes.some(
      (freeze) => freeze.to >= from && freeze.from <= to && freeze.to - freeze.from >= LEASE_MS,
    )
  }

  /**
   * Whether the request has been answered, and what it left behind is over: at once where it had asked for nothing, after
   * 30 seconds, or cut before.
   */
  #isCut({ isolate, seat }: Life, request: number, to: number): boolean {
    let answeredAt = -Infinity
    let isKept = true
    for (const read of this.#requests.get(request) ?? []) {
      if (read.life.isolate !== isolate) continue
      answeredAt = Math.max(answeredAt, read.settledAt)
      if (read.bare) isKept = false
    }
    if (answeredAt > to) return false
    if (!isKept || answeredAt + GRACE_MS <= to) return true
    return this.#chronicle.faults.some(
      (each) =>
        each.fault === 'wait_until_cut' &&
        (each.isolate === undefined || each.isolate === seat) &&
        each.t >= answeredAt &&
        each.t <= to,
    )
  }

  /** The tier may have answered the waiting callers, while the load goes on; a later caller loads for itself. */
  #isAnswered({ life, space, key, seq, t }: Load): boolean {
    if (!tiers(this.#trace.scenario, life.plan, space)) return false
    return this.#chronicle.served.some(
      (served) =>
        // A read of many keys does not say where they are from; what was read before the load began is not of the load.
        (served.from === 'tier' || (served.from === undefined && (served.row?.readAt ?? t) < t)) &&
        served.by.life === life &&
        served.by.space === space &&
        served.key === key &&
        served.seq > seq,
    )
  }

  #heard(life: Life, namespace: string, t: number): void {
    let own = this.#evictions.get(life)
    if (own === undefined) this.#evictions.set(life, (own = new Map()))
    push(own, namespace, t)
  }
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
