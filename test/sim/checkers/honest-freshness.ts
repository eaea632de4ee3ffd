/** I7: an isolate is as fresh as it says. @module */
import { EVICTIONS, ROUNDING_MS, chronicleOf, firstAbove } from './chronicle.ts'
import type { Chronicle, Life } from './chronicle.ts'
import { clockLagOf } from './clock-lag.ts'
import { evictionLogOf } from './eviction-log.ts'
import type { Eviction, EvictionLog } from './eviction-log.ts'
import { Findings } from './findings.ts'
import { Reach } from './positions.ts'
import { progressOf } from './progress.ts'
import type { Checker } from '../trace.ts'

export const honestFreshness: Checker = {
  invariant: 'I7',
  promise: 'an isolate that says it is proved as of a moment has received every eviction appended before it',
  check(trace) {
    const found = new Findings('I7')
    const chronicle = chronicleOf(trace)
    const log = evictionLogOf(trace)
    const lag = clockLagOf(trace)
    const progress = progressOf(trace)
    const { identity } = trace.scenario.world
    const reach = new Reach()
    const partitions = new Map<Life, Set<number>>()
    for (const step of stepsOf(chronicle)) {
      if (step.told !== undefined) {
        reach.told(step.told)
        if (step.told.operation === 'offsets') inUse(partitions, step.life, step.told.told!.positions)
        continue
      }
      if (step.anchor !== undefined) {
        reach.resynced(step.life, step.anchor.partition, step.anchor.offset)
        continue
      }
      const { life, ageMs, seq, t } = step
      if (ageMs === undefined || ageMs === null) continue
      const since = lag.earliest(life, t, ageMs) - ROUNDING_MS
      for (const partition of partitions.get(life) ?? []) {
        found.looked++
        const last = lastBefore(log, partition, since)
        const reached = reach.of(life, partition) ?? 0
        if (last === undefined || last.offset < reached) continue
        // The topic was recreated since: the proof was of the log before it.
        if (log.recreations.some((each) => each.seq < seq && each.seq > last.seq)) continue
        // Documented: an isolate may take a log without an identity for the one that it has replaced.
        if (!identity && progress.isUnaware(life, partition, seq)) continue
        found.broke(
          t,
          `isolate ${life.isolate} says it is ${ageMs} ms old, and has read only up to ${reached} of partition ${partition}: ` +
            `offset ${last.offset} was appended ${t - last.t} ms ago`,
        )
      }
    }
    return found
  },
}

interface Step {
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly told?: NonNullable<ReturnType<Chronicle['calls']['get']>>
  readonly anchor?: { readonly partition: number; readonly offset: number }
  readonly ageMs?: number | null
}

function stepsOf({ calls, lives, states }: Chronicle): Step[] {
  const steps: Step[] = []
  for (const call of calls.values())
    if (call.topic === EVICTIONS && call.operation !== 'produce' && call.told !== undefined)
      steps.push({ seq: call.toldSeq, t: call.toldAt, life: call.life, told: call })
  for (const life of lives.values())
    for (const anchor of life.reanchors) steps.push({ seq: anchor.seq, t: anchor.t, life, anchor })
  for (const { seq, t, isolate, ageMs } of states) {
    const life = lives.get(isolate)
    if (life !== undefined) steps.push({ seq, t, life, ageMs })
  }
  return steps.sort((a, b) => a.seq - b.seq)
}

function inUse(
  partitions: Map<Life, Set<number>>,
  life: Life,
  asked: readonly { readonly partition: number }[],
): void {
  let used = partitions.get(life)
  if (used === undefined) partitions.set(life, (used = new Set()))
  for (const { partition } of asked) used.add(partition)
}

/** The last record that was in the partition by then. */
function lastBefore(log: EvictionLog, partition: number, since: number): Eviction | undefined {
  const records = log.ofPartition(partition)
  return records[firstAbove(records, since - 1e-6, ({ t }) => t) - 1]
}
