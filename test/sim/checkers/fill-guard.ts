/** I2: what was read before an eviction is not held after it. @module */
import { chronicleOf, rowOf } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { lastPassed, progressOf } from './progress.ts'
import { replicates, tiers } from '../features.ts'
import type { Checker } from '../trace.ts'

export const fillGuard: Checker = {
  invariant: 'I2',
  promise:
    'an isolate that has passed an eviction never serves a value that was read from its source before it',
  check(trace) {
    const found = new Findings('I2')
    const { served } = chronicleOf(trace)
    const log = evictionLogOf(trace)
    const progress = progressOf(trace)
    for (const { t, row, from, by } of served) {
      // A value that was just loaded goes to its callers, evicted or not.
      if (row === undefined || (from !== 'memory' && from !== 'tier')) continue
      const partition = log.partitionOf(row.space)
      const passed = partition === undefined ? undefined : progress.at(by.life.isolate, partition, by.seq)
      if (passed === undefined) continue
      const origin = originOf(trace, row)
      // Written by a call that failed half-way: its as-of is unknown.
      if (origin !== undefined && origin.record === undefined) continue
      found.looked++
      // What was written into the cache has the as-of of its own eviction, not of the moment at which the call began.
      const readAt = Math.max(row.readAt, origin?.write.acknowledgedAt ?? 0)
      const what = `read ${by.read} of isolate ${by.life.isolate} got version ${row.version} of ${rowOf(row.space, row.key)} from ${from}, read at ${row.readAt}`
      const { plan } = by.life
      const isOwn = !tiers(trace.scenario, plan, row.space) && !replicates(plan, row.space)
      // Values that others have loaded may still be held, judged by the as-of that they carry.
      if (isOwn && readAt < passed.emptiedAt) {
        found.broke(t, `${what}, though everything was dropped at ${passed.emptiedAt}`)
        continue
      }
      if (row.space === 'sets') continue
      for (const list of log.matching(row)) {
        // A row that was written with its version survives evictions of older versions.
        const last = lastPassed(list, passed, ({ version }) => version === undefined || origin === undefined)
        if (last === undefined || last.t <= readAt) continue
        found.broke(
          t,
          `${what}, though it had passed the eviction at offset ${last.offset}, appended at ${last.t}`,
        )
        break
      }
    }
    return found
  },
}
