/** I4: at rest, an isolate holds the value that the log gives, or nothing. @module */
import { chronicleOf, replacedBy, rowOf } from './chronicle.ts'
import type { Chronicle } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction, EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { progressOf } from './progress.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const rest: Checker = {
  invariant: 'I4',
  promise: 'at rest an isolate holds no version of a row that an eviction in the log should have taken',
  check(trace) {
    const found = new Findings('I4')
    const chronicle = chronicleOf(trace)
    const log = evictionLogOf(trace)
    const progress = progressOf(trace)
    for (const { t, isolate, space, key, row } of chronicle.holds) {
      found.looked++
      if (row === undefined) continue
      const what = `isolate ${isolate} holds version ${row.version} of ${rowOf(space, key)}`
      const newest = newestOf(chronicle, row)
      if (newest !== undefined && row.version > newest)
        found.broke(t, `${what}, which its source never had: there it is ${newest}`)
      const life = chronicle.lives.get(isolate)
      // Documented: an isolate may take a log without an identity for the one that it has replaced.
      const isUnaware =
        life !== undefined &&
        !trace.scenario.world.identity &&
        progress.isUnaware(life, log.partitionOf(space) ?? 0, trace.events.length)
      const killer = isUnaware ? undefined : killerAtRest(trace, chronicle, log, row)
      if (killer !== undefined)
        found.broke(t, `${what}, evicted at offset ${killer.offset} of partition ${killer.partition}`)
    }
    return found
  },
}

/** The last version that the source has, or that was set. */
function newestOf({ commits, writes }: Chronicle, { space, key }: Row): number | undefined {
  if (space !== 'sets') return commits.get(rowOf(space, key))?.at(-1)?.version
  let newest: number | undefined
  for (const write of writes.values())
    if (write.space === space && write.key === key) newest = Math.max(newest ?? 0, write.version)
  return newest
}

/**
 * The eviction that should have taken the row: one that was appended after a later commit. Where there is none, the
 * writer of that commit has died before it published, and the row may stay until its TTL ends.
 */
export function killerAtRest(
  trace: Trace,
  chronicle: Chronicle,
  log: EvictionLog,
  row: Row,
): Eviction | undefined {
  const origin = originOf(trace, row)
  // Written by a call that failed half-way: its as-of is unknown.
  if (origin !== undefined && origin.record === undefined) return undefined
  if (row.space === 'sets' && origin === undefined) return undefined
  const own = origin?.record?.seq ?? -1
  const replaced = row.space === 'sets' ? own : replacedBy(chronicle, row)?.seq
  if (replaced === undefined) return undefined
  const since = Math.max(replaced, own)
  for (const list of log.matching(row))
    for (let at = list.length - 1; at >= 0 && list[at]!.seq > since; at--) {
      const { version } = list[at]!
      if (version === undefined || version > row.version) return list[at]
    }
  return undefined
}
