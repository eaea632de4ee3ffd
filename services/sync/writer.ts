/** Writes records into the store, partition by partition, and moves the positions. @module */
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { SinkBatch, SinkOutcome, SinkWrite } from '../../src/ports/sink.ts'
import type { Counters } from './counters.ts'
import type { Checkpoint } from './checkpoint.ts'
import { DeadLetters } from './dead-letters.ts'
import type { Dead } from './dead-letters.ts'
import { compact } from './compact.ts'
import type { Moment, SourcedWrite } from './compact.ts'
import type { LagTracker } from './lag.ts'
import { MovedKeys } from './moved-keys.ts'
import type { SyncSettings } from './settings.ts'
import type { Retry } from './retry.ts'
import { RecordMapper } from './record-mapper.ts'
import { UnusableRecord } from './unusable-record.ts'

/** Records of one partition, and where it stands after them. */
export interface RecordRun {
  readonly partition: number
  readonly records: readonly LogRecord[]
  readonly next: number
  /** The records do not follow the position: it does not move. */
  readonly keepsPosition?: boolean
  readonly readAt: number
}

export interface WriterParts {
  readonly settings: SyncSettings
  readonly counters: Counters
  readonly course: Checkpoint
  readonly store: Retry
  readonly hook: Retry
  readonly gauge: LagTracker
}

/** Partitions that the writer writes concurrently. */
const MOST_AT_ONCE = 8

export class Writer {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #course: Checkpoint
  readonly #store: Retry
  readonly #hook: Retry
  readonly #gauge: LagTracker
  readonly #translator: RecordMapper
  readonly #deadLetters: DeadLetters
  readonly #movedKeys: MovedKeys

  constructor({ settings, counters, course, store, hook, gauge }: WriterParts) {
    this.#settings = settings
    this.#counters = counters
    this.#course = course
    this.#store = store
    this.#hook = hook
    this.#gauge = gauge
    this.#translator = new RecordMapper(settings, counters)
    this.#deadLetters = new DeadLetters(settings, counters)
    this.#movedKeys = new MovedKeys(settings, counters, course)
  }

  /** Forgets remembered rows, before records are read again from earlier positions. */
  forget(): void {
    this.#translator.forget()
    this.#movedKeys.forget()
  }

  /** Writes all runs, and retries until the signal is aborted; or returns that the store was wiped. */
  async write(runs: readonly RecordRun[], signal: AbortSignal): Promise<'written' | 'wiped'> {
    let wiped = false
    const waiting = [...runs]
    const lane = async (): Promise<void> => {
      for (let run = waiting.shift(); run && !wiped; run = waiting.shift())
        if ((await this.run(run, signal)) === 'wiped') wiped = true
    }
    const lanes = Array.from({ length: Math.min(MOST_AT_ONCE, runs.length) }, lane)
    // Every partition ends before the caller begins anything else, also when one has failed.
    for (const result of await Promise.allSettled(lanes))
      if (result.status === 'rejected') throw result.reason
    return wiped ? 'wiped' : 'written'
  }

