/** I11: whatever has happened, it ends: nothing is dropped over and over, and no key stays uncacheable. @module */
import { EVICTIONS, chronicleOf, rowOf } from './chronicle.ts'
import type { Chronicle, Life, Reanchor, Said, Served } from './chronicle.ts'
import { evictionLogOf } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { progressOf } from './progress.ts'
import type { Checker, Trace } from '../trace.ts'

/** The longest that a log is left alone after it has failed (`Retry-After`), and the backoff before it. */
const MAX_PAUSE_MS = 35_000
/** Answers of the proxy whose digits may be others, as far as an isolate can tell. */
const LYING = new Set(['body_garbled'])

export const liveness: Checker = {
  invariant: 'I11',
  promise:
    'everything is dropped only for a cause, and once all is calm keys are held and freshness is proved again',
  check(trace) {
    const found = new Findings('I11')
    const chronicle = chronicleOf(trace)
    for (const life of chronicle.lives.values()) checkReanchors(trace, chronicle, life, found)
    checkCalm(trace, chronicle, found)
    return found
  },
}

/** Each time that everything was dropped there was something that made it so, and something new since the last time. */
function checkReanchors(trace: Trace, chronicle: Chronicle, life: Life, found: Findings): void {
  const last = new Map<number, Reanchor>()
  const starts = new Set<number>()
  for (const reanchor of life.reanchors) {
    const { partition, reason, t, offset } = reanchor
    found.looked++
    const before = last.get(partition)
    last.set(partition, reanchor)
    if (isLiedTo(chronicle, life, t)) continue
    const what = `isolate ${life.isolate} dropped everything of partition ${partition} (${reason})`
    if (reason === 'start') {
      if (starts.has(partition)) found.broke(t, `${what} more than once`)
      starts.add(partition)
      continue
    }
    if (before === undefined) {
      found.broke(t, `${what} before it was anchored`)
      continue
    }
    const changes = changesSince(chronicle, partition, before, reanchor)
    if (!isCaused(trace, life, before, reanchor, changes))
      found.broke(t, `${what}, and nothing had caused it`)
    else if (offset === before.offset && changes.length === 0)
      found.broke(t, `${what} at ${offset}, where it had started already`)
  }
}

/** What was done to the partition since the end was sampled that the last start went to. */
function changesSince({ changes, calls }: Chronicle, partition: number, since: Reanchor, until: Reanchor) {
  // A sample is a moment older than the start that it leads to.
  let from = since.seq
  for (const { operation, topic, toldSeq, seq, told } of calls.values()) {
    if (operation !== 'offsets' || topic !== EVICTIONS || toldSeq > since.seq) continue
    if (told?.positions.some((each) => each.partition === partition && each.offset === since.offset))
      from = seq
  }
  return changes.filter(
    (each) =>
      each.topic === EVICTIONS &&
      (each.partition === partition || each.change === 'recreated') &&
      each.seq > from &&
      each.seq < until.seq,
  )
}

function isCaused(
  trace: Trace,
  life: Life,
  before: Reanchor,
  { partition, reason, offset, seq }: Reanchor,
  changes: Chronicle['changes'],
): boolean {
  const has = (...kinds: string[]) => changes.some(({ change }) => kinds.includes(change))
  if (reason === 'behind') {
    const passed = progressOf(trace).at(life.isolate, partition, seq - 1)
    return offset - (passed?.offset ?? before.offset) > life.plan.maxCatchUpRecords || has('recreated')
  }
  if (reason === 'truncated') return has('truncated', 'recreated')
  // Something must stand there that is not returned: each start passes all that does.
  if (reason === 'stalled') return offset > before.offset || has('recreated')
  // The log went back, or is another one.
  return has('recreated')
}

/** Whether answers are altered, or were a moment ago: what an isolate was told then may be anything. */
function isLiedTo({ faults }: Chronicle, life: Life, t: number): boolean {
  const lasting = life.plan.pollTimeoutMs * 4
  return faults.some(
    ({ fault, isolate, t: from, forMs = Infinity }) =>
      LYING.has(fault) &&
      (isolate === undefined || isolate === life.seat) &&
      from <= t &&
      t <= from + forMs + lasting,
  )
}

