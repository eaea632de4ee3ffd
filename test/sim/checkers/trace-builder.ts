/** Traces made by hand: each method is something that happens at the moment that `at` has set. @module */
import type { IsolatePlan, Scenario, SpaceName, WorldPlan } from '../scenario.ts'
import type { Row, Trace, TraceEvent } from '../trace.ts'
import { EVICTIONS } from './chronicle.ts'
import type { Says } from './chronicle.ts'

type Event = TraceEvent extends infer Each ? (Each extends TraceEvent ? Omit<Each, 't'> : never) : never
type Served = Extract<TraceEvent, { type: 'served' }>
type WriteEvent = Extract<TraceEvent, { type: 'write' }>

const WORLD: WorldPlan = {
  proxy: 'memory',
  identity: true,
  evictionPartitions: 1,
  latencyMs: 10,
  replicaLagMs: 0,
  loadMs: 100,
  tier: false,
  maxStalenessMs: 1000,
  ttlMs: 10_000,
}

const PLAN: IsolatePlan = {
  isolatesRequests: false,
  skewMs: 0,
  use: [],
  namespaces: {},
  without: {},
  follow: true,
  share: true,
  onUnreachable: 'stale',
  maxOutageMs: 5000,
  swrMs: 2000,
  staleIfErrorMs: 3000,
  timeoutMs: undefined,
  hardTimeoutMs: 3000,
  pollTimeoutMs: 500,
  maxEntries: 10,
  maxBytes: 10_000,
  maxRememberedEvictions: 100,
  maxCatchUpRecords: 100,
  maxPollBytes: 100_000,
  lookBack: 0,
  intentsMs: 0,
  announceExpiry: false,
  gzipAboveBytes: 1024,
  follows: false,
}

export class TraceBuilder {
  readonly events: TraceEvent[] = []
  readonly #world: WorldPlan
  readonly #plans: IsolatePlan[] = []
  readonly #next = new Map<string, number>()
  #logId = 'log 0'
  #now = 0

  constructor(world: Partial<WorldPlan> = {}) {
    this.#world = { ...WORLD, ...world }
    this.tell({ type: 'begin' })
  }

