/** Writes records that the caller has read. @module */
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { SyncStats } from './counters.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { SyncSettings } from './settings.ts'
import { withStop } from '../../src/runtime/graceful-stop.ts'
import type { Writer } from './writer.ts'

/** The first record of a partition that was not written. */
export interface FailedRecord {
  readonly partition: number
  readonly offset: number
  readonly error: unknown
}

export interface Applied {
  /** Records that were written, or went to the dead letters. */
  readonly records: number
  /** At most one for each partition: the caller must give this record and the later ones again. */
  readonly failed: readonly FailedRecord[]
  /** The store did not know the stream, and holds these records alone: a `step` brings it the others. */
  readonly began: boolean
}

interface Parts {
  readonly settings: SyncSettings
  readonly course: Checkpoint
  readonly writer: Writer
  readonly counters: SyncStats
}

interface Limits {
  readonly signal: AbortSignal | undefined
  readonly budgetMs: number
}

export async function applied(parts: Parts, records: readonly LogRecord[], limits: Limits): Promise<Applied> {
  const { settings, counters } = parts
  const left = byPartition(records)
  const before = { records: counters.records, begins: counters.begins }
  let error: unknown
  await withStop(settings.runtime, { ...limits, graceMs: 0 }, ({ hard }) => write(parts, left, hard)).catch(
    (failure: unknown) => (error = failure),
  )
  limits.signal?.throwIfAborted()
  const failed = [...left].map(([partition, own]) => ({ partition, offset: own[0]!.offset, error }))
  return { records: counters.records - before.records, failed, began: counters.begins > before.begins }
}

/** Writes the partitions, and removes the written ones from `left`. */
async function write(
  { settings, course, writer }: Parts,
  left: Map<number, LogRecord[]>,
  signal: AbortSignal,
): Promise<void> {
  for (let lap = 0; left.size > 0; lap++) {
    if (course.epoch === '' || lap > 0) await course.join(signal)
    // Another call may have remembered rows of later records, which would outrank these.
    writer.forget()
    for (const [partition, records] of left) {
      const position = course.positions.get(partition) ?? 0
      const run = {
        partition,
        records,
        next: records.at(-1)!.offset + 1,
        keepsPosition: records[0]!.offset > position,
        readAt: settings.runtime.monotonic(),
      }
      if ((await writer.run(run, signal)) === 'wiped') break
      left.delete(partition)
    }
  }
}

/** Ascending, and each once. */
function byPartition(records: readonly LogRecord[]): Map<number, LogRecord[]> {
  const all = new Map<number, LogRecord[]>()
  for (const record of records.toSorted((a, b) => a.offset - b.offset)) {
    const known = all.get(record.partition)
    if (known?.at(-1)?.offset === record.offset) continue
    if (known) known.push(record)
    else all.set(record.partition, [record])
  }
  return all
}
