/** An entry of Next.js: as Next.js hands it over, and as the cache holds it. @module */

/** The `CacheEntry` of Next.js 16. */
export interface NextCacheEntry {
  /** Can be read once. */
  value: ReadableStream<Uint8Array>
  /** Without the soft ones, which are of the request and not of the entry. */
  tags: string[]
  /** For the browser, in seconds. */
  stale: number
  /** When Next.js began to make it, in milliseconds since the epoch, by `performance`. */
  timestamp: number
  /** In seconds. */
  expire: number
  /** In seconds. */
  revalidate: number
}

/** An entry whose value is held as bytes. */
export interface HeldEntry extends Omit<Readonly<NextCacheEntry>, 'value' | 'tags'> {
  readonly tags: readonly string[]
  readonly bytes: Uint8Array
}

/** The clock of `timestamp`: it does not follow the wall's when that is set anew. */
export const nextNow = (): number => performance.timeOrigin + performance.now()

/** As long as Next.js' own handler serves an entry: `revalidate`, and none that is made anew for each request. */
export const ttlMsOf = ({ revalidate, expire }: HeldEntry): number =>
  Math.max(0, Math.min(revalidate, expire)) * 1000

/**
 * Reads the entry's value to its end; `undefined` where it is larger than `maxBytes`.
 * @throws what the stream ends with: half a value is half a page.
 */
export async function holdEntry(entry: NextCacheEntry, maxBytes: number): Promise<HeldEntry | undefined> {
  const { value, tags, stale, timestamp, expire, revalidate } = entry
  const reader = value.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined)
      return undefined
    }
    chunks.push(next.value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return { tags: [...tags], stale, timestamp, expire, revalidate, bytes }
}

/** The entry with its own stream over a copy of the bytes: the reader may change them. */
export function releaseEntry({ bytes, tags, ...rest }: HeldEntry): NextCacheEntry {
  const value = new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes.slice())
      controller.close()
    },
  })
  return { ...rest, tags: [...tags], value }
}