  /** Writes the run of one partition, a batch at a time. */
  async run(run: RecordRun, signal: AbortSignal): Promise<'written' | 'wiped'> {
    const { maxBatch } = this.#settings
    const { records } = run
    for (let from = 0; from === 0 || from < records.length; from += maxBatch) {
      const part = records.slice(from, from + maxBatch)
      const last = from + maxBatch >= records.length
      const next = last ? run.next : part.at(-1)!.offset + 1
      if ((await this.#batch({ ...run, records: part, next }, signal)) === 'wiped') return 'wiped'
    }
    return 'written'
  }

  async #batch(run: RecordRun, signal: AbortSignal): Promise<'written' | 'wiped'> {
    const { partition, records, keepsPosition = false } = run
    const { writes, dead } = await this.#translate(records)
    for (const write of writes) if (write.byOffset) this.#movedKeys.meet(write)
    const folded = compact(writes)
    const position = this.#course.positions.get(partition) ?? 0
    const next = keepsPosition ? position : run.next
    // The dead letters are written before the position moves beyond them.
    await this.#deadLetters.take(dead, signal)
    const batch = { epoch: this.#course.epoch, partition, next }
    const { runtime } = this.#settings
    const since = runtime.monotonic()
    const outcome = await this.#writeAndTell(batch, folded, position, signal)
    const durationMs = Math.max(0, runtime.monotonic() - since)
    if (outcome.outcome === 'wiped') return 'wiped'
    this.#course.positions.set(partition, Math.max(next, position))
    this.#count(records, outcome, writes.length - folded.length)
    if (!keepsPosition) this.#gauge.moved(partition, next, run.readAt, records.at(-1)?.timestamp)
    this.#settings.emit({ type: 'batch', partition, records: records.length, next, durationMs })
    await this.#deadLetters.take(refusedOf(outcome, folded), signal)
    return 'written'
  }

  /** With a hook, the position moves only after the hook: after a crash the next sync calls it again. */
  async #writeAndTell(
    batch: Omit<SinkBatch, 'writes'>,
    folded: readonly SourcedWrite[],
    position: number,
    signal: AbortSignal,
  ): Promise<SinkOutcome> {
    const { onWritten } = this.#settings
    if (onWritten === undefined || folded.length === 0) return this.#write(batch, folded, signal)
    const outcome = await this.#write({ ...batch, next: position }, folded, signal)
    if (outcome.outcome === 'wiped') return outcome
    const refused = new Set(outcome.refused.map(({ index }) => index))
    const written = folded
      .filter((_, index) => !refused.has(index))
      .map(({ write: { key }, meant }) => ({ key, record: meant }))
    if (written.length > 0)
      await this.#hook.until(async (inner) => onWritten(written, { signal: inner }), signal)
    if (batch.next === position) return outcome
    const moved = await this.#write(batch, [], signal)
    return { ...outcome, outcome: moved.outcome }
  }

  /** A retry does not restart the time to live: a store may be down for longer than that. */
  #write(
    batch: Omit<SinkBatch, 'writes'>,
    folded: readonly SourcedWrite[],
    signal: AbortSignal,
  ): Promise<SinkOutcome> {
    const { sink, stream, ttlFrom } = this.#settings
    const attempt = (inner: AbortSignal) => {
      const now = this.#now()
      const writes = folded.map(({ write, mappedAt }) =>
        older(write, ttlFrom === 'write' ? 0 : ageOf(mappedAt, now)),
      )
      return sink.write(stream, { ...batch, writes }, { signal: inner })
    }
    return this.#store.until(attempt, signal)
  }

  async #translate(records: readonly LogRecord[]): Promise<{ writes: SourcedWrite[]; dead: Dead[] }> {
    const writes: SourcedWrite[] = []
    const dead: Dead[] = []
    for (const record of records) {
      const translated = await this.#translator.translate(record)
      const mappedAt = this.#now()
      if (translated.length === 0) this.#counters.skipped++
      for (const said of translated) {
        if (!(said instanceof UnusableRecord)) writes.push({ ...said, record, mappedAt })
        // One dead letter for each record is enough.
        else if (dead.at(-1)?.record !== record) dead.push({ record, why: said })
      }
    }
    return { writes, dead }
  }

  #now(): Moment {
    const { runtime } = this.#settings
    return { wall: runtime.now(), monotonic: runtime.monotonic() }
  }

  #count(records: readonly LogRecord[], outcome: SinkOutcome, folded: number): void {
    const counters = this.#counters
    counters.batches++
    counters.records += records.length
    for (const { key, value } of records) counters.bytes += (key?.length ?? 0) + (value?.length ?? 0)
    counters.written += outcome.written
    counters.superseded += outcome.superseded
    counters.folded += folded
  }
}

function refusedOf(outcome: SinkOutcome, writes: readonly SourcedWrite[]): Dead[] {
  return outcome.refused.flatMap(({ index, reason }) => {
    const record = writes[index]?.record
    return record
      ? [{ record, why: new UnusableRecord('refused', `the store does not take it: ${reason}`) }]
      : []
  })
}

/** The larger of what both clocks say: the monotonic one may stand still while the process is frozen. */
const ageOf = (then: Moment, now: Moment): number =>
  Math.max(0, now.wall - then.wall, now.monotonic - then.monotonic)

/** A write that has expired by now deletes its key. */
function older(write: SinkWrite, ageMs: number): SinkWrite {
  if (write.ttlMs === undefined || ageMs === 0) return write
  const ttlMs = write.ttlMs - ageMs
  return ttlMs > 0 ? { ...write, ttlMs } : { ...write, value: null, ttlMs: undefined }
}
