/** Evictions that a viewer has seen: of a page, and of a terminal. @module */
import { MAX_LINES } from './state.ts'
import type { EvictionBatch, EvictionLine } from './state.ts'

export const NONE_SEEN: EvictionBatch = { lines: [], skipped: 0 }

/** The newest first, and each once: a process tells the last ones again to a connection that comes back. */
export function withEvictions(before: EvictionBatch, came: EvictionBatch): EvictionBatch {
  const known = new Set(before.lines.map(({ partition, offset }) => `${partition}@${offset}`))
  const news = came.lines.filter(({ partition, offset }) => !known.has(`${partition}@${offset}`))
  return {
    lines: [...news.toReversed(), ...before.lines].slice(0, MAX_LINES),
    skipped: before.skipped + came.skipped,
  }
}

/** What stands before the names. */
export const WORDS: Readonly<Record<EvictionLine['what'], string>> = {
  keys: '',
  tags: 'tag',
  prefixes: 'prefix',
  all: 'all of it',
  unreadable: 'cannot be read: evicts to be safe',
  intent: 'about to be written',
}