/** Once all has been calm for as long as anything may take, what is loaded is held, and what is held is served. */
function checkCalm(trace: Trace, chronicle: Chronicle, found: Findings): void {
  const { calmAt, served, said, states } = chronicle
  if (calmAt === Infinity) return
  const { replicaLagMs } = trace.scenario.world
  const calmOf = (life: Life): number => {
    const { intentsMs, pollTimeoutMs } = life.plan
    // An intent that nobody closes ends by itself; and whoever starts holds nothing until it would have.
    const last = Math.max(calmAt, life.reanchors.at(-1)?.t ?? 0, life.bornAt, lastFreeze(life))
    return Math.max(calmAt + MAX_PAUSE_MS, last + intentsMs + replicaLagMs + 4 * pollTimeoutMs)
  }
  const calm = new Map([...chronicle.lives.values()].map((life) => [life, calmOf(life)]))
  const drops = droppedSince(said, calmAt)
  const stored = new Map<string, Served>()
  const refused = refusedForSize(said)
  const readers = new Set<Life>()
  for (const each of served) {
    const { by, key, row, from, t, bypassed } = each
    if (by.t < calm.get(by.life)! || by.space === 'sets') continue
    readers.add(by.life)
    const of = `${by.life.isolate}|${rowOf(by.space, key)}`
    const what = `read ${by.read} of isolate ${by.life.isolate} (${rowOf(by.space, key)}), ${by.t - calmAt} ms after all was calm,`
    found.looked++
    if (bypassed) found.broke(t, `${what} went past the cache`)
    const before = stored.get(of)
    if (from === 'loader' && before !== undefined && before.seq < by.seq) {
      const isLiving =
        by.t - (before.row?.readAt ?? 0) < trace.scenario.world.ttlMs - trace.scenario.world.loadMs
      const isDropped = (drops.get(of) ?? []).some((at) => at >= before.t && at <= t)
      if (isLiving && !isDropped && by.after === undefined)
        found.broke(t, `${what} loaded what was held already`)
    }
    if (from !== 'loader' || row === undefined) continue
    if (each.stored) stored.set(of, each)
    // A value that does not fit is never held. One that another call has loaded is told as its leader was.
    else if (!refused.has(of) && !bypassed && isQuiet(trace, chronicle, each))
      found.broke(t, `${what} loaded a value that was not held`)
  }
  checkProved(chronicle, readers, states, found)
}

/** Whether nothing was evicted lately: then there is nothing that a load may be kept back for. */
function isQuiet(trace: Trace, { calmAt }: Chronicle, { by }: Served): boolean {
  const last = evictionLogOf(trace).records.findLast(({ empty }) => !empty)
  const { replicaLagMs, loadMs } = trace.scenario.world
  // Heard of late, where nobody has asked: by the poll that goes beside the load.
  return Math.max(calmAt, last?.t ?? 0) + replicaLagMs + loadMs + by.life.plan.pollTimeoutMs * 4 < by.t
}

function checkProved(
  { lives }: Chronicle,
  readers: Set<Life>,
  states: Chronicle['states'],
  found: Findings,
): void {
  const last = new Map<Life, Chronicle['states'][number]>()
  for (const state of states) {
    const life = lives.get(state.isolate)
    if (life !== undefined && readers.has(life)) last.set(life, state)
  }
  for (const [life, { t, proved }] of last) {
    found.looked++
    if (!proved)
      found.broke(t, `isolate ${life.isolate} has been read from since all is calm, and is not proved`)
  }
}

const lastFreeze = ({ freezes }: Life): number => {
  const last = freezes.at(-1)?.to ?? 0
  return last === Infinity ? 0 : last
}

function droppedSince(said: readonly Said[], since: number): ReadonlyMap<string, readonly number[]> {
  const drops = new Map<string, number[]>()
  for (const { life, event, t } of said) {
    if (event.type !== 'drop' || t < since) continue
    const of = `${life.isolate}|${rowOf(event.namespace, event.key)}`
    const list = drops.get(of)
    if (list) list.push(t)
    else drops.set(of, [t])
  }
  return drops
}

function refusedForSize(said: readonly Said[]): ReadonlySet<string> {
  const refused = new Set<string>()
  for (const { life, event } of said)
    if (event.type === 'refuse' && (event.reason === 'size' || event.reason === 'expired'))
      refused.add(`${life.isolate}|${rowOf(event.namespace, event.key)}`)
  return refused
}
