/**
 * A write on its way to the log, as a feature that traces sees it: the core neither makes spans nor knows what they are.
 *
 * @module
 */
import type { NewRecord, Position } from '../ports/kafka-log.ts'

/** Makes the records of a write. @param tp a `traceparent` of 55 characters, for messages of the evictions topic */
export type MakeRecords = (tp?: string) => Promise<readonly NewRecord[]>

interface Sending {
  /** What `make` has made, perhaps with headers. */
  readonly records: Promise<readonly NewRecord[]>
  /** Called at once, with what the write resolves with, or rejects with. */
  until(acknowledged: Promise<readonly Position[]>): void
}

/**
 * Called when a write begins. Calls `make` once, at once, and never throws.
 * @param trace of the request that writes, where `cache.for` was given one
 */
export type BeginSending = (topic: string, trace: unknown, make: MakeRecords) => Sending | undefined
