/** I8: a read with the token of a write returns that write, or a later one. @module */
import { chronicleOf, replacedBy, rowOf } from './chronicle.ts'
import type { Chronicle, Served, Write } from './chronicle.ts'
import { evictionLogOf, recordOf } from './eviction-log.ts'
import type { EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { progressOf } from './progress.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const ownWrites: Checker = {
  invariant: 'I8',
  promise: 'a read with the token of a write returns nothing that the write has replaced',
  check(trace) {
    const found = new Findings('I8')
    const chronicle = chronicleOf(trace)
    const log = evictionLogOf(trace)
    for (const served of chronicle.served) {
      const { row, by, t, from } = served
      if (by.after === undefined || row === undefined) continue
      const write = chronicle.writes.get(by.after.write)
      if (write === undefined || write.space !== row.space || write.key !== row.key) continue
      if (isOfAnotherLog(trace, log, served, write)) continue
      found.looked++
      // Also in an outage, and with any flag: before an isolate has passed the position it serves no older version.
      if (!isOlder(trace, chronicle, log, served, write)) continue
      found.broke(
        t,
        `read ${by.read} of isolate ${by.life.isolate} brought the token of write ${write.write} (version ${write.version}) ` +
          `and got version ${row.version} of ${rowOf(row.space, row.key)} (${from ?? 'somewhere'})`,
      )
    }
    return found
  },
}

/**
 * Documented: a token names the log that its writer knew. Where that has no identity, or its writer had not noticed that it
 * was recreated, the token may seem to be passed until the reader has resynced.
 */
function isOfAnotherLog(trace: Trace, log: EvictionLog, { by, t }: Served, write: Write): boolean {
  const { recreations } = log
  if (recreations.length === 0) return false
  if (trace.scenario.world.identity && write.token?.includes('~'))
    return progressOf(trace).isUnaware(write.life, by.after!.partition, write.settled.seq)
  if (recreations.some((each) => each.t >= write.t && each.t <= t)) return true
  return progressOf(trace).isUnaware(by.life, by.after!.partition, by.seq)
}

function isOlder(
  trace: Trace,
  chronicle: Chronicle,
  log: EvictionLog,
  { row, from }: Served,
  write: Write,
): boolean {
  const served = row!
  if (served.space === 'sets') return isEarlierSet(trace, log, served, write)
  if (served.version >= write.version) return false
  if (!matches(write, served)) return false
  // Two that write a row and `set` it may reach the log in the other order: what was set stands from its eviction on.
  const origin = originOf(trace, served)
  if (origin !== undefined) {
    const own = recordOf(log, write)
    if (origin.record === undefined || own === undefined || origin.record.seq > own.seq) return false
  }
  if (from === 'memory' || from === 'tier') return true
  // A load that began before the write must not be shared with a reader that has seen it; one that began later returns
  // what its replica shows.
  const replaced = replacedBy(chronicle, served)?.t ?? Infinity
  return served.readAt < write.t || replaced < served.readAt - trace.scenario.world.replicaLagMs
}

function isEarlierSet(trace: Trace, log: EvictionLog, row: Row, write: Write): boolean {
  const theirs = originOf(trace, row)?.record
  const own = recordOf(log, write)
  return theirs !== undefined && own !== undefined && theirs.seq < own.seq
}

/** Whether the write evicted this version: a tag or prefix may not be one of it. */
function matches({ evicts, pattern = '' }: Write, { key, even }: Row): boolean {
  if (evicts === 'tag') return pattern === 'all' || pattern === (even ? 'even' : 'odd')
  return evicts !== 'prefix' || key.startsWith(pattern)
}
