/**
 * Where rows came from: a load says when it read, a row that was written into the cache has its eviction's as-of.
 *
 * @module
 */
import { chronicleOf, rowOf } from './chronicle.ts'
import type { Write } from './chronicle.ts'
import { evictionLogOf, recordOf } from './eviction-log.ts'
import type { Eviction } from './eviction-log.ts'
import type { Row, Trace } from '../trace.ts'

/** A write that put its own value into caches. */
export interface Origin {
  readonly write: Write
  /** Its eviction; `undefined` where it was not acknowledged: its value may be held, with an unknown as-of. */
  readonly record: Eviction | undefined
}

const PUTS = new Set(['set', 'setVersion', 'writeThrough'])

const known = new WeakMap<Trace, ReadonlyMap<string, Origin>>()

/** The writes that put rows into caches, by the row that they put. */
function originsOf(trace: Trace): ReadonlyMap<string, Origin> {
  let origins = known.get(trace)
  if (origins === undefined) {
    const log = evictionLogOf(trace)
    const found = new Map<string, Origin>()
    for (const write of chronicleOf(trace).writes.values()) {
      if (!PUTS.has(write.how)) continue
      const record = write.acknowledgedAt === Infinity ? undefined : recordOf(log, write)
      found.set(`${rowOf(write.space, write.key)}@${write.version}`, { write, record })
    }
    known.set(trace, (origins = found))
  }
  return origins
}

/** The write that put this row into caches; `undefined` where it can only have been loaded. */
export function originOf(trace: Trace, row: Row): Origin | undefined {
  const origin = originsOf(trace).get(`${rowOf(row.space, row.key)}@${row.version}`)
  if (origin === undefined) return undefined
  const { how, t } = origin.write
  // A row that was put says when its call began; one that was loaded was read after the commit. (The event of a call
  // that commits follows the commit.)
  const isPut = how === 'writeThrough' ? row.readAt < t : row.readAt === t
  return isPut ? origin : undefined
}
