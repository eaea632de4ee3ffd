/**
 * `kedge/write-paths`: writes of rows through the cache, and of many values at once.
 *
 * @module
 */
export { setMany } from './set-many.ts'
export type { SetManyOptions } from './set-many.ts'
export { writeBehind } from './write-behind.ts'
export type { WriteBehindOptions } from './write-behind.ts'
export { writeIntents } from './intents-feature.ts'
export type { WriteIntentsOptions } from './intents-feature.ts'
export { writeThrough } from './write-through.ts'
export type { StoreContext, StoreWrite, WriteThroughOptions } from './write-through.ts'
export type { NamespaceFilter } from '../api/namespace-filter.ts'
