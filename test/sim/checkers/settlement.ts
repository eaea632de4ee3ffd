/** I14: every call settles by its deadline. @module */
import { chronicleOf } from './chronicle.ts'
import type { Chronicle, Life, Read, Write } from './chronicle.ts'
import { clockLagOf } from './clock-lag.ts'
import { Findings } from './findings.ts'
import { shares, tiers } from '../features.ts'
import type { Checker, Trace } from '../trace.ts'

/** A call of the shared tier. */
const TIER_MS = 500
/** A produce call with its repetitions. */
const PRODUCE_MS = 30_000
/** The longest that the time of an intent may be, and so a store. */
const INTENT_MS = 10_000
/** Turns of timers: waits begin a little later than the calls that wait. */
const GRAIN_MS = 100

export const settlement: Checker = {
  invariant: 'I14',
  promise: 'every read and write settles by its deadline, unless its isolate or its request is gone',
  check(trace) {
    const found = new Findings('I14')
    const chronicle = chronicleOf(trace)
    const endAt = chronicle.end?.t ?? trace.events.at(-1)?.t ?? 0
    for (const read of chronicle.reads.values()) {
      if (isGone(chronicle, read)) continue
      found.looked++
      look(trace, found, `read ${read.read}`, read, read.settledAt, endAt, readMs(trace, read))
    }
    for (const write of chronicle.writes.values()) {
      if (isGone(chronicle, write)) continue
      found.looked++
      look(trace, found, `write ${write.write}`, write, write.settled.t, endAt, writeMs(chronicle, write))
    }
    checkEnd(chronicle, found)
    checkFaults(trace, found)
    return found
  },
}

type Call = Pick<Read, 'life' | 'request' | 't'>

/** No caller waits for it any more. Where requests share an isolate a client that hangs up ends nothing. */
function isGone({ cancelled }: Chronicle, { life, request }: Call): boolean {
  if (life.killedAt < Infinity) return true
  return life.plan.isolatesRequests && request !== undefined && cancelled.has(request)
}

function look(
  trace: Trace,
  found: Findings,
  what: string,
  { life, t: from }: Call,
  settledAt: number,
  endAt: number,
  allowedMs: number,
): void {
  const until = Math.min(settledAt, endAt)
  const lastsMs = until - from
  if (lastsMs <= allowedMs) return
  // While it stands still nothing runs, and its timers count by a clock that may stand still.
  if (lastsMs <= allowedMs + clockLagOf(trace).still(life, from, until)) return
  const so = settledAt === Infinity ? 'has not settled' : 'settled'
  found.broke(until, `${what} of isolate ${life.isolate} ${so} after ${lastsMs} ms; ${allowedMs} are allowed`)
}

/**
 * A wait for a proof, then for a load; where that fails, for a proof once more before an expired value is served, and
 * before one that another caller has brought in. On Workers a leader that is gone costs one more.
 */
function readMs({ scenario }: Trace, { life: { plan }, space }: Read): number {
  const { pollTimeoutMs, hardTimeoutMs } = plan
  const waits = plan.isolatesRequests ? 5 : 4
  const tierMs = tiers(scenario, plan, space) ? TIER_MS + pollTimeoutMs : 0
  return hardTimeoutMs + waits * pollTimeoutMs + tierMs + GRAIN_MS
}

function writeMs({ writes }: Chronicle, write: Write): number {
  const { life, how, key, space, t } = write
  const { plan } = life
  // A value that is set before the first contact waits for that.
  let ms = plan.pollTimeoutMs + PRODUCE_MS + GRAIN_MS
  if (how === 'writeThrough') ms += PRODUCE_MS + Math.max(INTENT_MS, plan.hardTimeoutMs)
  if (!shares(plan, space)) return ms
  // The update beside the eviction, which waits for those of the same key that are under way.
  ms += PRODUCE_MS
  for (const other of writes.values())
    if (other !== write && other.life === life && other.space === space && other.key === key)
      if (other.t <= t && other.settled.t >= t) ms += PRODUCE_MS
  return ms
}

/** A call is open at the end only because its isolate or its request is gone. */
function checkEnd(chronicle: Chronicle, found: Findings): void {
  const { end, reads, writes } = chronicle
  if (end === undefined) return
  const open = (what: string, call: (Call & { readonly life: Life }) | undefined, id: number): void => {
    if (call !== undefined && !isGone(chronicle, call)) found.broke(end.t, `${what} ${id} is open at the end`)
  }
  for (const id of end.openReads) open('read', reads.get(id), id)
  for (const id of end.openWrites) open('write', writes.get(id), id)
}

/** What only code throws that is wrong: the cache's, or that of the platform that the simulator puts in its place. */
const FAULTS: ReadonlySet<unknown> = new Set(['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError'])

/** Calls that end at once, and all in the same way, keep every other promise. */
function checkFaults({ events }: Trace, found: Findings): void {
  for (const each of events) {
    if (each.type === 'unacknowledged' && FAULTS.has(each.code))
      found.broke(each.t, `write ${each.write} failed with a ${each.code}`)
    else if (each.type === 'threw' && FAULTS.has(each.code))
      found.broke(each.t, `read ${each.read} failed with a ${each.code}`)
    else if (each.type === 'says' && each.event.type === 'background_error' && FAULTS.has(each.event.error))
      found.broke(each.t, `work of isolate ${each.isolate} failed with a ${String(each.event.error)}`)
  }
}
