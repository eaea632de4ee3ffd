/**
 * Knows a topic as it stands in Kafka and what was seen in a store on the way, and reports which promises were broken.
 *
 * Its input is what the run hands it, and nothing else: the same trace gives the same findings. It shares no code with
 * the sync.
 * @module
 */
import { type Loss, Sightings } from './sightings.ts'

/** A record of the topic, as it was read back from Kafka. */
export interface TopicRecord {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** The key in the store; `undefined` for a record that cannot be used. */
  readonly key: string | undefined
  /** `undefined` deletes. No two records of a key have the same one. */
  readonly value: string | undefined
  /** Milliseconds to live from its timestamp; `undefined` for ever. */
  readonly ttlMs: number | undefined
}

/** A look at the store: its own state first, then some keys. Times are milliseconds since the epoch. */
export interface Look {
  readonly began: number
  readonly ended: number
  /** The next offset of each partition, as the store reports it; `undefined` where it has none. */
  readonly positions: ReadonlyMap<number, number> | undefined
  readonly values: ReadonlyMap<string, string | undefined>
}

/** All in milliseconds. What stood still adds to it: see `StoreChecker.stood`. */
export interface Tolerance {
  /** How much later than at its time a value may be gone: a write that is carried out late counts its life from then. */
  readonly outlivesMs: number
  /** How much earlier: the rounding of clocks. */
  readonly earlyMs: number
  /**
   * How long an older value of a deleted key may be seen, where the store has no delete that a late write could
   * notice. 0 where it has.
   */
  readonly flickersMs: number
}

export type Rule =
  /** A record that was acknowledged is not in the topic. */
  | 'lost'
  /** A value that no record of its key has. */
  | 'foreign'
  /** An older value after a newer one. */
  | 'backwards'
  /** A key that is gone without a reason. */
  | 'vanished'
  /** A value that is there after its time. */
  | 'outlived'
  /** The store says that it holds everything below a position, and does not. */
  | 'ahead'
  /** At rest a key is not what the topic makes of it. */
  | 'unequal'
  /** At rest a key has another time to live. */
  | 'ttl'
  /** The store did not come to rest. */
  | 'restless'
  /** A record that can be used is among the dead letters. */
  | 'false letter'
  /** One that cannot be used is not. */
  | 'missing letter'

export interface Violation {
  readonly rule: Rule
  readonly text: string
}

/** A key at rest: its value, and the milliseconds that it has to live (`undefined`: for ever). */
export interface Held {
  readonly value: string | undefined
  readonly ttlMs: number | undefined
}

const KEPT_VIOLATIONS = 30

export class StoreChecker {
  readonly violations: Violation[] = []
  /** Those too that are not kept. */
  violated = 0
  readonly count = {
    records: 0,
    unusable: 0,
    acknowledged: 0,
    looks: 0,
    seen: 0,
    absent: 0,
    claims: 0,
    rests: 0,
    flickers: 0,
    /** Older values in a look than in one that ended before it, and had not ended when it began. */
    crossed: 0,
  }
  readonly #tolerance: Tolerance
  #stoodMs = 0
  /** By key in the store, ascending by offset. */
  readonly #history = new Map<string, TopicRecord[]>()
  readonly #unusable = new Set<string>()
  readonly #usable = new Set<string>()
  readonly #looks: Look[] = []
  /** Since when a deleted key shows an older value. */
  readonly #flickers = new Map<string, number>()
  readonly #sightings = new Sightings()

  constructor(tolerance: Tolerance) {
    this.#tolerance = tolerance
  }

  /** The next record of the topic; each once, ascending by offset within its partition. */
  topic(record: TopicRecord): void {
    const { key } = record
    this.count.records++
    if (key === undefined) {
      this.count.unusable++
      this.#unusable.add(placeOf(record))
      return
    }
    this.#usable.add(placeOf(record))
    const known = this.#history.get(key)
    if (known) known.push(record)
    else this.#history.set(key, [record])
  }

  /** A record was acknowledged at this place. Call it after the topic was handed over. */
  acknowledged(
    place: { partition: number; offset: number },
    key: string | undefined,
    value: string | undefined,
  ): void {
    this.count.acknowledged++
    const name = placeOf(place)
    const there =
      key === undefined
        ? this.#unusable.has(name)
        : this.#history.get(key)?.some((one) => one.offset === place.offset && one.value === value)
    if (!there) this.#breaks('lost', `${key ?? 'an unusable record'} at ${name}`)
  }

  /** The store or its sync stood still for so long. What it held in hand is carried out so much later. */
  stood(ms: number): void {
    this.#stoodMs = Math.max(this.#stoodMs, ms)
  }

