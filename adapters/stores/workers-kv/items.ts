/** The items of a tier in Workers KV: bulk reads, and a put or a delete for each. @module */
import { decodeUtf8, encodeUtf8 } from '../../../src/wire/codec.ts'
import { fromBase64, toBase64 } from '../../kafka/rest/base64.ts'
import { inGroups } from '../shared/concurrency.ts'
import { decodeHead, encodeHead } from '../shared/item-head.ts'
import { answered } from '../shared/platform-call.ts'
import type { FoundItem, ItemSession, ItemWrite } from '../shared/tier-of-items.ts'
import type { KVNamespaceLike } from './namespace.ts'

/** Cloudflare's limits of Workers KV: keys and bytes of a bulk read, bytes of metadata, seconds to live. */
const MAX_KEYS = 100
const MAX_READ_BYTES = 26_214_400
const MAX_METADATA_BYTES = 1024
export const MIN_TTL_S = 60
/** Connections that a Worker may have open at once. */
const CONNECTIONS = 6

const KV = 'Workers KV'

export interface KvLayout {
  /** Seconds. */
  readonly cacheTtl: number
  readonly maxValueBytes: number
}

export class KvSession implements ItemSession {
  readonly #namespace: KVNamespaceLike
  readonly #layout: KvLayout
  readonly #signal: AbortSignal

  constructor(namespace: KVNamespaceLike, layout: KvLayout, signal: AbortSignal) {
    this.#namespace = namespace
    this.#layout = layout
    this.#signal = signal
  }

  async look(names: readonly string[]): Promise<ReadonlyMap<string, FoundItem>> {
    const found = new Map<string, FoundItem>()
    const { cacheTtl, maxValueBytes } = this.#layout
    // Few enough that KV does not refuse a bulk read of the largest values, in base64.
    const fit = Math.floor(MAX_READ_BYTES / (Math.ceil(maxValueBytes / 3) * 4 + 1))
    const atOnce = Math.max(1, Math.min(MAX_KEYS, fit))
    for (let at = 0; at < names.length; at += atOnce) {
      this.#signal.throwIfAborted()
      const asked = names.slice(at, at + atOnce)
      const items = await answered(KV, this.#namespace.getWithMetadata(asked, { type: 'text', cacheTtl }))
      for (const name of asked) {
        const item = items.get(name)
        if (item === undefined || item === null || item.value === null) continue
        found.set(name, { head: decodeHead(item.metadata), bytes: decodeValue(item.value) })
      }
    }
    return found
  }

  async put(writes: readonly ItemWrite[]): Promise<readonly ItemWrite[]> {
    await inGroups(writes, CONNECTIONS, this.#signal, async ({ name, head, thing }) => {
      const metadata = encodeHead(head)
      // In quotes, as JSON. A log whose name is that long has no tier here.
      if (JSON.stringify(metadata).length > MAX_METADATA_BYTES) return
      const options = { expirationTtl: Math.ceil(thing.ttlMs / 1000), metadata }
      await answered(KV, this.#namespace.put(name, encodeValue(thing.bytes), options))
    })
    return []
  }

  async remove(items: readonly { readonly name: string }[]): Promise<void> {
    await inGroups(items, CONNECTIONS, this.#signal, ({ name }) => answered(KV, this.#namespace.delete(name)))
  }
}

/** Bulk reads return text alone. What is not UTF-8, because it is compressed, goes as base64. */
function encodeValue(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes)
  return text === undefined ? `b${toBase64(bytes)}` : `t${text}`
}

function decodeValue(value: string): Uint8Array | undefined {
  if (value.startsWith('t')) return encodeUtf8(value.slice(1))
  return value.startsWith('b') ? fromBase64(value.slice(1)) : undefined
}
