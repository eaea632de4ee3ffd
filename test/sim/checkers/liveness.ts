/** I11: after any fault, no isolate drops everything over and over, and no key stays uncacheable. @module */
import { checkCalm } from './calm.ts'
import { EVICTIONS, chronicleOf } from './chronicle.ts'
import type { Chronicle, Life, Reanchor } from './chronicle.ts'
import { Findings } from './findings.ts'
import { progressOf } from './progress.ts'
import type { Checker, Trace } from '../trace.ts'

export const liveness: Checker = {
  invariant: 'I11',
  promise:
    'an isolate drops everything only for a cause; in the calm it holds keys and proves freshness again',
  check(trace) {
    const found = new Findings('I11')
    const chronicle = chronicleOf(trace)
    for (const life of chronicle.lives.values()) checkReanchors(trace, chronicle, life, found)
    checkCalm(trace, chronicle, found)
    return found
  },
}

/** Each drop of everything has a cause, and a new one since the last drop. */
function checkReanchors(trace: Trace, chronicle: Chronicle, life: Life, found: Findings): void {
  const last = new Map<number, Reanchor>()
  const starts = new Set<number>()
  for (const reanchor of life.reanchors) {
    const { partition, reason, t, offset } = reanchor
    found.looked++
    const before = last.get(partition)
    last.set(partition, reanchor)
    const what = `isolate ${life.isolate} dropped everything of partition ${partition} (${reason})`
    if (reason === 'start') {
      if (starts.has(partition)) found.broke(t, `${what} more than once`)
      starts.add(partition)
      continue
    }
    if (before === undefined) {
      found.broke(t, `${what} before it had a position`)
      continue
    }
    const changes = changesSince(trace, chronicle, life, before, reanchor)
    if (!isCaused(trace, life, before, reanchor, changes)) found.broke(t, `${what} without a cause`)
    else if (offset === before.offset && changes.length === 0)
      found.broke(t, `${what} at ${offset}, where it had started already`)
  }
}

/** The changes of the partition since the isolate asked for the end at which it last started. */
function changesSince(
  trace: Trace,
  { changes, calls }: Chronicle,
  life: Life,
  since: Reanchor,
  until: Reanchor,
) {
  const { partition } = until
  // A sample is a moment older than the start that it leads to.
  let from = since.seq
  // A shared sample is older than the call, by less than `maxStaleness` of the isolate's clock, which may run at half the pace.
  let sharedFrom = Infinity
  for (const { life: asker, operation, topic, toldSeq, seq, t, told } of calls.values()) {
    if (asker !== life || operation !== 'offsets' || topic !== EVICTIONS || toldSeq > since.seq) continue
    if (told?.positions.some((each) => each.partition === partition && each.offset === since.offset)) {
      from = seq
      sharedFrom = told.ageMs === undefined ? Infinity : t - 2 * trace.scenario.world.maxStalenessMs
    }
  }
  return changes.filter(
    (each) =>
      each.topic === EVICTIONS &&
      (each.partition === partition || each.change === 'recreated') &&
      (each.seq > from || each.t >= sharedFrom) &&
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
  // A record that no read returns must stand there: each start passes all others.
  if (reason === 'stalled') return offset > before.offset || has('recreated')
  // The log went back, or is another one.
  return has('recreated')
}
