/**
 * Records every publish and every read, and reports afterwards which of them broke a promise.
 *
 * Its input are the times and outcomes that the run hands it, and nothing else: the same trace gives the same findings.
 *
 * @module
 */
import { isKedgeError } from '../../src/index.ts'
import { isRefused } from '../../src/ports/errors.ts'
import { parseToken } from '../../src/wire/token.ts'

/** All in milliseconds. */
export interface Promises {
  readonly maxStalenessMs: number
  /** How old what is served may be where it is flagged: the log is out of reach. */
  readonly maxOutageMs: number
  /** The rounding of clocks. */
  readonly slackMs: number
  /** A read settles within this. */
  readonly maxReadMs: number
  /** A publish settles within this, one way or the other. */
  readonly maxPublishMs: number
}

export type Rule =
  /** A read older than an eviction that was acknowledged longer ago than `maxStaleness`. */
  | 'stale'
  /** A flagged read older than an eviction that was acknowledged longer ago than `maxOutage`. */
  | 'stale beyond the outage'
  /** A read with a token that is older than the write which returned it. */
  | 'own write not read'
  /** An acknowledged eviction is not in the log where its token says. */
  | 'lost'
  /** One place in the log was given to two evictions. */
  | 'acknowledged twice'
  /** A publish came to no end. */
  | 'unreported'
  /** A publish failed with neither `ERR_PUBLISH` nor a refusal, or one that was refused is in the log. */
  | 'reported wrongly'
  /** A call took longer than its deadline. */
  | 'late'
  /** A read threw, though nothing but the log failed. */
  | 'failed read'

export interface Violation {
  readonly rule: Rule
  readonly text: string
}

/** An eviction that was asked for: that of `version` of a row replaced the versions before it. */
export interface Publish {
  readonly key: string
  readonly version: number
  /** Another key, evicted in the same message: by it the record is known in the log. */
  readonly mark: string
  readonly began: number
  /** `-1` while it is not acknowledged. */
  offset: number
  ended: number
  /** Kafka refused it: it must not be in the log. */
  refused?: boolean
}

/** A write that was acknowledged, as a reader may ask for it. */
export interface Acknowledged {
  readonly version: number
  readonly token: string
  readonly at: number
}

export interface Read {
  readonly who: string
  readonly key: string
  readonly version: number
  readonly began: number
  readonly ended: number
  /** Whether the value came out of the cache. */
  readonly cached: boolean
  /** Whether the read was flagged: the log is out of reach. */
  readonly flagged: boolean
  readonly after?: Acknowledged | undefined
}

const KEPT_VIOLATIONS = 50

export class FaultChecker {
  readonly violations: Violation[] = []
  /** Those too that are not kept. */
  violated = 0
  readonly count = {
    acknowledged: 0,
    reported: 0,
    /** Reported as errors, and found in the log: an error leaves the outcome open. */
    reportedInLog: 0,
    /** Found in the log more than once: an attempt was repeated. */
    repeated: 0,
    reads: 0,
    cached: 0,
    flagged: 0,
    withToken: 0,
  }
  readonly #promises: Promises
  readonly #publishes: Publish[] = []
  /** By key, in the order of their acknowledgement; `version` is the highest up to there. */
  readonly #acknowledged = new Map<string, Acknowledged[]>()

  constructor(promises: Promises) {
    this.#promises = promises
  }

  /** A publish begins. */
  begins(key: string, version: number, at: number): Publish {
    const mark = `mark-${this.#publishes.length}`
    const publish = { key, version, mark, began: at, offset: -1, ended: Infinity }
    this.#publishes.push(publish)
    return publish
  }

  acknowledges(publish: Publish, token: string, at: number): void {
    this.count.acknowledged++
    this.#ends(publish, at)
    const next = parseToken(token).get(0)
    if (next === undefined) this.#breaks('lost', `the token of ${name(publish)} names no place`)
    else publish.offset = next - 1
    const all = this.#acknowledged.get(publish.key) ?? []
    const version = Math.max(publish.version, all.at(-1)?.version ?? 0)
    all.push({ version, token: version === publish.version ? token : all.at(-1)!.token, at })
    this.#acknowledged.set(publish.key, all)
  }

