/**
 * What must hold in the calm: faults are over, and nothing new is written.
 *
 * @module
 */
import { EVICTIONS, ROUNDING_MS, firstAbove, rowOf } from './chronicle.ts'
import type { Chronicle, Life, Served } from './chronicle.ts'
import type { Findings } from './findings.ts'
import { longestIntentMs } from '../features.ts'
import { newsOf } from './news.ts'
import type { Trace } from '../trace.ts'

/** The longest pause after a log has failed (`Retry-After`), and the backoff before it. */
const MAX_PAUSE_MS = 35_000
/** How long it takes until what was written to the evictions topic is known everywhere, while all is calm. */
const ANNOUNCED_MS = 1000
/** What a read of a cluster behind Karapace may take, where several records are to be read. */
const KARAPACE_MS = 500

/** In the calm, after every deadline has passed, loaded values are held, and held values are served. */
export function checkCalm(trace: Trace, chronicle: Chronicle, found: Findings): void {
  const { calmAt, served } = chronicle
  if (calmAt === Infinity) return
  const calm = new Calm(trace, chronicle)
  const stored = new Map<string, Served>()
  for (const each of served) {
    const { by, key, row, from, t, bypassed } = each
    if (!calm.has(each) || by.space === 'sets') continue
    found.looked++
    const of = nameOf(by.life, by.space, key)
    const what = `read ${by.read} of isolate ${by.life.isolate} (${rowOf(by.space, key)}), ${by.t - calmAt} ms after all was calm,`
    // A poll with much to read may take longer than one read waits for it; what counts is that it ends.
    if (bypassed && calm.isLast(each) && !calm.isProvedSoon(each))
      found.broke(t, `${what} went past the cache`)
    if (from !== 'loader' || row === undefined) continue
    const before = stored.get(of)
    if (before !== undefined && before.seq < by.seq && !bypassed && calm.isHeld(before, each))
      found.broke(t, `${what} loaded what was held already`)
    if (each.stored) stored.set(of, each)
    else if (!bypassed && calm.isCacheable(each)) found.broke(t, `${what} loaded a value that was not held`)
  }
  calm.checkProved(found)
}

const nameOf = (life: Life, space: string, key: string): string => `${life.isolate}|${rowOf(space, key)}`

class Calm {
  readonly #trace: Trace
  readonly #chronicle: Chronicle
  /** From when on an isolate must hold and serve as usual. */
  readonly #since = new Map<Life, number>()
  /** When an isolate learned of evictions, ascending. */
  readonly #heard = new Map<Life, number[]>()
  readonly #drops = new Map<string, number[]>()
  /** Values that are never held: they do not fit, or are past their TTL when they arrive. */
  readonly #refused = new Set<string>()
  readonly #polls = new Map<Life, number[]>()
  readonly #last = new Map<Life, number>()
  /** When an isolate has read records of the evictions topic. */
  readonly #readAt = new Map<Life, number[]>()
  /** When anything was written to the evictions topic, ascending. */
  readonly #appended: readonly number[]

