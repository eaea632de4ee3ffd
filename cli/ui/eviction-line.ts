/** An eviction as the live page shows it: cut, so that none is larger than a line. @module */
import { MAX_NAMES } from './state.ts'
import type { EvictionLine } from './state.ts'

/** The longest name that is shown whole. */
const MAX_NAME = 80

export interface SeenEviction {
  readonly namespace: string | undefined
  readonly all: boolean
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  readonly unreadable?: boolean
  readonly intent?: unknown
}

export function evictionLine(
  at: number,
  partition: number,
  offset: number,
  eviction: SeenEviction,
): EvictionLine {
  const { namespace } = eviction
  const [what, names] = whatOf(eviction)
  return {
    at,
    partition,
    offset,
    ...(namespace !== undefined && { namespace: cut(namespace) }),
    what,
    names: names.slice(0, MAX_NAMES).map(cut),
    more: Math.max(0, names.length - MAX_NAMES),
  }
}

function whatOf(eviction: SeenEviction): [EvictionLine['what'], readonly string[]] {
  const { all, keys, tags, prefixes, unreadable = false, intent } = eviction
  if (unreadable) return ['unreadable', []]
  if (all) return ['all', []]
  if (intent !== undefined) return ['intent', keys]
  if (keys.length > 0) return ['keys', keys]
  return tags.length > 0 ? ['tags', tags] : ['prefixes', prefixes]
}

const cut = (name: string): string => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name)
