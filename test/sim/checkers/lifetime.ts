/** I10: no read serves a value past its time. @module */
import { ROUNDING_MS, chronicleOf, rowOf } from './chronicle.ts'
import type { Chronicle, Life, Read, Served } from './chronicle.ts'
import { clockLagOf } from './clock-lag.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import { replicates, tiers } from '../features.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const lifetime: Checker = {
  invariant: 'I10',
  promise: 'no read serves a value past its TTL, or past swr and staleIfError where it is flagged so',
  check(trace) {
    const found = new Findings('I10')
    const chronicle = chronicleOf(trace)
    const lag = clockLagOf(trace)
    for (const { t, row, from, flagged, by } of chronicle.served) {
      if (row === undefined) continue
      found.looked++
      const since = bornAt(trace, row)
      // The read decided no earlier than it began. What came later (a freeze, say) is not counted.
      const ageMs = by.t - since
      const limitMs = limitOf(trace, by.life, from, flagged) + ROUNDING_MS
      if (ageMs <= limitMs) continue
      const stretchMs = from === 'loader' ? lag.still(by.life, since, t) : lag.ofHit(by, since)
      if (ageMs <= limitMs + stretchMs + skewOf(trace, chronicle, by)) continue
      found.broke(
        t,
        `read ${by.read} of isolate ${by.life.isolate} got version ${row.version} of ${rowOf(row.space, row.key)} (${from ?? 'somewhere'}${flagged ? `, ${flagged}` : ''}) ` +
          `${ageMs} ms after it was read; ${limitMs} are allowed`,
      )
    }
    return found
  },
}

/** From when on its time counts, or earlier: a load begins before it reads. */
function bornAt(trace: Trace, row: Row): number {
  const origin = originOf(trace, row)
  // What is written into the cache lives from then on: after the first contact, and before it is acknowledged.
  return origin === undefined ? row.readAt : Math.max(row.readAt, origin.record?.t ?? origin.write.settled.t)
}

function limitOf(
  { scenario: { world } }: Trace,
  { plan }: Life,
  from: Served['from'],
  flagged: Served['flagged'],
): number {
  // A load is given up after `hardTimeout`, also while callers wait for it.
  if (from === 'loader') return plan.hardTimeoutMs
  const { swrMs, staleIfErrorMs } = plan
  // A read of many keys does not say which of them were loaded.
  if (flagged === undefined)
    return from === undefined ? Math.max(world.ttlMs, plan.hardTimeoutMs) : world.ttlMs
  if (flagged === 'swr') return world.ttlMs + swrMs
  if (flagged === 'error') return world.ttlMs + staleIfErrorMs
  // The flag of an outage comes first: a value may be past its TTL for the other reasons as well.
  const limitMs = world.ttlMs + Math.max(swrMs, staleIfErrorMs)
  return from === undefined ? Math.max(limitMs, plan.hardTimeoutMs) : limitMs
}

/**
 * A value that another isolate has loaded has its age by the wall clock there, and is read by ours: by as much as that
 * one is ahead of ours the value seems younger. A value that the isolate has loaded itself is not affected.
 */
function skewOf({ scenario }: Trace, { faults, lives }: Chronicle, { life, space, t: until }: Read): number {
  if (!tiers(scenario, life.plan, space) && !replicates(life.plan, space)) return 0
  let ahead = Math.max(...[...lives.values()].map(({ plan }) => plan.skewMs))
  let own = life.plan.skewMs
  for (const { fault, t, isolate, forMs = Infinity, amount = 0 } of faults) {
    if (t > until) continue
    const isOwn = isolate === undefined || isolate === life.seat
    const lasted = Math.min(until - t, forMs)
    if (fault === 'clock_forward') ahead += amount
    else if (fault === 'clock_drift' && amount > 100) ahead += (lasted * (amount - 100)) / 100
    else if (fault === 'clock_drift' && isOwn) own -= (lasted * (100 - amount)) / 100
    else if ((fault === 'clock_back' || fault === 'clock_both_back') && isOwn) own -= amount
    else if (fault === 'clock_frozen' && isOwn) own -= lasted
  }
  return Math.max(0, ahead - own)
}
