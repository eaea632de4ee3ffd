/** I15: the same scenario gives the same trace. @module */
import { Findings } from './findings.ts'
import type { Checker, Trace, TraceEvent, Violation } from '../trace.ts'

/** What one trace can show: that everything in it follows from something before it. */
export const determinism: Checker = {
  invariant: 'I15',
  promise:
    'the same seed gives the same trace, in which time never goes back and every answer has its question',
  check(trace) {
    const found = new Findings('I15')
    const order = new Order(found)
    let before = -Infinity
    for (const event of trace.events) {
      found.looked++
      if (!(event.t >= before)) found.broke(event.t, `time goes back from ${before} to ${event.t}`)
      before = event.t
      order.take(event)
    }
    return found
  },
}

/** Where two traces of one scenario part; `undefined` where they are the same. */
export function compare(one: Trace, other: Trace): Violation | undefined {
  const length = Math.max(one.events.length, other.events.length)
  for (let at = 0; at < length; at++) {
    const [a, b] = [one.events[at], other.events[at]].map((event) => canonical(event))
    if (a === b) continue
    const t = one.events[at]?.t ?? other.events[at]?.t ?? 0
    return { invariant: 'I15', t, text: `two runs of one scenario part at event ${at}: ${a} and ${b}` }
  }
  return undefined
}

/** As text, whatever the order in which fields were set. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'nothing'
  )
}

/** What has begun of one kind, and what of that has not ended. */
class Opened {
  readonly #what: string
  readonly #isOrdered: boolean
  readonly #seen = new Set<number>()
  readonly #open = new Set<number>()
  #last = -1

  /** @param isOrdered whether one that is numbered earlier also begins earlier */
  constructor(what: string, isOrdered: boolean) {
    this.#what = what
    this.#isOrdered = isOrdered
  }

  has(id: number): boolean {
    return this.#seen.has(id)
  }

  /** Why it cannot begin. */
  begin(id: number): string | undefined {
    const isWrong = this.#isOrdered ? id <= this.#last : this.#seen.has(id)
    const wrong = isWrong ? `${this.#what} ${id} after ${this.#what} ${this.#last}` : undefined
    if (id > this.#last) this.#last = id
    this.#seen.add(id)
    this.#open.add(id)
    return wrong
  }

  /** Why it cannot end. */
  end(id: number): string | undefined {
    return this.#open.delete(id) ? undefined : `to ${this.#what} ${id}, which is not open`
  }
}

class Order {
  readonly #found: Findings
  readonly #isolates = new Opened('isolate', true)
  // Of requests and writes one that is numbered earlier may begin later.
  readonly #requests = new Opened('request', false)
  readonly #writes = new Opened('write', false)
  readonly #reads = new Opened('read', true)
  readonly #loads = new Opened('load', true)
  readonly #calls = new Opened('call', true)
  /** Of each read the keys that were not answered yet. */
  readonly #keys = new Map<number, string[]>()
  readonly #states = new Map<number, 'running' | 'frozen' | 'killed'>()
  #isOver = false

  constructor(found: Findings) {
    this.#found = found
  }

  take(event: TraceEvent): void {
    if (this.#isOver) this.#broke(event, 'after the end')
    switch (event.type) {
      case 'isolate':
        this.#states.set(event.isolate, 'running')
        return this.#says(event, this.#isolates.begin(event.isolate))
      case 'request':
        this.#runs(event, event.isolate)
        return this.#says(event, this.#requests.begin(event.request))
      case 'read':
        this.#runs(event, event.isolate)
        this.#keys.set(event.read, [...event.keys])
        return this.#says(event, this.#reads.begin(event.read))
      case 'write':
        // A service that does not use kedge stands beside the isolate that is named; and a commit that it has asked for
        // happens at the source.
        if (event.how !== 'foreign' && event.how !== 'writeThrough') this.#runs(event, event.isolate)
        return this.#says(event, this.#writes.begin(event.write))
      case 'load':
        this.#runs(event, event.isolate)
        return this.#says(event, this.#loads.begin(event.load))
      case 'asked':
        this.#runs(event, event.isolate)
        return this.#says(event, this.#calls.begin(event.call))
      case 'served':
        return this.#serves(event.read, event.key, event)
      case 'threw':
        this.#keys.delete(event.read)
        return this.#says(event, this.#reads.end(event.read))
      case 'unacknowledged':
        // A write that failed before it had committed anything has no event.
        return this.#writes.has(event.write) ? this.#says(event, this.#writes.end(event.write)) : undefined
      case 'acknowledged':
        return this.#says(event, this.#writes.end(event.write))
      case 'loaded':
      case 'load_lost':
        return this.#says(event, this.#loads.end(event.load))
      case 'told':
      case 'untold':
        return this.#says(event, this.#calls.end(event.call))
      case 'says':
      case 'state':
      case 'killed':
      case 'frozen':
      case 'thawed':
      case 'hidden_step':
        return this.#runs(event, event.isolate)
      case 'end':
        this.#isOver = true
        return undefined
      // What the simulation samples from outside, and what happens elsewhere.
      case 'appended':
      case 'begin':
      case 'calm':
      case 'cancelled':
      case 'commit':
      case 'fault':
      case 'fault_over':
      case 'holds':
      case 'log':
      case 'upstream':
        return undefined
    }
  }

  /** A killed isolate does nothing any more, and a frozen one does nothing for now. */
  #runs(event: TraceEvent, isolate: number): void {
    const state = this.#states.get(isolate)
    if (state === undefined) return this.#broke(event, `of isolate ${isolate}, which has not begun`)
    if (event.type === 'killed') return void this.#states.set(isolate, 'killed')
    if (event.type === 'frozen') return void this.#states.set(isolate, 'frozen')
    if (event.type === 'thawed') return void this.#states.set(isolate, state === 'killed' ? state : 'running')
    if (state === 'killed') this.#broke(event, `of isolate ${isolate}, which was killed`)
    if (state === 'frozen') this.#broke(event, `of isolate ${isolate}, which stands still`)
  }

  #serves(read: number, key: string, event: TraceEvent): void {
    const keys = this.#keys.get(read)
    const at = keys?.indexOf(key) ?? -1
    if (keys === undefined) return this.#broke(event, `to read ${read}, which is not open`)
    if (at === -1) return this.#broke(event, `of ${key} to read ${read}, which does not wait for it`)
    keys.splice(at, 1)
    if (keys.length > 0) return
    this.#keys.delete(read)
    this.#says(event, this.#reads.end(read))
  }

  #says(event: TraceEvent, wrong: string | undefined): void {
    if (wrong !== undefined) this.#broke(event, wrong)
  }

  #broke({ t, type }: TraceEvent, text: string): void {
    this.#found.broke(t, `\`${type}\` ${text}`)
  }
}
