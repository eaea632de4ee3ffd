/** I3: a value that an eviction has killed does not come back. @module */
import { chronicleOf, replacedBy, rowOf } from './chronicle.ts'
import type { Chronicle, Served } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction, EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { lastPassed, progressOf } from './progress.ts'
import type { Passed } from './progress.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const resurrection: Checker = {
  invariant: 'I3',
  promise: 'an isolate that has passed the eviction of a version never serves an older one again',
  check(trace) {
    const found = new Findings('I3')
    const chronicle = chronicleOf(trace)
    const log = evictionLogOf(trace)
    const progress = progressOf(trace)
    for (const { t, row, from, by } of chronicle.served) {
      // Loads return what their source shows, which may lag behind the log.
      if (row === undefined || (from !== 'memory' && from !== 'tier')) continue
      const partition = log.partitionOf(row.space)
      const passed = partition === undefined ? undefined : progress.at(by.life.isolate, partition, by.seq)
      if (passed === undefined) continue
      found.looked++
      const killer = killerOf(trace, chronicle, log, row, passed)
      if (killer === undefined) continue
      found.broke(
        t,
        `read ${by.read} of isolate ${by.life.isolate} got version ${row.version} of ${rowOf(row.space, row.key)} from ${from}, ` +
          `after it had passed the eviction of a later one at offset ${killer.offset}`,
      )
    }
    return found
  },
}

/** The eviction of a later version that was passed. */
function killerOf(
  trace: Trace,
  chronicle: Chronicle,
  log: EvictionLog,
  row: NonNullable<Served['row']>,
  passed: Passed,
): Eviction | undefined {
  const since = sinceOf(trace, chronicle, row)
  if (since === undefined) return undefined
  for (const list of log.matching(row)) {
    const killer = lastPassed(list, passed, ({ version }) => version === undefined || version > row.version)
    if (killer !== undefined && killer.seq > since) return killer
  }
  return undefined
}

/** After which event an eviction that matches is one of a later version; `undefined` where the trace is silent. */
function sinceOf(trace: Trace, chronicle: Chronicle, row: Row): number | undefined {
  const origin = originOf(trace, row)
  // Written by a call that failed half-way: its as-of is unknown.
  if (origin !== undefined && origin.record === undefined) return undefined
  const own = origin?.record?.seq
  if (row.space === 'sets') return own
  const replaced = replacedBy(chronicle, row)
  // Two that write a row and `set` it may reach the log in the other order: what was set stands from its eviction on.
  return replaced && Math.max(replaced.seq, own ?? -1)
}
