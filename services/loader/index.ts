/**
 * `kedge/loader`: a service that loads what isolates miss, each key once however many ask.
 *
 * @module
 */
export type { DroppedReason, LoaderEvent } from './events.ts'
export { recordsOfLambda } from './lambda.ts'
export type { AnyLoaderDefinition, LoaderDefinition, LoaderOptions, Loaders } from './options.ts'
export { createLoader } from './service.ts'
export type {
  LoaderHealth,
  LoaderService,
  LoadRequestsOptions,
  LoadResult,
  RunOptions,
  StepOptions,
} from './types.ts'
export type { RequestOutcome } from './queue.ts'
export type { LoaderLag, LoaderStats } from './stats.ts'
