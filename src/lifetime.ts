/** How long a value lives, and what it is tagged with: both may depend on the value. @module */
import { durationMs } from './duration.ts'
import { checkId, MAX_IDS } from './ids.ts'
import type { LoadSettings } from './settings.ts'

/**
 * The TTL of the value in milliseconds, shortened by up to `jitter` of itself.
 * @param random in `[0, 1)`
 * @throws TypeError when `ttl` is, or returns, no duration.
 */
export function ttlOf(value: unknown, load: Pick<LoadSettings, 'ttl' | 'jitter'>, random: number): number {
  const ttl = typeof load.ttl === 'function' ? load.ttl(value as never) : load.ttl
  const ms = durationMs(ttl, 'ttl')
  return load.jitter === 0 ? ms : Math.ceil(ms * (1 - load.jitter * random))
}

/**
 * The tags of the value, each once; `undefined` where it has none.
 * @throws TypeError when `tags` is, or returns, anything but tags.
 */
export function tagsOf(value: unknown, load: Pick<LoadSettings, 'tags'>): readonly string[] | undefined {
  const tags = typeof load.tags === 'function' ? load.tags(value as never) : load.tags
  return tags === undefined ? undefined : checkTags(tags)
}

/** @throws TypeError when they are anything but tags, or too many. */
export function checkTags(tags: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(tags) || tags.length > MAX_IDS)
    throw new TypeError(`\`tags\` must be an array of at most ${MAX_IDS}`)
  for (const tag of tags as readonly string[]) checkId(tag, 'tag')
  return tags.length === 0 ? undefined : [...new Set(tags as readonly string[])]
}
