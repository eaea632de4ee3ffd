/** I12: what one namespace does changes nothing in another one. @module */
import { EVICTIONS, UPDATES, chronicleOf, firstAbove, rowOf } from './chronicle.ts'
import type { Chronicle, Life, Said, Write } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction, EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { replicates, tiers } from '../features.ts'
import type { Scenario, SpaceName } from '../scenario.ts'
import type { Checker, Trace } from '../trace.ts'

export const isolation: Checker = {
  invariant: 'I12',
  promise: 'a read returns only keys that it asked for, and a dropped value was evicted in its own namespace',
  check(trace) {
    const found = new Findings('I12')
    const chronicle = chronicleOf(trace)
    for (const { by, key, row, t } of chronicle.served) {
      found.looked++
      const what = `read ${by.read} of isolate ${by.life.isolate} asked for ${by.keys.map((each) => rowOf(by.space, each)).join(', ')}`
      if (!by.keys.includes(key)) found.broke(t, `${what} and got ${key}`)
      else if (row !== undefined && (row.space !== by.space || row.key !== key))
        found.broke(t, `${what} and got ${rowOf(row.space, row.key)}`)
    }
    checkDrops(trace, chronicle, found)
    return found
  },
}

/** By which event each isolate received each record of the evictions topic last, and applied it next. */
class Received {
  readonly #at = new Map<Life, Map<string, number>>()

  readonly #applied = new Map<Life, Said[]>()

  constructor(said: readonly Said[]) {
    for (const each of said) {
      if (each.event.type !== 'evict') continue
      const list = this.#applied.get(each.life)
      if (list) list.push(each)
      else this.#applied.set(each.life, [each])
    }
  }

  /** What is applied at the moment of this event; its own event follows at once. */
  *appliedAt({ life, seq, t }: Said): Generator<{ readonly partition: number; readonly offset: number }> {
    const list = this.#applied.get(life) ?? []
    for (let at = firstAbove(list, seq, (each) => each.seq); list[at]?.t === t; at++) {
      const { event } = list[at]!
      if (event.type === 'evict') yield event
    }
  }

  take(
    life: Life,
    records: readonly { readonly partition: number; readonly offset: number }[],
    seq: number,
  ): void {
    let own = this.#at.get(life)
    if (own === undefined) this.#at.set(life, (own = new Map()))
    for (const { partition, offset } of records) own.set(`${partition}-${offset}`, seq)
  }

  of(life: Life, { partition, offset }: Eviction): number | undefined {
    return this.#at.get(life)?.get(`${partition}-${offset}`)
  }
}

interface Moment {
  readonly seq: number
  readonly t: number
}

interface Step {
  readonly seq: number
  readonly said?: Said
  readonly told?: NonNullable<ReturnType<Chronicle['calls']['get']>>
}

/** Each value that was dropped as evicted has a record of its namespace that came since the last drop. */
function checkDrops(trace: Trace, chronicle: Chronicle, found: Findings): void {
  const log = evictionLogOf(trace)
  const received = new Received(chronicle.said)
  const dropped = new Map<string, Moment>()
  /** When an isolate last got the end of the updates topic: it may have had to skip a part of it. */
  const skips = new Map<Life, number>()
  /** When a write of an isolate failed last: what it may have meant is dropped at once. */
  const failures = new Map<Life, number>()
  /** When an isolate last got the offset of a record that it wrote for a namespace. */
  const written = new Map<string, number>()
  const steps: Step[] = []
  for (const said of chronicle.said) {
    const { type } = said.event
    if (type === 'drop' || type === 'publish_failed') steps.push({ seq: said.seq, said })
  }
  for (const told of chronicle.calls.values())
    if (told.told !== undefined) steps.push({ seq: told.toldSeq, told })
  steps.sort((a, b) => a.seq - b.seq)
  const { scenario } = trace
  const explain = explainer(chronicle, log, received, { skips, failures, written, scenario })
  for (const { said, told } of steps) {
    if (told !== undefined) {
      const { life, topic, operation, toldAt, toldSeq } = told
      if (topic === UPDATES && operation === 'offsets') skips.set(life, toldAt)
      if (topic !== EVICTIONS || operation === 'offsets') continue
      // A place that makes no sense here (the topic was recreated) puts all of its namespace in doubt.
      if (operation === 'produce')
        for (const { partition, offset } of told.told!.positions) {
          const record = log.at(partition, offset, toldSeq)
          if (record !== undefined) written.set(`${life.isolate}|${record.namespace ?? '*'}`, toldAt)
        }
      const records = operation === 'read' ? (told.told!.offsets ?? []) : told.told!.positions
      received.take(life, records, toldSeq)
      continue
    }
    const { event, life, t } = said!
    if (event.type === 'publish_failed' && event.topic === EVICTIONS) failures.set(life, t)
    if (event.type !== 'drop') continue
    const of = `${life.isolate}|${rowOf(event.namespace, event.key)}`
    const since = dropped.get(of) ?? { seq: -1, t: life.bornAt }
    dropped.set(of, said!)
    found.looked++
    const what = `isolate ${life.isolate} dropped ${rowOf(event.namespace, event.key)}`
    if (event.reason === 'evicted' && !explain(said!, since))
      found.broke(t, `${what}, which nothing had evicted since ${since.t}`)
    // An isolate that is killed in the middle of it records no more.
    if (event.reason === 'reanchor' && life.killedAt !== t) {
      const partition = log.partitionOf(event.namespace)
      const isOwn = life.reanchors.some(
        (each) => each.t === t && (partition === undefined || each.partition === partition),
      )
      if (!isOwn) found.broke(t, `${what} for a resync that was not of its partition`)
    }
  }
}

