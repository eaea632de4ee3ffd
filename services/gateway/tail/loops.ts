/** The loops of a shared tail: bounded in number, and their windows in bytes. @module */
import type { Cluster, ClusterReadOptions } from '../cluster.ts'
import type { TopicPartition, TopicPosition } from '../topic-position.ts'
import { TailLoop } from './loop.ts'
import type { Sample } from './loop.ts'
import type { TailOptions } from './options.ts'
import type { Waiter } from './waiters.ts'

type Isolation = ClusterReadOptions['isolation']

/** Bounds of the cluster, in the order of the requests for them. */
export interface Samples {
  /** Sampled after the call. */
  take(place: TopicPartition): Promise<Sample>
  /** A number for bounds that a loop requests now with its read. */
  tick(): number
}

/** One loop for each partition and isolation level on which a request waits, or has waited lately. */
export class TailLoops {
  readonly #cluster: Cluster
  readonly #options: Required<TailOptions>
  readonly #samples: Samples
  readonly #loops = new Map<string, TailLoop>()
  /** The loop that was asked for last. */
  #last: (TopicPartition & { readonly level: Isolation; readonly loop: TailLoop }) | undefined
  #closed = false

  constructor(cluster: Cluster, options: Required<TailOptions>, samples: Samples) {
    this.#cluster = cluster
    this.#options = options
    this.#samples = samples
  }

  find(place: TopicPartition, isolation: Isolation): TailLoop | undefined {
    const level = isolation ?? 'uncommitted'
    // Thousands of reads ask for the same loop one after the other: no key is made for each.
    const last = this.#last
    if (last?.topic === place.topic && last.partition === place.partition && last.level === level)
      return last.loop
    const loop = this.#loops.get(keyOf(place, level))
    this.#last = loop && { topic: place.topic, partition: place.partition, level, loop }
    return loop
  }

  /** The loop, unless newer bounds show that its window is of another log, or holds lost records. */
  current(place: TopicPartition, isolation: Isolation, bounds: Sample): TailLoop | undefined {
    const loop = this.find(place, isolation)
    if (!loop) return undefined
    const newer = bounds.tick > loop.bounds.tick
    const same = bounds.logId === loop.bounds.logId
    if (newer && (!same || bounds.end < loop.window.end)) loop.end()
    else if (same) return loop
    return undefined
  }

  get size(): number {
    return this.#loops.size
  }

  /** Whether there is no room for one more. */
  get full(): boolean {
    const loops = [...this.#loops.values()]
    return loops.length >= this.#options.maxLoops && loops.every((loop) => !isIdle(loop))
  }

  /**
   * Begins a loop where there is none and the limit allows it; a loop without a waiting request ends for it.
   */
  start({ topic, partition, offset }: TopicPosition, isolation: Isolation, bounds: Sample): void {
    const { windowBytes, windowRecords, ...settings } = this.#options
    const place = { topic, partition }
    const key = keyOf(place, isolation)
    if (this.#closed || this.#loops.has(key) || this.full) return
    if (this.#loops.size >= this.#options.maxLoops) [...this.#loops.values()].find(isIdle)?.end()
    const loop = new TailLoop(offset, bounds, {
      ...settings,
      cluster: this.#cluster,
      place,
      isolation: isolation ?? 'uncommitted',
      window: { maxBytes: windowBytes, maxRecords: windowRecords },
      sample: () => this.#samples.take(place),
      tick: () => this.#samples.tick(),
      onChange: () => this.#bound(),
      onEnd: () => {
        if (this.#loops.get(key) === loop) this.#loops.delete(key)
        if (this.#last?.loop === loop) this.#last = undefined
      },
    })
    this.#loops.set(key, loop)
    void loop.run()
  }

  /** Ends those waits at all of them as if their time were over. */
  endWaits(which: (waiter: Waiter) => boolean): void {
    for (const loop of this.#loops.values()) loop.endWaits(which)
  }

  /** Ends them all, for good. */
  close(): void {
    this.#closed = true
    for (const loop of this.#loops.values()) loop.end()
  }

  /** All windows together stay within their limit; the largest gives up its older half. */
  #bound(): void {
    for (;;) {
      let bytes = 0
      let largest: TailLoop | undefined
      for (const loop of this.#loops.values()) {
        bytes += loop.window.bytes
        if (loop.window.bytes > (largest?.window.bytes ?? 0)) largest = loop
      }
      if (bytes <= this.#options.maxBytes || !largest) return
      largest.window.halve()
    }
  }
}

const isIdle = (loop: TailLoop): boolean => loop.waiting === 0

/** Two isolation levels have two loops: what one may see, the other may not. */
const keyOf = ({ topic, partition }: TopicPartition, isolation: Isolation = 'uncommitted'): string =>
  `${topic}/${partition}/${isolation}`
