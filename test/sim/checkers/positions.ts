/** I6: positions have no holes between resyncs. @module */
import { EVICTIONS, chronicleOf } from './chronicle.ts'
import type { Call, Chronicle, Life, Said } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { progressOf } from './progress.ts'
import type { Progress } from './progress.ts'
import type { Checker, Trace } from '../trace.ts'

export const contiguity: Checker = {
  invariant: 'I6',
  promise: 'between resyncs an isolate applies every eviction of its partitions, in order, and each once',
  check(trace) {
    const found = new Findings('I6')
    const chronicle = chronicleOf(trace)
    const reach = new Reach()
    const ends = new Ends(trace, chronicle)
    const applied = new Applied(trace, found)
    for (const step of stepsOf(chronicle)) {
      if ('event' in step) {
        if (step.event.type === 'reanchor') anchor(step, reach, ends, found)
        applied.take(step)
      } else if (step.isTold) {
        reach.told(step.call)
      } else {
        ask(step.call, reach, found)
      }
    }
    return found
  },
}

interface CallStep {
  readonly seq: number
  readonly isTold: boolean
  readonly call: Call
}

/** Calls to the evictions topic, their answers, and what was said, in the order in which they happened. */
function stepsOf({ calls, said }: Chronicle): (CallStep | Said)[] {
  const steps: (CallStep | Said)[] = []
  for (const call of calls.values()) {
    if (call.topic !== EVICTIONS || call.operation === 'produce') continue
    steps.push({ seq: call.seq, isTold: false, call })
    if (call.told !== undefined) steps.push({ seq: call.toldSeq, isTold: true, call })
  }
  for (const each of said) if (each.event.type === 'evict' || each.event.type === 'reanchor') steps.push(each)
  return steps.sort((a, b) => a.seq - b.seq)
}

/** How far the answers to each isolate reach, without a gap since it resynced; and every end that it got. */
export class Reach {
  readonly #next = new Map<Life, Map<number, number>>()
  readonly #ends = new Map<Life, Map<number, Set<number>>>()

  of(life: Life, partition: number): number | undefined {
    return this.#next.get(life)?.get(partition)
  }

  knowsEnd(life: Life, partition: number, end: number): boolean {
    return this.#ends.get(life)?.get(partition)?.has(end) ?? false
  }

  resynced(life: Life, partition: number, offset: number): void {
    nested(this.#next, life).set(partition, offset)
  }

  told({ life, operation, positions: from, told }: Call): void {
    for (const { partition, offset } of told?.positions ?? []) {
      if (operation === 'offsets') {
        const ends = nested(this.#ends, life)
        const known = ends.get(partition)
        if (known) known.add(offset)
        else ends.set(partition, new Set([offset]))
        continue
      }
      const reached = this.of(life, partition)
      const began = from?.find((position) => position.partition === partition)?.offset
      // A read that began beyond the last answer does not cover what lies between.
      if (reached === undefined || began === undefined || began > reached) continue
      nested(this.#next, life).set(partition, Math.max(reached, offset))
    }
  }
}

function nested<K, V>(maps: Map<K, Map<number, V>>, key: K): Map<number, V> {
  let map = maps.get(key)
  if (map === undefined) maps.set(key, (map = new Map()))
  return map
}

/** Reads may go back (to find the last record again, to look up the past), but never ahead of the last answer. */
function ask({ life, operation, positions: from, t }: Call, reach: Reach, found: Findings): void {
  if (operation !== 'read') return
  for (const { partition, offset } of from ?? []) {
    const reached = reach.of(life, partition)
    found.looked++
    if (reached !== undefined && offset <= reached) continue
    // Where the isolate never resynced, it has no position to read from: it waits for news at the beginning.
    if (reached === undefined && offset === 0) continue
    found.broke(
      t,
      `isolate ${life.isolate} reads partition ${partition} from ${offset}, and no answer reached beyond ${reached ?? 'its start'}`,
    )
  }
}

/** A position is only jumped to where a sample said that the log ends. */
function anchor({ life, event, seq, t }: Said, reach: Reach, ends: Ends, found: Findings): void {
  if (event.type !== 'reanchor') return
  const { partition, offset } = event
  found.looked++
  if (!reach.knowsEnd(life, partition, offset))
    found.broke(
      t,
      `isolate ${life.isolate} starts again at ${offset} of partition ${partition}, which no answer named`,
    )
  if (offset > ends.highest(partition, seq))
    found.broke(
      t,
      `isolate ${life.isolate} starts again at ${offset} of partition ${partition}, beyond the end of any log`,
    )
  reach.resynced(life, partition, offset)
}

/** The highest end that the topic has had. */
class Ends {
  readonly #log: EvictionLog
  readonly #changes: Chronicle['changes']
  /** Markers that transactions have left, of which the trace has no event. */
  readonly #markers: number

  constructor(trace: Trace, { changes, faults }: Chronicle) {
    this.#log = evictionLogOf(trace)
    this.#changes = changes.filter(({ topic }) => topic === EVICTIONS)
    this.#markers = faults.filter(({ fault }) => fault.startsWith('transaction_')).length
  }

  highest(partition: number, seq: number): number {
    let highest = 0
    for (const record of this.#log.ofPartition(partition))
      if (record.seq < seq) highest = Math.max(highest, record.offset + 1)
    for (const change of this.#changes)
      if (change.partition === partition && change.seq < seq) highest = Math.max(highest, change.end)
    return highest + this.#markers
  }
}

/** What each isolate has applied. */
class Applied {
  readonly #next = new Map<Life, Map<number, number>>()
  readonly #found: Findings
  readonly #log: EvictionLog
  readonly #progress: Progress
  readonly #hasRecreations: boolean

  constructor(trace: Trace, found: Findings) {
    this.#found = found
    this.#log = evictionLogOf(trace)
    this.#progress = progressOf(trace)
    this.#hasRecreations = this.#log.recreations.length > 0
  }

  take({ life, event, seq, t }: Said): void {
    if (event.type !== 'evict' && event.type !== 'reanchor') return
    const { partition, offset } = event
    const positions = nested(this.#next, life)
    if (event.type === 'reanchor') return void positions.set(partition, offset)
    const next = positions.get(partition)
    this.#found.looked++
    const what = `isolate ${life.isolate} applies offset ${offset} of partition ${partition}`
    if (next === undefined) return this.#found.broke(t, `${what} before it had a position`)
    positions.set(partition, Math.max(next, offset + 1))
    if (offset < next) return this.#found.broke(t, `${what}, and had applied up to ${next} already`)
    // Of a recreated log that the isolate has not resynced with, the trace cannot say what lies between.
    if (this.#hasRecreations && this.#progress.isUnaware(life, partition, seq)) return
    const missed = this.#between(partition, next, offset, seq)
    if (missed !== undefined) this.#found.broke(t, `${what}, and never applied ${missed}`)
  }

  /** An eviction that stands between, and that every reader must have applied. */
  #between(partition: number, from: number, to: number, seq: number): number | undefined {
    for (let offset = from; offset < to; offset++) {
      const record = this.#log.at(partition, offset, seq)
      // Beats evict nothing.
      if (record === undefined || record.empty) continue
      if (record.epoch === this.#log.at(partition, to, seq)?.epoch) return offset
    }
    return undefined
  }
}