  get #outlivesMs(): number {
    return this.#tolerance.outlivesMs + this.#stoodMs
  }

  get #flickersMs(): number {
    const { flickersMs } = this.#tolerance
    return flickersMs === 0 ? 0 : flickersMs + this.#stoodMs
  }

  loses(loss: Loss): void {
    this.#sightings.loses(loss)
  }

  /** A look at the store. Judged by `judges()`, when the topic is known up to there. */
  sees(look: Look): void {
    this.#looks.push(look)
  }

  /** Judges all looks so far, in their order. */
  judges(): void {
    for (const look of this.#looks.splice(0)) {
      this.count.looks++
      // A look during a loss of data cannot be judged.
      if (this.#sightings.isBlind(look)) continue
      for (const [key, value] of look.values) this.#judge(look, key, value)
    }
  }

  #judge(look: Look, key: string, value: string | undefined): void {
    this.count.seen++
    if (value === undefined) this.count.absent++
    const history = this.#history.get(key) ?? []
    const bound = this.#sightings.boundOf(key, look)
    const offset = value === undefined ? this.#goneAt(history, bound, look) : offsetOf(history, value)
    if (offset === undefined) {
      if (value === undefined) this.#breaks('vanished', `${key} at ${look.began}: it was at ${bound}`)
      else this.#breaks('foreign', `${key}: ${clipped(value)}`)
      return
    }
    if (offset < bound) {
      if (this.#mayFlicker(key, bound, history, look)) return
      const was = history.find((one) => one.offset === bound)?.value ?? 'nothing'
      this.#breaks(
        'backwards',
        `${key} at ${look.began} to ${look.ended} from ${bound} (${clipped(was)}) to ${offset}`,
      )
    }
    this.#flickers.delete(key)
    const until = lastsUntil(history.find((one) => one.offset === offset))
    if (value !== undefined && until + this.#outlivesMs < look.began)
      this.#breaks('outlived', `${key} of ${offset} by ${look.began - until} ms`)
    if (this.#sightings.take(key, offset, look)) this.count.crossed++
    this.#claims(look, key, history, value === undefined ? this.#newestGone(history, look) : offset)
  }

  /** Whether the store keeps its word: all that is below its position is there. */
  #claims({ positions, began }: Look, key: string, history: readonly TopicRecord[], offset: number): void {
    const [first] = history
    const position = first && positions?.get(first.partition)
    if (position === undefined) return
    this.count.claims++
    const due = history.findLast((one) => one.offset < position)
    if (due && offset < due.offset)
      this.#breaks(
        'ahead',
        `${key} at ${began} is of ${offset}, and ${position} is said to be reached (${due.offset})`,
      )
  }

  #mayFlicker(key: string, bound: number, history: readonly TopicRecord[], look: Look): boolean {
    const flickersMs = this.#flickersMs
    const deleted = history.some((one) => one.offset === bound && one.value === undefined)
    const since = this.#flickers.get(key) ?? look.began
    if (!deleted || look.began - since >= flickersMs) return false
    if (!this.#flickers.has(key)) this.count.flickers++
    this.#flickers.set(key, since)
    return true
  }

  /** The first offset, from the bound on, at which the key may be gone. */
  #goneAt(history: readonly TopicRecord[], bound: number, look: Look): number | undefined {
    if (bound === -1) return -1
    return history.find((one) => one.offset >= bound && this.#mayBeGone(one, look))?.offset
  }

  #newestGone(history: readonly TopicRecord[], look: Look): number {
    return history.findLast((one) => this.#mayBeGone(one, look))?.offset ?? -1
  }

  #mayBeGone(record: TopicRecord, look: Look): boolean {
    const { earlyMs } = this.#tolerance
    const gone = record.value === undefined ? record.timestamp : lastsUntil(record)
    return gone - earlyMs <= look.ended
  }

  /** At rest: every key that the topic has ever named, as it was found between two moments. */
  rests(began: number, ended: number, held: ReadonlyMap<string, Held>): void {
    this.count.rests++
    for (const [key, history] of this.#history) {
      const last = history.at(-1)!
      const found = held.get(key)
      const until = lastsUntil(last)
      const [most, least] = [until - began + this.#outlivesMs, until - ended - this.#tolerance.earlyMs]
      const mayBe = last.value !== undefined && most > 0
      const mustBe = last.value !== undefined && least > 0
      if (found?.value === undefined ? mustBe : found.value !== last.value || !mayBe) {
        const [is, due] = [found?.value, last.value].map((one) =>
          one === undefined ? 'nothing' : clipped(one),
        )
        this.#breaks('unequal', `${key} is ${is}, and must be ${due} (${last.partition}-${last.offset})`)
      } else if (found?.value !== undefined) {
        const lives = found.ttlMs ?? Infinity
        if (lives > most || lives < least)
          this.#breaks('ttl', `${key} has ${lives} ms to live, and must have ${least} to ${most}`)
      }
    }
    for (const [key, { value }] of held)
      if (value !== undefined && !this.#history.has(key)) this.#breaks('unequal', `${key} is in no record`)
  }

  isRestless(text: string): void {
    this.#breaks('restless', text)
  }

  /**
   * All dead letters, by where their records stand.
   *
   * @param forgiven letters that the sync itself has said to be lost
   */
  letters(places: readonly { readonly partition: number; readonly offset: number }[], forgiven = 0): void {
    const found = new Set(places.map(placeOf))
    for (const place of found) if (this.#usable.has(place)) this.#breaks('false letter', place)
    const missing = [...this.#unusable].filter((place) => !found.has(place))
    if (missing.length > forgiven) for (const place of missing) this.#breaks('missing letter', place)
  }

  #breaks(rule: Rule, text: string): void {
    this.violated++
    if (this.violations.length < KEPT_VIOLATIONS) this.violations.push({ rule, text })
  }
}

const placeOf = ({ partition, offset }: { partition: number; offset: number }): string =>
  `${partition}-${offset}`

const lastsUntil = (record: TopicRecord | undefined): number =>
  record === undefined ? Infinity : record.timestamp + (record.ttlMs ?? Infinity)

const offsetOf = (history: readonly TopicRecord[], value: string): number | undefined =>
  history.findLast((one) => one.value === value)?.offset

const clipped = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
