/**
 * kedge: a distributed cache whose invalidation log is Kafka, reached over HTTP only.
 *
 * @module
 */
export { createCache } from './cache.ts'
export type { Codec } from './wire/codec.ts'
export { isKedgeError, KedgeError } from './ports/errors.ts'
export type { KedgeErrorCode, KedgeErrorOptions } from './ports/errors.ts'
export type {
  EventListener,
  KedgeEvent,
  SlowPollOption,
  TierOperation,
  UnansweredReason,
} from './api/events.ts'
export type { DropReason, ReanchorReason, RefuseReason } from './api/reasons.ts'
export type {
  CallOptions,
  KafkaLog,
  LogCapabilities,
  LogHeader,
  LogRecord,
  NewRecord,
  OffsetsOptions,
  PartitionOffsets,
  Position,
  ReadOptions as LogReadOptions,
  ReadResult,
} from './ports/kafka-log.ts'
export type { BreakerState } from './runtime/circuit-breaker.ts'
export type { CacheOptions, NamespaceOptions, TopicNames } from './api/options.ts'
export type { Schema, SchemaResult } from './api/schema.ts'
export { systemRuntime } from './ports/runtime.ts'
export type { Runtime } from './ports/runtime.ts'
export type {
  AppliedPosition,
  Tier,
  TierAnswer,
  TierApplier,
  TierBatch,
  TierEviction,
  TierItem,
  TierPlace,
  TierWrite,
} from './ports/tier.ts'
export { joinTokens } from './wire/token.ts'
export type { Token } from './wire/token.ts'
export type { Cache, CacheScope, CacheStats, FollowOptions, Freshness } from './api/cache-types.ts'
export type { DeleteOptions, SetOptions, WriteOptions } from './api/write-types.ts'
export type {
  Call,
  Evicted,
  Feature,
  FeatureHooks,
  FeatureHost,
  FeatureNamespace,
  FeatureScope,
  Held,
  HeldValue,
  SourceContext,
} from './api/feature.ts'
export type { Duration } from './runtime/duration.ts'
export type {
  Entry,
  EntryState,
  ReadOptions,
  RequestContext,
  ScopeOptions,
  ScopeRead,
} from './api/read-types.ts'
export type {
  Lifetime,
  LoadContext,
  LoadedMany,
  Loader,
  LoadManyContext,
  LoadOptions,
  ManyLoader,
} from './api/load-types.ts'
export type { Namespace } from './api/namespace-types.ts'
