/**
 * The last evictions of one key, tag or prefix, and which versions of a row they leave standing.
 *
 * An eviction that names a version bars older versions in any order of arrival, until a delete of the key that stands
 * later in the log: else one forged version would bar a key for good. The result does not depend on the order in which
 * evictions arrive, so a mark keeps those that a delete in between may yet part.
 *
 * @module
 */
import type { Provenance } from '../store/entry.ts'

/** What an eviction of a key says beyond its place. */
export interface EvictionTerms {
  /** It evicts only what is older than this version of the row. */
  readonly version?: number | undefined
  /** It is a delete: versions that were named before it in the log bar nothing any more. */
  readonly resets?: boolean | undefined
}

export const NO_TERMS: EvictionTerms = {}

/** The last eviction of one key, tag or prefix. */
export interface Mark {
  /** Offset of the last eviction that names no version. */
  plain: number
  /** Offset of the last eviction that names one. */
  versioned: number
  /** Offset of the last delete. */
  deleted: number
  /** Versions named after it that none as high follows: by ascending offset, so the first is the highest. */
  versions: readonly NamedVersion[]
  /** When it was applied here, for `settle`. */
  appliedAt: number
}

interface NamedVersion {
  readonly offset: number
  readonly version: number
}

/** Versions of one mark. Rows gain versions, so that there is one as a rule. */
const MAX_VERSIONS = 8
const NONE: readonly NamedVersion[] = []

export const newMark = (): Mark => ({
  plain: -1,
  versioned: -1,
  deleted: -1,
  versions: NONE,
  appliedAt: -Infinity,
})

/** Takes in an eviction at `offset`. */
export function merge(mark: Mark, offset: number, now: number, { version, resets }: EvictionTerms): void {
  // The log returns our own eviction after we have applied it: that is not another one.
  if (offset > mark.plain && offset > mark.versioned) mark.appliedAt = Math.max(mark.appliedAt, now)
  if (version !== undefined) {
    mark.versioned = Math.max(mark.versioned, offset)
    if (offset > mark.deleted) mark.versions = withVersion(mark.versions, { offset, version })
    return
  }
  mark.plain = Math.max(mark.plain, offset)
  if (resets !== true || offset <= mark.deleted) return
  mark.deleted = offset
  if (mark.versions !== NONE) mark.versions = mark.versions.filter((named) => named.offset > offset)
}

function withVersion(versions: readonly NamedVersion[], added: NamedVersion): readonly NamedVersion[] {
  const covers = (one: NamedVersion, other: NamedVersion) =>
    one.offset >= other.offset && one.version >= other.version
  if (versions.some((named) => covers(named, added))) return versions
  const kept = [...versions.filter((named) => !covers(added, named)), added]
  kept.sort((one, other) => one.offset - other.offset)
  if (kept.length <= MAX_VERSIONS) return kept
  // Of the two oldest one that bars what either does, for as long as either does.
  const [{ version }, { offset }, ...rest] = kept as [NamedVersion, NamedVersion, ...NamedVersion[]]
  return [{ offset, version }, ...rest]
}

/** Values of a version below this one are refused; `-Infinity` for none. @param cleared offset of the last clear */
export function floorOf({ versions }: Mark, cleared: number): number {
  for (const named of versions) if (named.offset > cleared) return named.version
  return -Infinity
}

/** Whether the mark kills a value. @param cleared offset of the last clear */
export function kills(mark: Mark | undefined, value: Provenance, cleared = -1): boolean {
  if (mark === undefined) return false
  if (mark.plain >= value.asOf) return true
  if (mark.versioned < value.asOf) return false
  return !(value.version !== undefined && value.version >= floorOf(mark, cleared))
}
