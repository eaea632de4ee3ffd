/** Which namespaces a feature takes part in. @module */
import { must } from './option-check.ts'
import type { OptionTest } from './option-check.ts'
import { isFunction, isTexts } from './option-tests.ts'

/** Names of namespaces, or a function of the name. */
export type NamespaceFilter = readonly string[] | ((namespace: string) => boolean)

const isFilter = (value: unknown): boolean => isTexts(value) || isFunction(value)

/** What a {@link NamespaceFilter} must be. */
export const namespaces: OptionTest = must(isFilter, 'must be names, or a function of a name')
export const truthOrNamespaces: OptionTest = must(
  (value) => typeof value === 'boolean' || isFilter(value),
  'must be true, false, names, or a function of a name',
)

export function namespaceFilter(filter: NamespaceFilter | undefined): (namespace: string) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const names = new Set(filter)
  return (namespace) => names.has(namespace)
}
