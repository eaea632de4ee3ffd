/** I1: no read serves a value that an acknowledged eviction took longer ago than is promised. @module */
import { ROUNDING_MS, chronicleOf, firstAbove, replacedBy, rowOf } from './chronicle.ts'
import type { Chronicle, Served, Write } from './chronicle.ts'
import { clockLagOf } from './clock-lag.ts'
import type { ClockLag } from './clock-lag.ts'
import { evictionLogOf, recordOf } from './eviction-log.ts'
import type { EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { originOf } from './origin.ts'
import type { Origin } from './origin.ts'
import { progressOf } from './progress.ts'
import type { Checker, Row, Trace } from '../trace.ts'

export const boundedStaleness: Checker = {
  invariant: 'I1',
  promise: 'no read returns a value whose eviction was acknowledged longer than maxStaleness before it began',
  check(trace) {
    const found = new Findings('I1')
    const chronicle = chronicleOf(trace)
    const evictions = new AcknowledgedEvictions(chronicle)
    const log = evictionLogOf(trace)
    const lag = clockLagOf(trace)
    for (const served of chronicle.served) {
      const { row, by, from, flagged } = served
      if (row === undefined) continue
      found.looked++
      const boundMs = boundOf(trace, served)
      // Only what was acknowledged before this can be too old.
      const latest = by.t - boundMs - ROUNDING_MS
      const culprit = culpritOf(trace, evictions, log, row)
      if (culprit === undefined || culprit.acknowledgedAt >= latest) continue
      if (latest - culprit.acknowledgedAt <= stretchOf(lag, served, boundMs)) continue
      if (mistakes(trace, log, served, culprit)) continue
      const source = `${from ?? 'somewhere'}${flagged === undefined ? '' : `, ${flagged}`}`
      found.broke(
        served.t,
        `read ${by.read} of isolate ${by.life.isolate} got version ${row.version} of ${rowOf(row.space, row.key)} (${source}), ` +
          `${by.t - culprit.acknowledgedAt} ms after write ${culprit.write} was acknowledged; ${boundMs} ms are promised`,
      )
    }
    return found
  },
}

/** How long ago the newest eviction may have been acknowledged that the answer does not reflect. */
function boundOf({ scenario: { world } }: Trace, { flagged, from, by }: Served): number {
  const { onUnreachable, maxOutageMs } = by.life.plan
  // Many at once are not flagged one by one: under `onUnreachable: 'stale'` each may have been served in an outage.
  const isOutage = flagged === 'unreachable' || (flagged === 'unknown' && onUnreachable === 'stale')
  const boundMs = isOutage ? maxOutageMs : world.maxStalenessMs
  // A load returns what its replica shows. Only what is held is promised not to (`settle`).
  return from === 'memory' || from === 'tier' ? boundMs : boundMs + world.replicaLagMs
}

/** The proof may be older than its isolate reckons; and a hit may rest on an earlier look at both clocks. */
function stretchOf(lag: ClockLag, { by, from }: Served, boundMs: number): number {
  const stretchMs = lag.stretch(by.life, by.t, boundMs)
  return from === 'memory' || from === undefined ? stretchMs + lag.ofHit(by, by.t) : stretchMs
}

/**
 * Documented: an isolate may take a recreated log without an identity for the old one, until it
 * resyncs.
 */
function mistakes(trace: Trace, log: EvictionLog, { by }: Served, { partition }: Write): boolean {
  const where = partition ?? log.partitionOf(by.space) ?? 0
  return !trace.scenario.world.identity && progressOf(trace).isUnaware(by.life, where, by.seq)
}

/** Of the acknowledged evictions that should have taken this row from every isolate, the first. */
function culpritOf(
  trace: Trace,
  evictions: AcknowledgedEvictions,
  log: EvictionLog,
  row: Row,
): Write | undefined {
  const origin = originOf(trace, row)
  // Written into caches by a call that failed half-way: its as-of is unknown.
  if (origin !== undefined && origin.record === undefined) return undefined
  if (row.space === 'sets') return origin && evictions.afterSet(row, origin, log)
  // A commit that no later one has replaced cannot be too old.
  const replaced = replacedBy(chronicleOf(trace), row)
  if (replaced === undefined) return undefined
  // Two that write a row and `set` it may reach the log in the other order: what was set stands from its eviction on.
  return evictions.first(row, Math.max(replaced.t, origin?.record?.t ?? 0))
}

/** Calls of one pattern in the order in which they began, and of each and all later ones the first acknowledged. */
interface Calls {
  readonly writes: Write[]
  earliest: Write[]
}

class AcknowledgedEvictions {
  readonly #calls = new Map<string, Calls>()
  /** Those that evict what is older than a version. */
  readonly #versioned = new Map<string, Write[]>()
  readonly #prefixes = new Map<string, Set<string>>()

  constructor({ writes }: Chronicle) {
    for (const write of writes.values()) if (write.acknowledgedAt < Infinity) this.#add(write)
    for (const calls of this.#calls.values()) {
      let first: Write | undefined
      const earliest: Write[] = []
      for (const write of calls.writes.toReversed()) {
        if (first === undefined || write.acknowledgedAt < first.acknowledgedAt) first = write
        earliest.push(first)
      }
      calls.earliest = earliest.toReversed()
    }
  }

  /** Of those that match the row and began at `since` or later, the one that was acknowledged first. */
  first(row: Row, since: number): Write | undefined {
    const { space, key, version, even } = row
    const own = `${space}|`
    let first = this.#from(`${own}key|${key}`, since)
    const take = (found: Write | undefined): void => {
      if (found && (first === undefined || found.acknowledgedAt < first.acknowledgedAt)) first = found
    }
    take(this.#from(`${own}tag|${even ? 'even' : 'odd'}`, since))
    take(this.#from(`${own}tag|all`, since))
    take(this.#from(`${own}namespace|`, since))
    take(this.#from('|everything|', since))
    for (const prefix of this.#prefixes.get(space) ?? [])
      if (key.startsWith(prefix)) take(this.#from(`${own}prefix|${prefix}`, since))
    for (const write of this.#versioned.get(rowOf(space, key)) ?? [])
      if (write.version > version && write.t >= since) take(write)
    return first
  }

  /** The one acknowledged first of those that stand after the value's own eviction. */
  afterSet(row: Row, { record }: Origin, log: EvictionLog): Write | undefined {
    let first: Write | undefined
    for (const name of [`sets|key|${row.key}`, 'sets|namespace|', '|everything|'])
      for (const write of this.#calls.get(name)?.writes ?? []) {
        if (first !== undefined && first.acknowledgedAt <= write.acknowledgedAt) continue
        if (isLater(write, record!, log)) first = write
      }
    return first
  }

  #from(name: string, since: number): Write | undefined {
    const calls = this.#calls.get(name)
    return calls?.earliest[firstAbove(calls.writes, since - 1e-6, ({ t }) => t)]
  }

  #add(write: Write): void {
    const { how, evicts, space, key, pattern } = write
    if (how === 'deleteVersion' || how === 'setVersion' || how === 'writeThrough') {
      const of = rowOf(space, key)
      const list = this.#versioned.get(of)
      if (list) list.push(write)
      else this.#versioned.set(of, [write])
      return
    }
    const which = evicts === 'key' ? key : (pattern ?? '')
    const name =
      evicts === 'everything' ? '|everything|' : `${space}|${evicts}|${evicts === 'namespace' ? '' : which}`
    const calls = this.#calls.get(name)
    if (calls) calls.writes.push(write)
    else this.#calls.set(name, { writes: [write], earliest: [] })
    if (evicts !== 'prefix') return
    const prefixes = this.#prefixes.get(space)
    if (prefixes) prefixes.add(which)
    else this.#prefixes.set(space, new Set([which]))
  }
}

/** Whether the write's eviction stands after the record. */
function isLater(write: Write, record: NonNullable<Origin['record']>, log: EvictionLog): boolean {
  const own = write.evicts === 'everything' ? undefined : recordOf(log, write)
  if (own === undefined || own.partition !== record.partition) return write.t > record.t
  return own.epoch === record.epoch ? own.offset > record.offset : own.epoch > record.epoch
}
