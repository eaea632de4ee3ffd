/**
 * `kedge/lambda`: kedge in AWS Lambda functions, behind HTTP, behind a topic, and in handlers of one's own.
 *
 * @module
 */
export { type FetchApp, type LambdaHandler, lambdaHandler, type LambdaHandlerOptions } from './lambda/http.ts'
export type { LambdaAnswer } from './lambda/http-answer.ts'
export type { InvocationOptions, LambdaContext } from './lambda/invocation.ts'
export {
  type FailedAt,
  type KafkaHandler,
  kafkaHandler,
  type KafkaHandlerEvent,
  type KafkaHandlerOptions,
  type KafkaHandlerStats,
  type TopicInvocation,
  type TopicTaker,
} from './lambda/kafka.ts'
export {
  type KafkaEvent,
  type KafkaEventRecord,
  type KafkaHeader,
  type PoisonRecord,
  readKafkaEvent,
} from './lambda/kafka-event.ts'
export { applyEvictions, applyUpdates, persistWrites, serveRequests, verified } from './lambda/topics.ts'
export { type WithCache, withCache, type WithCacheOptions, withStreamingCache } from './lambda/with-cache.ts'
