/**
 * Whether a path was revalidated since an entry was made.
 *
 * Next.js gives every path its own tags ("soft" tags), and an entry does not carry them: all paths read the
 * entry that one path made. So this module puts a path's tags into groups, and each group has a mark: a value
 * in the cache that every eviction of the group drops, from any process, and that the handler then sets again
 * with a higher turn. The handler keeps an entry under the highest turn among the marks of the request that
 * made it. A request that finds an entry under the highest turn of its own marks knows that all of these
 * marks existed before the entry was made, and still exist: none of the request's tags was evicted since.
 *
 * Two tags may share a group: an eviction of one then costs the paths of the other a miss, and no eviction is
 * lost.
 *
 * @module
 */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { MAX_DURATION_MS } from '../../../src/runtime/duration.ts'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import type { Namespace } from '../../../src/api/namespace-types.ts'

export interface SoftTag {
  readonly tags: readonly [group: string]
  readonly turn: number
}

/** How the tags of paths begin: Next.js 16, `NEXT_CACHE_IMPLICIT_TAG_ID`. */
const PATH = '_N_T_'
const GROUPS = 256

const group = (of: number): string => `path:${of}`
const ALL: readonly string[] = Array.from({ length: GROUPS }, (_, of) => group(of))
const groupOf = (tag: string): string => group(partitionOf(encodeUtf8(tag), GROUPS))

/** The groups that are evicted with these tags. */
export const groupsOf = (tags: readonly string[]): readonly string[] =>
  tags.filter((tag) => tag.startsWith(PATH)).map(groupOf)

export class SoftTags {
  readonly #space: Namespace<unknown>
  #turn = 0

  constructor(space: Namespace<unknown>) {
    this.#space = space
  }

  /**
   * Sets the missing marks. Marks that are missing together get the same turn, so that paths share entries.
   */
  async renew(): Promise<void> {
    const marks = (groups: readonly string[]): Map<string, SoftTag> => {
      const turn = ++this.#turn
      return new Map(groups.map((each) => [each, { tags: [each], turn }]))
    }
    // An entry's own time is the backstop; a mark that ended before it would cost every entry.
    await this.#space.getOrSetMany(ALL, marks, { ttl: MAX_DURATION_MS })
  }

  /** What an entry is held under; `undefined` where a mark is missing, or a tag is none of a path. */
  async key(cacheKey: string, softTags: readonly string[]): Promise<string | undefined> {
    const groups = new Set(groupsOf(softTags))
    if (softTags.some((tag) => !tag.startsWith(PATH))) return undefined
    const marks = await this.#space.getMany([...groups])
    if (marks.size < groups.size) return undefined
    const turn = Math.max(0, ...[...marks.values()].map((mark) => (mark as SoftTag).turn))
    return `${await digest(cacheKey)}.${turn}`
  }
}

/** Next.js puts the arguments into its keys, so that they may be of any length. */
async function digest(cacheKey: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', encodeUtf8(cacheKey) as BufferSource)
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
