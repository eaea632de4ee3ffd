/** The items of a tier in Workers KV. @module */
import { decodeUtf8, encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { TierItem, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import { fromBase64, toBase64 } from '../../kafka/rest/base64.ts'
import { inGroups } from '../shared/concurrency.ts'
import { decodeHead, encodeHead, type ItemHead, takesPlaceOf } from '../shared/item-head.ts'
import { itemName } from '../shared/item-name.ts'
import { printable } from '../../kafka/rest/problem.ts'
import type { KVItemLike, KVNamespaceLike } from './namespace.ts'

/** Cloudflare's limits of Workers KV: keys and bytes of a bulk read, bytes of metadata, seconds to live. */
const MAX_KEYS = 100
const MAX_READ_BYTES = 26_214_400
const MAX_METADATA_BYTES = 1024
const MIN_TTL_S = 60
/** Connections that a Worker may have open at once. */
const CONNECTIONS = 6

export interface KvLayout {
  readonly prefix: string
  /** Seconds. */
  readonly cacheTtl: number
  readonly maxValueBytes: number
}

export class KvItems {
  readonly #namespace: KVNamespaceLike
  readonly #layout: KvLayout
  /** Few enough that KV does not refuse a bulk read of the largest values, in base64. */
  readonly #keysAtOnce: number
  #ignored = 0

  constructor(namespace: KVNamespaceLike, layout: KvLayout) {
    this.#namespace = namespace
    this.#layout = layout
    const most = Math.floor(MAX_READ_BYTES / (Math.ceil(layout.maxValueBytes / 3) * 4 + 1))
    this.#keysAtOnce = Math.max(1, Math.min(MAX_KEYS, most))
  }

  get ignored(): number {
    return this.#ignored
  }

  async get(
    place: TierPlace,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TierItem>> {
    const found = new Map<string, TierItem>()
    for (const [key, { head, item }] of await this.#look(place, keys, signal)) {
      const bytes = decodeValue(item.value)
      if (bytes) found.set(key, { bytes, asOf: head.asOf, covered: false })
      else this.#ignored++
    }
    return found
  }

  async set(place: TierPlace, writes: readonly TierWrite[], signal: AbortSignal): Promise<void> {
    const { maxValueBytes } = this.#layout
    const fit = writes.filter(
      ({ bytes, ttlMs }) => ttlMs >= MIN_TTL_S * 1000 && bytes.length <= maxValueBytes,
    )
    const there = await this.#look(
      place,
      fit.map(({ key }) => key),
      signal,
    )
    const wanted = fit.filter((write) => takesPlaceOf(write, place.logId, there.get(write.key)?.head))
    await inGroups(wanted, CONNECTIONS, signal, async ({ key, bytes, asOf, version, ttlMs }) => {
      const metadata = encodeHead({ asOf, version, logId: place.logId })
      // In quotes, as JSON. A log whose name is that long has no tier here.
      if (JSON.stringify(metadata).length > MAX_METADATA_BYTES) return
      const options = { expirationTtl: Math.ceil(ttlMs / 1000), metadata }
      const name = await itemName(this.#layout.prefix, place.namespace, key)
      await answered(this.#namespace.put(name, encodeValue(bytes), options))
    })
  }

  async remove(
    place: TierPlace,
    keys: readonly string[],
    offset: number,
    signal: AbortSignal,
  ): Promise<void> {
    const there = await this.#look(place, keys, signal)
    const old = [...there.values()].filter(({ head }) => head.asOf <= offset)
    await inGroups(old, CONNECTIONS, signal, ({ name }) => answered(this.#namespace.delete(name)))
  }

  async #look({ namespace }: TierPlace, keys: readonly string[], signal: AbortSignal) {
    const found = new Map<string, { name: string; head: ItemHead; item: KVItemLike }>()
    const named = new Map<string, string>()
    for (const key of keys) named.set(await itemName(this.#layout.prefix, namespace, key), key)
    const names = [...named.keys()]
    const { cacheTtl } = this.#layout
    for (let at = 0; at < names.length; at += this.#keysAtOnce) {
      signal.throwIfAborted()
      const asked = names.slice(at, at + this.#keysAtOnce)
      const items = await answered(this.#namespace.getWithMetadata(asked, { type: 'text', cacheTtl }))
      for (const name of asked) {
        const item = items.get(name)
        if (item === undefined || item === null || item.value === null) continue
        const head = decodeHead(item.metadata)
        if (head) found.set(named.get(name)!, { name, head, item })
        else this.#ignored++
      }
    }
    return found
  }
}

/** Bulk reads return text alone. What is not UTF-8, because it is compressed, goes as base64. */
function encodeValue(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes)
  return text === undefined ? `b${toBase64(bytes)}` : `t${text}`
}

function decodeValue(value: string | null): Uint8Array | undefined {
  if (value?.startsWith('t')) return encodeUtf8(value.slice(1))
  return value?.startsWith('b') ? fromBase64(value.slice(1)) : undefined
}

/** @throws KedgeError where KV does not answer, or refuses: `KV PUT failed: 429 Too Many Requests`. */
async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const said = printable(error instanceof Error ? error.message : 'it failed')
    const code = /\b429\b/.test(said) ? 'ERR_RATE_LIMITED' : 'ERR_NETWORK'
    throw new KedgeError(code, `no answer from Workers KV: ${said}`, {
      cause: new Error(said),
      retryable: true,
    })
  }
}
