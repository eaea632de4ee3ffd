/**
 * `kedge/testing`: what tests of kedge, and of code that uses it, are made with.
 *
 * @module
 */
export { fakeRuntime } from './fake-runtime.ts'
export type { FakeRuntime, FakeRuntimeOptions } from './fake-runtime.ts'
export { logSuite } from './log-suite.ts'
export type { Assertion, LogSuiteOptions, LogUnderTest } from './log-suite.ts'
export { memory } from './memory.ts'
export type { FaultOptions, LogOperation, MemoryKafka, MemoryOptions } from './memory.ts'
export { MemoryLog } from './memory-log.ts'
export type {
  Isolation,
  MemoryLogOptions,
  MemoryOffsets,
  MemoryRecord,
  MemoryTransaction,
  TopicDescription,
} from './memory-log.ts'
export { memorySink } from './memory-sink.ts'
export type { MemorySink, MemorySinkOptions, SinkFaultOptions, SinkOperation } from './memory-sink.ts'
export { MemoryStore } from './memory-store.ts'
export { memoryTier } from './memory-tier.ts'
export type { MemoryTier, MemoryTierOptions, TierFaultOptions, TierOperation } from './memory-tier.ts'
export { MemoryTierStore } from './memory-tier-store.ts'
export { seededRandom } from './seeded-random.ts'
export { sinkSuite } from './sink-suite.ts'
export type { SinkSuiteOptions, SinkUnderTest } from './sink-suite.ts'
export { tierSuite } from './tier-suite.ts'
export type { TierSuiteOptions } from './tier-suite.ts'
export type { TierUnderTest } from './tier-suite/bench.ts'
