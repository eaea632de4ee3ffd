/**
 * kedge: a distributed cache whose invalidation log is Kafka, reached over HTTP only.
 *
 * @module
 */
export { createCache } from './cache.ts'
export type { Codec } from './codec.ts'
export { isKedgeError, KedgeError } from './errors.ts'
export type { KedgeErrorCode, KedgeErrorOptions } from './errors.ts'
export type {
  DropReason,
  KedgeEvent,
  ReanchorReason,
  SlowPollOption,
  RefuseReason,
  TierOperation,
  UnansweredReason,
} from './events.ts'
export type {
  CallOptions,
  KafkaLog,
  LogCapabilities,
  LogRecord,
  NewRecord,
  OffsetsOptions,
  PartitionOffsets,
  Position,
  ReadOptions as LogReadOptions,
  ReadResult,
} from './log.ts'
export type {
  BeatMessage,
  ClearMessage,
  DeleteMessage,
  EvictMessage,
  IntentMessage,
  Message,
  PutMessage,
  RequestMessage,
} from './messages.ts'
export { readGroup } from './domain-message.ts'
export type { PutsMessage } from './domain-message.ts'
export type { BreakerState } from './breaker.ts'
export { readEviction, readRequest, readUpdate } from './messages.ts'
export type { Arrived, ArrivedDrop, ArrivedValue, Eviction, Intent } from './messages.ts'
export type { CacheOptions, NamespaceOptions, TierBreakerOptions, TopicNames } from './options.ts'
export { systemRuntime } from './runtime.ts'
export type { Runtime } from './runtime.ts'
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
} from './tier.ts'
export { joinTokens } from './token.ts'
export type { Token } from './token.ts'
export type {
  Cache,
  CacheScope,
  CacheStats,
  DeleteOptions,
  Duration,
  Entry,
  EntryState,
  FollowOptions,
  Freshness,
  Lifetime,
  LoadContext,
  LoadedMany,
  Loader,
  LoadManyContext,
  LoadOptions,
  ManyLoader,
  Namespace,
  PrewarmOptions,
  PrewarmResult,
  ReadOptions,
  RequestContext,
  ScopeOptions,
  ScopeRead,
  SetManyOptions,
  SetOptions,
  StoreContext,
  StoreWrite,
  WriteBehindOptions,
  WriteOptions,
  WriteThroughOptions,
} from './types.ts'
export { readWrite } from './write-message.ts'
export type { WriteMessage } from './write-message.ts'
