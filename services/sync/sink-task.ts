/** The loop: reads ahead by one batch, writes, and samples the log and the store. @module */
import { eitherSignal } from '../../src/runtime/abort.ts'
import type { Checkpoint, Sample } from './checkpoint.ts'
import { isUnknownTopic } from './checkpoint.ts'
import type { LagTracker } from './lag.ts'
import type { SyncSettings } from './settings.ts'
import type { Retry } from './retry.ts'
import { Reader } from './reader.ts'
import type { Batch } from './reader.ts'
import type { Stop } from '../../src/runtime/graceful-stop.ts'
import type { RecordRun, Writer } from './writer.ts'

export interface SinkTaskParts {
  readonly settings: SyncSettings
  readonly course: Checkpoint
  readonly writer: Writer
  readonly gauge: LagTracker
  readonly log: Retry
}

/** How often the loop asks for the ends and the partitions, and whether the store was wiped. */
const LOOK_MS = 5000

/** A read under way, which can be cancelled. */
interface Reading {
  readonly batch: Promise<Batch>
  readonly give: () => void
}

export class SinkTask {
  readonly #settings: SyncSettings
  readonly #course: Checkpoint
  readonly #writer: Writer
  readonly #gauge: LagTracker
  readonly #reader: Reader
  #ahead: Reading | undefined
  #sample: Sample | undefined

  constructor({ settings, course, writer, gauge, log }: SinkTaskParts) {
    this.#settings = settings
    this.#course = course
    this.#writer = writer
    this.#gauge = gauge
    this.#reader = new Reader(settings, log)
  }

  /** Never resolves: rejects by the signal, or with an error that a retry cannot cure. */
  async follow(stop: Stop): Promise<never> {
    const ended = new AbortController()
    try {
      await this.#open(stop)
      void this.#look(stop.soft, ended.signal)
      for (;;) {
        await this.#turn(stop)
        const stalled = this.#reader.stall(this.#course.ends)
        if (stalled && this.#gauge.rehydrating) this.#sayStalled(stalled)
      }
    } finally {
      ended.abort()
      this.#giveUp()
    }
  }

  /** Whether the position reached the ends that the topic had when the trip began. */
  async toEnd(stop: Stop): Promise<boolean> {
    try {
      await this.#open(stop)
      const goal = new Map(this.#course.ends)
      const reached = () =>
        [...goal].every(([partition, end]) => (this.#course.positions.get(partition) ?? 0) >= end)
      while (!reached()) {
        const stalled = this.#reader.stall(goal)
        if (stalled) {
          this.#sayStalled(stalled)
          return false
        }
        if ((await this.#turn(stop)) === 'reopened') {
          goal.clear()
          for (const [partition, end] of this.#course.ends) goal.set(partition, end)
        }
      }
      return true
    } finally {
      this.#giveUp()
    }
  }

  /** One batch. */
  async #turn(stop: Stop): Promise<'moved' | 'reopened'> {
    stop.soft.throwIfAborted()
    let batch: Batch
    try {
      const reading = this.#ahead ?? this.#read(stop.soft)
      this.#ahead = undefined
      batch = await reading.batch
    } catch (error) {
      stop.soft.throwIfAborted()
      if (!isUnknownTopic(error)) throw error
      // The topic was deleted, or recreated with fewer partitions.
      return this.#reopen(stop)
    }
    if (batch.outOfRange.length > 0) return this.#reopen(stop)
    const runs = runsOf(batch)
    if (runs.length > 0) this.#ahead = this.#read(stop.soft)
    if ((await this.#writer.write(runs, stop.hard)) === 'wiped') return this.#reopen(stop)
    this.#sayProgress()
    return (await this.#heed(stop)) ? this.#reopen(stop) : 'moved'
  }

  #read(parent: AbortSignal): Reading {
    const own = eitherSignal(parent)
    const batch = this.#reader.read(this.#course.ends, own.signal).finally(own.done)
    // The drive does not await a read that it cancels: its rejection must not count as unhandled.
    batch.catch(() => undefined)
    return { batch, give: () => own.abort(new DOMException('not needed any more', 'AbortError')) }
  }

  #giveUp(): void {
    this.#ahead?.give()
    this.#ahead = undefined
  }

  async #open({ soft }: Stop): Promise<void> {
    soft.throwIfAborted()
    this.#giveUp()
    this.#sample = undefined
    const at = await this.#course.open(soft)
    this.#writer.forget()
    this.#reader.seek(this.#course.positions)
    this.#gauge.begin(this.#course.positions, this.#course.ends, at)
  }

  async #reopen(stop: Stop): Promise<'reopened'> {
    await this.#open(stop)
    return 'reopened'
  }

  /** Acts on the latest sample. Returns whether the stream must be opened again. */
  async #heed({ hard }: Stop): Promise<boolean> {
    const sample = this.#sample
    this.#sample = undefined
    if (sample === undefined) return false
    if (this.#course.heed(sample, this.#reader.positions)) return true
    this.#reader.raise(this.#course.positions)
    return !(await this.#course.markGrowth(hard))
  }

  /** Takes samples until one of the signals is aborted. */
  async #look(soft: AbortSignal, ended: AbortSignal): Promise<void> {
    const { runtime } = this.#settings
    const { signal, done } = eitherSignal(soft, ended)
    try {
      while (!signal.aborted) {
        await runtime.sleep(LOOK_MS, signal)
        const sample = await this.#course.sample(signal).catch(() => undefined)
        if (sample === undefined || sample.epoch !== this.#course.epoch) continue
        this.#sample = sample
        this.#gauge.sampled(sample.bounds, sample.at)
      }
    } catch {
      // A signal was aborted: no sample is needed any more.
    } finally {
      done()
    }
  }

  #sayProgress(): void {
    const progress = this.#gauge.progress()
    if (progress === undefined) return
    const { records, total, recordsPerSecond, etaMs } = progress
    this.#settings.emit({ type: 'progress', records, total, recordsPerSecond, etaMs })
  }

  #sayStalled({ partition, offset }: { partition: number; offset: number }): void {
    this.#settings.emit({
      type: 'stalled',
      partition,
      offset,
      end: this.#course.ends.get(partition) ?? offset,
    })
    this.#gauge.stalled()
  }
}

function runsOf({ records, next, readAt }: Batch): RecordRun[] {
  const partitions = new Set([...next.keys(), ...records.keys()])
  return [...partitions].map((partition) => {
    const own = records.get(partition) ?? []
    const after = own.length === 0 ? 0 : own.at(-1)!.offset + 1
    return { partition, records: own, next: Math.max(next.get(partition) ?? 0, after), readAt }
  })
}