  get trace(): Trace {
    const scenario: Scenario = { seed: 7, world: this.#world, isolates: this.#plans, steps: [] }
    return { scenario, events: [...this.events] }
  }

  at(t: number): this {
    this.#now = t
    return this
  }

  tell(event: Event): this {
    this.events.push({ ...event, t: this.#now })
    return this
  }

  /** An isolate, which has resynced at the end of the log, and knows that it is fresh. */
  isolate(plan: Partial<IsolatePlan> = {}, { anchors = true } = {}): number {
    const isolate = this.#count('isolate')
    const whole = { ...PLAN, ...plan }
    this.#plans.push(whole)
    this.tell({ type: 'isolate', isolate, seat: isolate, plan: whole })
    if (anchors) this.anchor(isolate, 'start')
    return isolate
  }

  says(isolate: number, event: Says): this {
    return this.tell({ type: 'says', isolate, event })
  }

  fault(fault: string, more: { isolate?: number; forMs?: number; amount?: number } = {}): this {
    return this.tell({ type: 'fault', fault, ...more })
  }

  /** Learns where the log ends, and starts again there. */
  anchor(isolate: number, reason: Extract<Says, { type: 'reanchor' }>['reason'], offset = this.end()): this {
    this.offsets(isolate)
    return this.says(isolate, { type: 'reanchor', partition: 0, reason, offset })
  }

  end(): number {
    return this.#next.get(`offset ${this.#logId}`) ?? 0
  }

  offsets(isolate: number, end = this.end()): this {
    const call = this.#count('call')
    this.tell({ type: 'asked', call, isolate, operation: 'offsets', topic: EVICTIONS })
    return this.tell({ type: 'told', call, positions: [{ partition: 0, offset: end }] })
  }

  /** Reads from there on, gets offsets up to `next`, and applies those that it says it does. */
  reads(isolate: number, from: number, next = this.end(), applies = range(from, next)): this {
    const call = this.#count('call')
    const positions = [{ partition: 0, offset: from }]
    this.tell({ type: 'asked', call, isolate, operation: 'read', topic: EVICTIONS, positions })
    const offsets = range(from, next).map((offset) => ({ partition: 0, offset }))
    this.tell({ type: 'told', call, positions: [{ partition: 0, offset: next }], offsets })
    for (const offset of applies)
      this.says(isolate, {
        type: 'evict',
        namespace: 'rows',
        partition: 0,
        offset,
        all: true,
        keys: [],
        tags: [],
        prefixes: [],
      })
    return this
  }

  /** A whole poll: it knows everything now, and says so. */
  polls(isolate: number, from: number): this {
    return this.offsets(isolate).reads(isolate, from).state(isolate, { ageMs: 0 })
  }

  append(message: unknown, key?: string): number {
    const offset = this.#count(`offset ${this.#logId}`)
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    this.tell({
      type: 'appended',
      topic: EVICTIONS,
      partition: 0,
      offset,
      logId: this.#logId,
      text,
      ...(key === undefined ? {} : { key }),
    })
    return offset
  }

  /** The topic is recreated. */
  recreate(): this {
    this.#logId = `log ${this.#count('log') + 1}`
    const where = { topic: EVICTIONS, partition: 0, beginning: 0, end: 0, logId: this.#logId }
    return this.tell({ type: 'log', change: 'recreated', ...where })
  }

  commit(key: string, version: number, space: SpaceName = 'rows'): this {
    return this.tell({ type: 'commit', space, key, version })
  }

  begin(write: Partial<Omit<WriteEvent, 'type' | 't' | 'write'>> & { isolate: number }): number {
    const id = this.#count('write')
    const usual = {
      space: 'rows',
      key: 'a',
      version: 1,
      how: 'delete',
      evicts: 'key',
      request: undefined,
    } as const
    this.tell({ type: 'write', write: id, ...usual, ...write })
    return id
  }

  acknowledge(write: number, offset: number): this {
    return this.tell({ type: 'acknowledged', write, token: `k1.0-${offset + 1}`, partition: 0, offset })
  }

  /** Commits a version of a row, and evicts it: all at this moment. */
  evict(isolate: number, key = 'a', version = 1, space: SpaceName = 'rows'): number {
    if (space !== 'sets') this.commit(key, version, space)
    const how = space === 'sets' ? 'set' : 'delete'
    const write = this.begin({ isolate, key, version, space, how })
    const offset = this.append({ v: 1, op: 'evict', ns: space, keys: [key] })
    this.acknowledge(write, offset)
    return write
  }

  ask(isolate: number, key = 'a', more: Partial<Extract<TraceEvent, { type: 'read' }>> = {}): number {
    const read = this.#count('read')
    const usual = { request: undefined, how: 'getOrSet', space: 'rows', keys: [key] } as const
    this.tell({ type: 'read', read, isolate, ...usual, ...more })
    return read
  }

  answer(read: number, row: Row | undefined, more: Partial<Omit<Served, 'type' | 't'>> = {}): this {
    const usual = {
      key: row?.key ?? 'a',
      from: 'memory',
      flagged: undefined,
      bypassed: false,
      stored: false,
    } as const
    return this.tell({ type: 'served', read, row, ...usual, ...more })
  }

  /** A read that is answered at once. */
  served(isolate: number, row: Row, more: Partial<Omit<Served, 'type' | 't'>> = {}): this {
    const read = this.ask(isolate, row.key, { space: row.space })
    return this.answer(read, row, more)
  }

  load(isolate: number, key = 'a', request?: number): number {
    const load = this.#count('load')
    this.tell({ type: 'load', load, isolate, request, space: 'rows', key })
    return load
  }

  state(isolate: number, more: Partial<Extract<TraceEvent, { type: 'state' }>> = {}): this {
    const usual = { entries: 1, bytes: 300, proved: true, ageMs: null, lag: 0, unverified: 0 }
    return this.tell({ type: 'state', isolate, ...usual, ...more })
  }

  holds(
    isolate: number,
    row: Row | undefined,
    key = row?.key ?? 'a',
    space: SpaceName = row?.space ?? 'rows',
  ): this {
    return this.tell({ type: 'holds', isolate, space, key, row })
  }

  #count(of: string): number {
    const number = this.#next.get(of) ?? 0
    this.#next.set(of, number + 1)
    return number
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)

/** A row of the source as it was read then. */
export const row = (version: number, readAt: number, key = 'a', space: SpaceName = 'rows'): Row => ({
  space,
  key,
  version,
  readAt,
  even: version % 2 === 0,
})
