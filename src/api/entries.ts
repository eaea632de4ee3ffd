/** Values by key, as callers may give them. @module */
import type { LoadedMany } from './load-types.ts'

/** @throws TypeError for a list, whose keys would be numbers. */
export function entriesOf<T>(entries: LoadedMany<T>): ReadonlyMap<string, T> {
  if (entries instanceof Map) return entries
  if (Array.isArray(entries)) throw new TypeError('values by key must be a Map or an object, not a list')
  return new Map(Object.entries(entries) as [string, T][])
}

/** Those of the keys that were found, in their order. */
export const inOrder = <T>(keys: readonly string[], found: ReadonlyMap<string, T>): Map<string, T> =>
  new Map(keys.flatMap((key) => (found.has(key) ? [[key, found.get(key) as T]] : [])))
