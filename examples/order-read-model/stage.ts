/**
 * A stage between two topics: reads one of them by offset, makes records of its records, appends them to the other,
 * and only then moves its position.
 *
 * Every record goes through at least once: a process that dies between the last two steps does one batch
 * again when it comes back. The records made here are repeated then, and the last reader must allow for that
 * (`views.ts` compares revisions). A stage holds one batch at a time.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isKedgeError, type KafkaLog, type LogRecord, type NewRecord, type Position } from 'kedge'
import type { Positions } from './positions.ts'

export interface Stage {
  /** Its positions are kept under it. */
  readonly name: string
  readonly from: string
  readonly to: string
  /** What a record becomes; nothing where it cannot be used. */
  readonly each: (record: LogRecord) => Promise<NewRecord | undefined>
}

export interface StageParts {
  readonly kafka: KafkaLog
  readonly positions: Positions
  /** Resolves by it alone. */
  readonly signal: AbortSignal
}

const LONGEST_PAUSE_MS = 5000

/** Runs until the signal. Repeats a step that fails for now; rejects where a repetition would fail, too. */
export async function runStage(stage: Stage, { kafka, positions, signal }: StageParts): Promise<void> {
  const { name, from, to, each } = stage
  const options = { maxBytes: 500_000, waitMs: 5000, isolation: 'committed', signal } as const
  for (let failures = 0; !signal.aborted;) {
    try {
      const { logId, positions: kept } = await begin(kafka, from, await positions.load(name), signal)
      for (let at = kept; ;) {
        const { records, next, outOfRange } = await kafka.read(from, at, options)
        // Retention has deleted records since: the beginning is another one now.
        if (outOfRange.length > 0) break
        const made: NewRecord[] = []
        for (const record of records) {
          const became = await each(record)
          // Named, not left to a hash: as the order had it before.
          if (became) made.push({ ...became, partition: record.partition })
        }
        if (made.length > 0) await kafka.produce(to, made, { signal })
        if (records.length > 0) await positions.save(name, { logId, positions: next })
        at = [...next]
        failures = 0
      }
    } catch (error) {
      if (signal.aborted) return
      if (isKedgeError(error) && !error.retryable) throw error
      const pause = Math.min(100 * 2 ** failures++, LONGEST_PAUSE_MS)
      console.warn(`${name} tries again in ${pause} ms: ${String(error)}`)
      await sleep(pause, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Where to go on: at what was kept, if it is of this very topic and still there, else at the beginning. */
async function begin(
  kafka: KafkaLog,
  topic: string,
  kept: Awaited<ReturnType<Positions['load']>>,
  signal: AbortSignal,
): Promise<{ logId: string; positions: Position[] }> {
  const bounds = await kafka.offsets(topic, { signal })
  const logId = bounds[0]?.logId ?? ''
  const known = new Map(
    kept?.logId === logId ? kept.positions.map(({ partition, offset }) => [partition, offset]) : [],
  )
  return {
    logId,
    positions: bounds.map(({ partition, beginning, end }) => {
      const offset = known.get(partition) ?? beginning
      return { partition, offset: offset < beginning || offset > end ? beginning : offset }
    }),
  }
}
