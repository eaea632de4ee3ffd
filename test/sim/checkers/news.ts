/**
 * Evictions that an isolate knows before it has read up to them: by writes of its own, and by long polls.
 *
 * @module
 */
import { EVICTIONS, chronicleOf, firstAbove } from './chronicle.ts'
import type { Life } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction } from './eviction-log.ts'
import { progressOf } from './progress.ts'
import type { Trace } from '../trace.ts'

interface Heard {
  readonly seq: number
  readonly offset: number
}

export interface Item {
  readonly life: Life
  readonly record: Eviction
  readonly t: number
  /** By a read, and not by the acknowledgement of a write. */
  readonly isRead: boolean
}

export class News {
  /** In the order in which they came. */
  readonly items: readonly Item[]
  readonly #trace: Trace
  /** Of each partition how far the evictions reach that the isolate knows of. */
  readonly #furthest = new Map<Life, Map<number, Heard[]>>()

  constructor(trace: Trace) {
    this.#trace = trace
    const log = evictionLogOf(trace)
    const calls = [...chronicleOf(trace).calls.values()].filter(
      ({ topic, operation, told }) => topic === EVICTIONS && operation !== 'offsets' && told !== undefined,
    )
    const items: Item[] = []
    for (const { life, operation, told, toldSeq, toldAt } of calls.sort((a, b) => a.toldSeq - b.toldSeq)) {
      const isRead = operation === 'read'
      for (const { partition, offset } of (isRead ? told!.offsets : told!.positions) ?? []) {
        const record = log.at(partition, offset, toldSeq)
        if (record === undefined || record.empty) continue
        items.push({ life, record, t: toldAt, isRead })
        this.#hears(life, record, toldSeq)
      }
    }
    this.items = items
  }

  /** Whether it knows of an eviction at or beyond its position. It keeps loads from then apart, and holds none. */
  isAhead(life: Life, space: string, seq: number): boolean {
    const partition = evictionLogOf(this.#trace).partitionOf(space) ?? 0
    const heard = this.#furthest.get(life)?.get(partition) ?? []
    const furthest = heard[firstAbove(heard, seq, (each) => each.seq) - 1]?.offset ?? -1
    return furthest >= (progressOf(this.#trace).at(life.isolate, partition, seq)?.offset ?? 0)
  }

  #hears(life: Life, { partition, offset }: Eviction, seq: number): void {
    let own = this.#furthest.get(life)
    if (own === undefined) this.#furthest.set(life, (own = new Map()))
    let heard = own.get(partition)
    if (heard === undefined) own.set(partition, (heard = []))
    heard.push({ seq, offset: Math.max(heard.at(-1)?.offset ?? -1, offset) })
  }
}

const known = new WeakMap<Trace, News>()

export function newsOf(trace: Trace): News {
  let news = known.get(trace)
  if (news === undefined) known.set(trace, (news = new News(trace)))
  return news
}
