/**
 * Everything of `kedge/worker` but what it adds to Hono's own types (decision 79).
 *
 * @module
 */
export { createApp } from './app.ts'
export type { AuditEntry, AuditOptions } from './audit-options.ts'
export { auditLines, type AuditLinesOptions, auditTopic, type AuditTopicOptions } from './audit-sinks.ts'
export { type Authorizer, type Bearer, bearerAuth, type BearerTokens, openToAll, type Scope } from './auth.ts'
export type { BulkOptions } from './bulk/bulk-options.ts'
export { cacheStatusHeaders } from './cache-status.ts'
export type { AppOptions } from './app-options.ts'
export { beat } from './heartbeat.ts'
export {
  type LoaderHandlers,
  loaderHandlers,
  type LoaderHandlersOptions,
  type RequestBatch,
} from './loader.ts'
export {
  kedge,
  type KedgeEnv,
  type KedgeMiddlewareOptions,
  TOKEN_NAME,
  type TokenCookieOptions,
} from './middleware.ts'
export { openApiDocument } from './openapi.ts'
export { httpOrigin, type Origin, type OriginOptions, type OriginValue, OriginWriteError } from './origin.ts'
export type { AnsweredRequest, RequestMetrics } from './request-metrics.ts'
export { Problem, type ProblemOptions, type ProblemStatus, type WorkerProblemCode } from './problem.ts'
