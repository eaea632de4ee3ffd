/** I15: the same scenario gives the same trace. @module */
import { Findings } from './findings.ts'
import type { Checker, Trace, TraceEvent, Violation } from '../trace.ts'

/** What one trace can tell: that it is one, in which everything follows from something before it. */
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

type Kind = 'isolate' | 'request' | 'read' | 'write' | 'load' | 'call'

class Order {
  readonly #found: Findings
  readonly #last: Record<Kind, number> = { isolate: -1, request: -1, read: -1, write: -1, load: -1, call: -1 }
  /** What has begun and not ended. Of a read, the keys that were not answered yet. */
  readonly #open = new Map<string, Set<string> | undefined>()
  readonly #seen = new Set<string>()
  readonly #states = new Map<number, 'running' | 'frozen' | 'killed'>()
  #isOver = false

  constructor(found: Findings) {
    this.#found = found
  }

  take(event: TraceEvent): void {
    if (this.#isOver) this.#broke(event, 'after the end')
    // A service that does not use kedge stands beside the isolate that is named; and a commit that it has asked for
    // happens at the source.
    const isElsewhere = event.type === 'write' && (event.how === 'foreign' || event.how === 'writeThrough')
    const isOutside = event.type === 'fault' || isElsewhere
    if ('isolate' in event && event.isolate !== undefined && !isOutside) this.#runs(event, event.isolate)
    switch (event.type) {
      case 'isolate':
        return this.#begins(event, 'isolate', event.isolate)
      case 'request':
        return this.#begins(event, 'request', event.request)
      case 'read':
        this.#begins(event, 'read', event.read)
        return void this.#open.set(`read ${event.read}`, new Set(event.keys))
      case 'write':
        return this.#begins(event, 'write', event.write)
      case 'load':
        return this.#begins(event, 'load', event.load)
      case 'asked':
        return this.#begins(event, 'call', event.call)
      case 'served':
        return this.#serves(event.read, event.key, event)
      case 'threw':
        return this.#ends(event, 'read', event.read)
      case 'unacknowledged':
        // One that failed before it had committed anything was not told of.
        return this.#seen.has(`write ${event.write}`) ? this.#ends(event, 'write', event.write) : undefined
      case 'acknowledged':
        return this.#ends(event, 'write', event.write)
      case 'loaded':
      case 'load_lost':
        return this.#ends(event, 'load', event.load)
      case 'told':
      case 'untold':
        return this.#ends(event, 'call', event.call)
      case 'end':
        this.#isOver = true
        return
      case 'appended':
      case 'begin':
      case 'calm':
      case 'cancelled':
      case 'commit':
      case 'fault':
      case 'fault_over':
      case 'frozen':
      case 'holds':
      case 'killed':
      case 'log':
      case 'says':
      case 'state':
      case 'thawed':
    }
  }

  /** What is gone does nothing any more, and what stands still does nothing for now. */
  #runs(event: TraceEvent, isolate: number): void {
    const state = this.#states.get(isolate)
    if (event.type === 'isolate') return void this.#states.set(isolate, 'running')
    if (state === undefined) return this.#broke(event, `of isolate ${isolate}, which has not begun`)
    if (event.type === 'killed') return void this.#states.set(isolate, 'killed')
    if (event.type === 'frozen') return void this.#states.set(isolate, 'frozen')
    if (event.type === 'thawed') return void this.#states.set(isolate, state === 'killed' ? state : 'running')
    if (state === 'killed') this.#broke(event, `of isolate ${isolate}, which was killed`)
    if (state === 'frozen' && event.type !== 'holds' && event.type !== 'cancelled')
      this.#broke(event, `of isolate ${isolate}, which stands still`)
  }

  #begins(event: TraceEvent, kind: Kind, id: number): void {
    const name = `${kind} ${id}`
    // Of requests and writes one that is numbered earlier may begin later.
    const isOrdered = kind !== 'request' && kind !== 'write'
    if (this.#seen.has(name) || (isOrdered && id <= this.#last[kind]))
      this.#broke(event, `${name} after ${kind} ${this.#last[kind]}`)
    this.#last[kind] = Math.max(id, this.#last[kind])
    this.#seen.add(name)
    this.#open.set(name, undefined)
  }

  #serves(read: number, key: string, event: TraceEvent): void {
    const keys = this.#open.get(`read ${read}`)
    if (keys === undefined) this.#broke(event, `to read ${read}, which is not open`)
    else if (!keys.delete(key)) this.#broke(event, `of ${key} to read ${read}, which does not wait for it`)
    else if (keys.size === 0) this.#open.delete(`read ${read}`)
  }

  #ends(event: TraceEvent, kind: Kind, id: number): void {
    if (!this.#open.delete(`${kind} ${id}`)) this.#broke(event, `to ${kind} ${id}, which is not open`)
  }

  #broke({ t, type }: TraceEvent, text: string): void {
    this.#found.broke(t, `\`${type}\` ${text}`)
  }
}
