/** Which namespaces a feature takes part in. @module */
import { must } from './option-check.ts'
import type { OptionTest } from './option-check.ts'
import { callback, texts, truth } from './option-schemas.ts'

/** Names of namespaces, or a function of the name. */
export type NamespaceFilter = readonly string[] | ((namespace: string) => boolean)

const isFilter = (value: unknown): boolean => texts(value) === undefined || callback(value) === undefined

/** What a {@link NamespaceFilter} must be. */
export const namespaces: OptionTest = must(isFilter, 'must be names, or a function of a name')
export const truthOrNamespaces: OptionTest = must(
  (value) => truth(value) === undefined || isFilter(value),
  'must be true, false, names, or a function of a name',
)

export function namespaceFilter(filter: NamespaceFilter | undefined): (namespace: string) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const names = new Set(filter)
  return (namespace) => names.has(namespace)
}
