/** Values by key, as callers may give them. @module */
import type { LoadedMany } from './load-types.ts'

export const entriesOf = <T>(entries: LoadedMany<T>): ReadonlyMap<string, T> =>
  entries instanceof Map ? entries : new Map(Object.entries(entries) as [string, T][])