  /** A publish was reported as failed. */
  fails(publish: Publish, error: unknown, at: number): void {
    this.count.reported++
    this.#ends(publish, at)
    publish.refused = isRefused(error)
    if (!publish.refused && (!isKedgeError(error) || error.code !== 'ERR_PUBLISH'))
      this.#breaks('reported wrongly', `${name(publish)}: ${String(error)}`)
  }

  /** The newest write of a row that was acknowledged. */
  newest(key: string): Acknowledged | undefined {
    return this.#acknowledged.get(key)?.at(-1)
  }

  reads(read: Read): void {
    const { who, key, version, began, ended, flagged, cached, after } = read
    const { maxStalenessMs, maxOutageMs, slackMs, maxReadMs } = this.#promises
    this.count.reads++
    if (cached) this.count.cached++
    if (flagged) this.count.flagged++
    if (after) this.count.withToken++
    if (ended - began > maxReadMs) this.#breaks('late', `${who} read ${key} for ${ms(ended - began)}`)
    if (after && version < after.version)
      this.#breaks('own write not read', `${who} read ${key} ${version} with the token of ${after.version}`)
    const bound = (flagged ? maxOutageMs : maxStalenessMs) + slackMs
    const due = this.#dueAt(key, began - bound)
    if (due === undefined || version >= due.version) return
    const how = cached ? 'from the cache' : `by a load of ${ms(ended - began)}`
    const late = `${how}, ${ms(began - due.at)} after the eviction of ${due.version} was acknowledged`
    this.#breaks(flagged ? 'stale beyond the outage' : 'stale', `${who} read ${key} ${version}, ${late}`)
  }

  readFails(who: string, key: string, error: unknown): void {
    this.#breaks('failed read', `${who}, ${key}: ${String(error)}`)
  }

  /** The end. `log`: by offset, the keys that each record evicts, as read back from the broker. */
  closes(log: ReadonlyMap<number, readonly string[]>): void {
    const times = new Map<string, number>()
    for (const keys of log.values()) for (const key of keys) times.set(key, (times.get(key) ?? 0) + 1)
    const taken = new Set<number>()
    for (const publish of this.#publishes) {
      const { key, mark, offset, ended } = publish
      const found = times.get(mark) ?? 0
      if (found > 1) this.count.repeated++
      if (ended === Infinity) {
        this.#breaks('unreported', `${name(publish)} came to no end`)
      } else if (offset < 0) {
        if (found > 0) this.count.reportedInLog++
        if (found > 0 && publish.refused)
          this.#breaks('reported wrongly', `${name(publish)} was refused, and is in the log`)
      } else {
        const there = log.get(offset) ?? []
        if (!there.includes(mark) || !there.includes(key))
          this.#breaks('lost', `${name(publish)} is not at ${offset}: [${there.join()}]`)
        if (taken.has(offset)) this.#breaks('acknowledged twice', `${name(publish)} at ${offset}`)
        taken.add(offset)
      }
    }
  }

  #ends(publish: Publish, at: number): void {
    publish.ended = at
    const tookMs = at - publish.began
    if (tookMs > this.#promises.maxPublishMs) this.#breaks('late', `${name(publish)} took ${ms(tookMs)}`)
  }

  /** The highest version acknowledged before `time`. */
  #dueAt(key: string, time: number): Acknowledged | undefined {
    const all = this.#acknowledged.get(key) ?? []
    let low = 0
    let high = all.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (all[middle]!.at < time) low = middle + 1
      else high = middle
    }
    return all[low - 1]
  }

  #breaks(rule: Rule, text: string): void {
    this.violated++
    if (this.violations.length < KEPT_VIOLATIONS) this.violations.push({ rule, text })
  }
}

const name = ({ key, version, mark }: Publish): string => `${key} ${version} (${mark})`
const ms = (time: number): string => `${Math.round(time)} ms`