  constructor(trace: Trace, chronicle: Chronicle) {
    this.#trace = trace
    this.#chronicle = chronicle
    this.#appended = chronicle.appended.flatMap(({ topic, t }) => (topic === EVICTIONS ? [t] : []))
    for (const { life, event, t } of chronicle.said) {
      if (event.type === 'evict' || event.type === 'reanchor') push(this.#heard, life, t)
      else if (event.type === 'poll') push(this.#polls, life, t)
      else if (event.type === 'drop') push(this.#drops, nameOf(life, event.namespace, event.key), t)
      else if (event.type === 'refuse' && (event.reason === 'size' || event.reason === 'expired'))
        this.#refused.add(nameOf(life, event.namespace, event.key))
    }
    for (const { life, topic, operation, told } of chronicle.calls.values())
      if (topic === EVICTIONS && operation === 'read' && told?.offsets?.length)
        push(this.#readAt, life, told.t)
    for (const { life, t } of newsOf(trace).items) push(this.#heard, life, t)
    for (const times of this.#heard.values()) times.sort((a, b) => a - b)
    for (const { by, seq } of chronicle.served) if (by.space !== 'sets') this.#last.set(by.life, seq)
    for (const life of chronicle.lives.values()) this.#since.set(life, this.#calmOf(life))
  }

  has({ by }: Served): boolean {
    return by.t >= this.#since.get(by.life)! && !this.#isOutpaced(by.life)
  }

  /**
   * A poll of Karapace waits out its time, and a consumer of it takes several of them (docs/adapters.md): where reads wait
   * for so little, it is over before anything can be proved.
   */
  #isOutpaced({ plan }: Life): boolean {
    return this.#trace.scenario.world.proxy === 'karapace' && plan.pollTimeoutMs <= KARAPACE_MS
  }

  /** Whether the poll that it waited for came to its end a little later. */
  isProvedSoon({ by }: Served): boolean {
    const polls = this.#polls.get(by.life) ?? []
    return polls.some((t) => t >= by.t && t <= by.t + 4 * by.life.plan.pollTimeoutMs)
  }

  /** Whether it is the last answer of its isolate. */
  isLast({ by, seq }: Served): boolean {
    return this.#last.get(by.life) === seq
  }

  /** Whether what was held by the first answer must still be there for the second. */
  isHeld(first: Served, second: Served): boolean {
    const { ttlMs, loadMs } = this.#trace.scenario.world
    const { by, key, t } = second
    // A token may demand a later position than that of the held value.
    if (by.after !== undefined || t - (first.row?.readAt ?? 0) >= ttlMs - loadMs) return false
    const drops = this.#drops.get(nameOf(by.life, by.space, key)) ?? []
    return !drops.some((at) => at >= first.t && at <= t)
  }

  /** Whether there is nothing that a load may be kept back for: no eviction lately, and it fits. */
  isCacheable({ by, key, t }: Served): boolean {
    if (this.#refused.has(nameOf(by.life, by.space, key))) return false
    // An isolate has announced that a value expired: another may know that the log is longer, and not why.
    if (this.#isAppended(by.t - ANNOUNCED_MS, t)) return false
    // The isolate knows of an eviction, and has not passed it yet.
    if (newsOf(this.#trace).isAhead(by.life, by.space, by.seq)) return false
    // An intent counts from when it is read, also where the past is read one record at a time.
    const intentsMs = longestIntentMs(by.life.plan)
    const readAt = this.#readAt.get(by.life) ?? []
    if (intentsMs > 0 && readAt.some((at) => at <= t && at + intentsMs >= by.t)) return false
    const heard = this.#heard.get(by.life) ?? []
    const last = heard[firstAbove(heard, t, (each) => each) - 1] ?? 0
    return last + this.#trace.scenario.world.replicaLagMs + ROUNDING_MS < by.t
  }

  #isAppended(from: number, to: number): boolean {
    const before = firstAbove(this.#appended, from, (each) => each)
    return before < this.#appended.length && this.#appended[before]! <= to
  }

  /** Each isolate that was read from has proved its freshness again, or is still catching up. */
  checkProved(found: Findings): void {
    const { lives, served, calmAt, end } = this.#chronicle
    const read = new Set(served.flatMap(({ by }) => (by.t >= calmAt + MAX_PAUSE_MS ? [by.life] : [])))
    for (const life of lives.values()) {
      if (!read.has(life) || life.killedAt < Infinity || this.#isOutpaced(life)) continue
      found.looked++
      if ((this.#polls.get(life)?.at(-1) ?? -1) >= calmAt) continue
      // Answers of one record each, far behind: the isolate catches up, by several polls.
      const heardAt = this.#heard.get(life)?.at(-1) ?? 0
      if (heardAt >= calmAt + MAX_PAUSE_MS) continue
      found.broke(
        end?.t ?? calmAt,
        `isolate ${life.isolate} is read from, and has proved nothing since all is calm`,
      )
    }
  }

  #calmOf(life: Life): number {
    const { calmAt } = this.#chronicle
    const { pollTimeoutMs } = life.plan
    const thawedAt = life.freezes.findLast(({ to }) => to < Infinity)?.to ?? 0
    // An intent that no writer closes ends by itself; and an isolate that starts holds nothing until it would have.
    const last = Math.max(calmAt, life.reanchors.at(-1)?.t ?? 0, life.bornAt, thawedAt)
    const settledAt =
      last + longestIntentMs(life.plan) + this.#trace.scenario.world.replicaLagMs + 4 * pollTimeoutMs
    // Until it has caught up it may take any number of polls.
    const provedAt = this.#polls.get(life)?.find((t) => t >= calmAt) ?? Infinity
    return Math.max(calmAt + MAX_PAUSE_MS, settledAt, provedAt)
  }
}

function push<K>(lists: Map<K, number[]>, key: K, t: number): void {
  const list = lists.get(key)
  if (list) list.push(t)
  else lists.set(key, [t])
}
