/** Which namespaces a feature takes part in. @module */

/** Names of namespaces, or a function of the name. */
export type NamespaceFilter = readonly string[] | ((namespace: string) => boolean)

export function namespaceFilter(filter: NamespaceFilter | undefined): (namespace: string) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const names = new Set(filter)
  return (namespace) => names.has(namespace)
}
