/**
 * Record keys: of which namespace and key a record is, where the topic is compacted or its value says nothing.
 *
 * @module
 */

/** The key of an update's record: the namespace's name, `/`, the key. Names have no `/`. */
export const updateRecordKey = (namespace: string, key: string): string => `${namespace}/${key}`

/** The key of a record with the values of a domain. Names have no `#`: it is no key of a single value. */
export const domainRecordKey = (namespace: string, domain: string): string => `${namespace}#${domain}`

/** Namespace and key of an update's record; `undefined` where its key is not of {@link updateRecordKey}. */
export function splitRecordKey(
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): { namespace: string; key: string } | undefined {
  const slash = recordKey?.indexOf('/') ?? -1
  if (recordKey === undefined || slash <= 0 || slash === recordKey.length - 1) return undefined
  const namespace = recordKey.slice(0, slash)
  return isNamespace(namespace) ? { namespace, key: recordKey.slice(slash + 1) } : undefined
}

/**
 * Whether an update stands under the record key of its entry, or under none. Compaction would never remove one that does
 * not: a later value of the entry, and its deletion, have another key.
 */
export const isUnderKeyOf = (recordKey: string | undefined, entryKey: string): boolean =>
  recordKey === undefined || recordKey === entryKey

/**
 * The namespace that the record key of a simple message names. A message that names none concerns its keys in every
 * namespace: which of them was meant cannot be known, and dropping a value is always safe.
 */
export function routeOf(
  keys: readonly string[],
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): string | undefined {
  return recordKey !== undefined && !keys.includes(recordKey) && isNamespace(recordKey)
    ? recordKey
    : undefined
}
