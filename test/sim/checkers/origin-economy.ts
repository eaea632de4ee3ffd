/** I18: with tails, what Kafka is asked does not grow with the number of isolates. @module */
import { EVICTIONS, chronicleOf, firstAbove } from './chronicle.ts'
import type { Chronicle } from './chronicle.ts'
import { Findings } from './findings.ts'
import type { Checker, Trace, TraceEvent } from '../trace.ts'

type Upstream = Extract<TraceEvent, { readonly type: 'upstream' }>

/** Samples of a tail, each second and partition. */
const SAMPLES = 6
/** The pause between samples, and what a tail may make of it by its clock. */
const PAUSE_MS = 200
/** Looked at together: so long. */
const WINDOW_MS = 5000
/** What a tail had begun before: its deadline, and the longest that it samples on without a question. */
const [DEADLINE_MS, WARM_MS] = [5000, 2200]
/** How many records a tail has from its beginning on. */
const LOOK_BACK = 256

export const originEconomy: Checker = {
  invariant: 'I18',
  promise:
    'in calm a tail asks Kafka at most six times a second, once for each record and for each caller that needs its own sample, and never where no isolate asks; an isolate that has a tail never asks Kafka',
  check(trace) {
    const found = new Findings('I18')
    const { tail } = trace.scenario.world
    if (tail === undefined) return found
    const chronicle = chronicleOf(trace)
    const asked = trace.events.filter((event): event is Upstream => event.type === 'upstream')
    for (const { t, by, which, operation } of asked)
      if (by === 'isolate') found.broke(t, `the isolate of seat ${which} asks Kafka itself (${operation})`)
    const demand = demandOf(chronicle)
    const calm = calmOf(chronicle)
    for (let which = 0; which < tail.tails; which++) {
      const times = asked.flatMap((each) => (each.by === 'tail' && each.which === which ? [each.t] : []))
      for (const { from, to } of calm) {
        checkIdle(found, which, within(times, from + DEADLINE_MS + WARM_MS, to), demand.all)
        if (!isPaced(trace)) continue
        for (let at = from; at + WINDOW_MS <= to; at += WINDOW_MS)
          checkWindow(found, which, within(times, at, at + WINDOW_MS), boundOf(trace, demand, at))
      }
    }
    return found
  },
}

/** Whether an answer that was sampled a pause ago is young enough for who asks: else each question may need a sample. */
function isPaced({ scenario }: Trace): boolean {
  const { maxStalenessMs, latencyMs, tail } = scenario.world
  const maxAgeMs = ((maxStalenessMs - Math.floor(maxStalenessMs * tail!.refreshPart)) * 2) / 3
  return maxAgeMs / (tail!.store ? 4 : 1) >= PAUSE_MS + 8 * latencyMs
}

function checkIdle(
  found: Findings,
  which: number,
  times: readonly number[],
  demand: readonly number[],
): void {
  for (const t of times) {
    found.looked++
    if (within(demand, t - DEADLINE_MS - WARM_MS, t).length === 0)
      found.broke(t, `tail ${which} asks Kafka, and no isolate has asked it for ${DEADLINE_MS + WARM_MS} ms`)
  }
}

function checkWindow(found: Findings, which: number, times: readonly number[], bound: number): void {
  if (times.length === 0) return
  found.looked++
  if (times.length > bound)
    found.broke(
      times.at(-1)!,
      `tail ${which} has asked Kafka ${times.length} times within ${WINDOW_MS} ms, where ${bound} do`,
    )
}

/** When isolates asked, and what of it a tail may have to ask Kafka for. Ascending. */
interface Demand {
  readonly all: readonly number[]
  /** Those that allowed no age, and reads of what a tail may not have. */
  readonly own: readonly number[]
  /** When a record was appended. */
  readonly appended: readonly number[]
}

function demandOf({ calls, appended }: Chronicle): Demand {
  const records = appended.filter(({ topic }) => topic === EVICTIONS)
  const all: number[] = []
  const own: number[] = []
  for (const { topic, operation, t, positions, maxAgeMs } of calls.values()) {
    if (topic !== EVICTIONS || operation === 'produce') continue
    all.push(t)
    const isFar = positions?.some(({ partition, offset }) => {
      const end = records.findLast((each) => each.partition === partition && each.t <= t)?.offset ?? 0
      return offset < end - LOOK_BACK
    })
    if (operation === 'offsets' ? maxAgeMs === undefined : isFar) own.push(t)
  }
  return { all: all.sort(ascending), own: own.sort(ascending), appended: records.map(({ t }) => t) }
}

/** The most that one tail asks Kafka within a window. */
function boundOf({ scenario }: Trace, { own, appended }: Demand, at: number): number {
  const partitions = scenario.world.evictionPartitions
  const since = at - DEADLINE_MS
  const records = within(appended, since, at + WINDOW_MS).length
  // A read of what the tail does not have costs a sample as well.
  const needed = 2 * within(own, since, at + WINDOW_MS).length
  // One more: a tail that no isolate has asked for a while begins at once.
  return partitions * ((SAMPLES * WINDOW_MS) / 1000 + 2 + needed) + records
}

/** Where no fault is at work: between those that were staged, and after all of them. */
function calmOf({ faults, calmAt, end }: Chronicle): { from: number; to: number }[] {
  const until = end?.t ?? 0
  const calm: { from: number; to: number }[] = []
  let from = 0
  // What a fault leaves behind (late answers, tails that begin again) is over by the deadline after it.
  for (const { t, forMs = 0 } of faults) {
    if (t < calmAt) calm.push({ from, to: t })
    from = Math.max(from, Math.min(t + forMs, calmAt) + 4 * DEADLINE_MS)
  }
  return [...calm, { from, to: until }].filter((each) => each.to > each.from)
}

const ascending = (one: number, other: number): number => one - other

/** Those in `[from, to)`. */
const within = (times: readonly number[], from: number, to: number): readonly number[] =>
  times.slice(
    firstAbove(times, from - 1e-9, (t) => t),
    firstAbove(times, to - 1e-9, (t) => t),
  )
