/**
 * `kedge/sync`: a topic becomes a fast lookup store.
 *
 * @module
 */
export type { Applied, FailedRecord } from './external-consumer.ts'
export type { SyncStats } from './counters.ts'
export type { DeadLetter } from './dead-letters.ts'
export type { RecordPlace, SyncEvent, SyncListener, UnusableReason, TimeField, TimeUnit } from './events.ts'
export type { SyncLag } from './lag.ts'
export { kafkaEventRecords } from '../../adapters/events/lambda-event.ts'
export { partialBatchResponse } from './lambda.ts'
export type { PartialBatchResponse } from './lambda.ts'
export type { SyncFormat, SyncOptions, SyncRecord, Written } from './options.ts'
export { lagPace } from './backpressure.ts'
export type { LagPaceOptions, Pace } from './backpressure.ts'
export { createSync } from './sync.ts'
export type { NotReady, RunOptions, StepOptions, StepResult, Sync, ToEndOptions } from './sync.ts'
export { createTierFollower } from './tier-follower.ts'
export type {
  BeginReason,
  TierFollower,
  TierFollowerEvent,
  TierFollowerOptions,
  TierFollowerStats,
  TierLag,
  TierStep,
} from './tier-follower-options.ts'
export type {
  BeginOptions,
  Sink,
  SinkBatch,
  SinkOutcome,
  SinkState,
  SinkVersion,
  SinkWrite,
  StateOptions,
} from '../../src/ports/sink.ts'