function explainer(
  { writes }: Chronicle,
  log: EvictionLog,
  received: Received,
  {
    skips,
    failures,
    written,
    scenario,
  }: {
    scenario: Scenario
    skips: ReadonlyMap<Life, number>
    failures: ReadonlyMap<Life, number>
    written: ReadonlyMap<string, number>
  },
): (drop: Said, since: Moment) => boolean {
  const own = new Map<Life, Write[]>()
  for (const write of writes.values()) {
    const list = own.get(write.life)
    if (list) list.push(write)
    else own.set(write.life, [write])
  }
  return (drop, since) => {
    const { life, event, seq, t } = drop
    if (event.type !== 'drop') return false
    const { namespace, key } = event
    // A part of the updates topic that cannot be read any more may have dropped anything.
    if (skips.get(life) === t && replicates(life.plan, namespace as SpaceName)) return true
    if (failures.get(life) === t) return true
    // Work under way then is dropped when it ends: an answer of the tier, for one.
    const lastsMs = tiers(scenario, life.plan, namespace as SpaceName) ? life.plan.hardTimeoutMs : 0
    if ([namespace, '*'].some((each) => t - (written.get(`${life.isolate}|${each}`) ?? -Infinity) <= lastsMs))
      return true
    // A write whose fate is unknown drops what it may have meant; so does one whose place makes no sense here.
    const isInDoubt = (own.get(life) ?? []).some(
      (write) => (write.space === namespace || write.evicts === 'everything') && mayDoubt(write, since.t, t),
    )
    if (isInDoubt) return true
    const { records } = log
    for (let at = records.length - 1; at >= 0; at--) {
      const each = records[at]!
      if (each.seq > seq || !mayMean(each, namespace, key)) continue
      const receivedBy = received.of(life, each)
      if (receivedBy !== undefined && receivedBy > since.seq) return true
    }
    // Each of several such records of one answer counts.
    for (const { partition, offset } of received.appliedAt(drop)) {
      const record = log.at(partition, offset, seq)
      if (record !== undefined && mayMean(record, namespace, key)) return true
    }
    return false
  }
}

/** Whether the call may have dropped something at `t`. */
function mayDoubt(write: Write, since: number, t: number): boolean {
  if (write.t > t) return false
  const isFailed = write.acknowledgedAt === Infinity
  const { settled, life } = write
  // A load that was under way when it failed is dropped when it ends.
  if (isFailed) return settled.t >= since
  if (settled.t === t) return true
  // A call that began before the resync got a place that means nothing here: as if it had failed.
  const isMet = life.reanchors.some((each) => each.t >= write.t && each.t <= settled.t)
  return isMet && settled.t <= t && t - settled.t <= life.plan.hardTimeoutMs
}

/** Whether the record may evict the key, whatever its tags are. */
function mayMean(record: Eviction, namespace: string, key: string): boolean {
  if (record.unreadable || record.routedTo === namespace) return true
  if (record.namespace !== undefined && record.namespace !== namespace) return false
  if (record.all || record.tags.length > 0 || record.keys.includes(key)) return true
  return record.prefixes.some((prefix) => key.startsWith(prefix))
}
