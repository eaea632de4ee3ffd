/** The methods of a Workers KV binding that the tier calls. @module */

export interface KVItemLike {
  readonly value: string | null
  readonly metadata: unknown
}

/** A `KVNamespace`, as `env` has it. */
export interface KVNamespaceLike {
  /** The bulk read: at most 100 keys. */
  getWithMetadata(
    keys: string[],
    options: { type: 'text'; cacheTtl: number },
  ): Promise<ReadonlyMap<string, KVItemLike | null>>
  put(key: string, value: string, options: { expirationTtl: number; metadata: unknown }): Promise<void>
  delete(key: string): Promise<void>
}
