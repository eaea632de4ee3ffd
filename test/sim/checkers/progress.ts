/**
 * How far isolates have read the evictions topic, as far as they have said so.
 *
 * @module
 */
import { EVICTIONS, chronicleOf, firstAbove } from './chronicle.ts'
import type { Call, Chronicle, Life, Reanchor } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction, EvictionLog } from './eviction-log.ts'
import type { Trace } from '../trace.ts'

/** Every eviction of this log below the offset was applied, or dropped everything. */
export interface Passed {
  readonly seq: number
  readonly t: number
  /** `undefined`: the trace does not show which log the position is of. */
  readonly epoch: number | undefined
  readonly offset: number
  /** When the isolate last dropped everything of the partition. */
  readonly emptiedAt: number
}

export interface Progress {
  /** What had been passed before this event. */
  at(isolate: number, partition: number, seq: number): Passed | undefined
  /** The isolate has not resynced since the topic was last recreated: it may take the new log for the old one. */
  isUnaware(life: Life, partition: number, seq: number): boolean
}

const known = new WeakMap<Trace, Progress>()

export function progressOf(trace: Trace): Progress {
  let progress = known.get(trace)
  if (progress === undefined) {
    progress = new ProgressSaid(chronicleOf(trace), evictionLogOf(trace))
    known.set(trace, progress)
  }
  return progress
}

class ProgressSaid implements Progress {
  readonly #passed = new Map<number, Map<number, Passed[]>>()
  readonly #log: EvictionLog
  readonly #offsets = new Map<Life, Call[]>()

  constructor(chronicle: Chronicle, log: EvictionLog) {
    this.#log = log
    if (log.recreations.length > 0) this.#readOffsets(chronicle)
    for (const { life, seq, t, event } of chronicle.said) {
      if (event.type === 'reanchor') {
        const reanchor = life.reanchors.find((each) => each.seq === seq)!
        const epoch = this.#epochOf(life, reanchor)
        this.#add(life.isolate, event.partition, { seq, t, epoch, offset: event.offset, emptiedAt: t })
      } else if (event.type === 'evict') {
        const last = this.#list(life.isolate, event.partition).at(-1)
        // After a recreation the trace does not show which log the record was of, until the isolate resyncs.
        if (last === undefined || last.epoch !== this.#epochAt(seq)) continue
        const offset = Math.max(last.offset, event.offset + 1)
        this.#add(life.isolate, event.partition, { ...last, seq, t, offset })
      }
    }
  }

  at(isolate: number, partition: number, seq: number): Passed | undefined {
    const list = this.#passed.get(isolate)?.get(partition)
    return list?.[firstAbove(list, seq, (each) => each.seq) - 1]
  }

  isUnaware(life: Life, partition: number, seq: number): boolean {
    const { recreations } = this.#log
    const last = recreations[firstAbove(recreations, seq, (each) => each.seq) - 1]
    if (last === undefined || life.bornAt > last.t) return false
    return this.at(life.isolate, partition, seq)?.epoch !== this.#epochAt(seq)
  }

  #epochAt(seq: number): number {
    return firstAbove(this.#log.recreations, seq, (each) => each.seq)
  }

  /** Of which log the end was that the isolate went to. */
  #epochOf(life: Life, { seq, partition, offset }: Reanchor): number | undefined {
    if (this.#log.recreations.length === 0) return 0
    const calls = this.#offsets.get(life) ?? []
    for (let at = firstAbove(calls, seq, ({ toldSeq }) => toldSeq) - 1; at >= 0; at--) {
      const { seq: askedSeq, toldSeq, told } = calls[at]!
      const end = told!.positions.find((each) => each.partition === partition)
      if (end?.offset !== offset) continue
      const epoch = this.#epochAt(askedSeq)
      return epoch === this.#epochAt(toldSeq) ? epoch : undefined
    }
    return undefined
  }

  #readOffsets({ calls }: Chronicle): void {
    for (const call of calls.values()) {
      if (call.operation !== 'offsets' || call.topic !== EVICTIONS || call.told === undefined) continue
      const list = this.#offsets.get(call.life)
      if (list) list.push(call)
      else this.#offsets.set(call.life, [call])
    }
    for (const list of this.#offsets.values()) list.sort((a, b) => a.toldSeq - b.toldSeq)
  }

  #list(isolate: number, partition: number): Passed[] {
    let own = this.#passed.get(isolate)
    if (own === undefined) this.#passed.set(isolate, (own = new Map()))
    let list = own.get(partition)
    if (list === undefined) own.set(partition, (list = []))
    return list
  }

  #add(isolate: number, partition: number, passed: Passed): void {
    this.#list(isolate, partition).push(passed)
  }
}

/** The last of the evictions, ascending, that stand in the log that was passed, and below the position. */
export function lastPassed(
  list: readonly Eviction[],
  { epoch, offset }: Passed,
  counts: (eviction: Eviction) => boolean,
): Eviction | undefined {
  if (epoch === undefined) return undefined
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const each = list[middle]!
    if (each.epoch > epoch || (each.epoch === epoch && each.offset >= offset)) high = middle
    else low = middle + 1
  }
  for (let at = low - 1; at >= 0 && list[at]!.epoch === epoch; at--) if (counts(list[at]!)) return list[at]
  return undefined
}
