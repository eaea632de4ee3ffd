/**
 * A trace, read once: what each isolate read, wrote, loaded and asked, and how it ended.
 *
 * The index of an event (`seq`) identifies it, because many events happen at one moment.
 *
 * @module
 */
import type { IsolatePlan, ReadHow, SpaceName, WriteHow } from '../scenario.ts'
import type { Row, Trace, TraceEvent } from '../trace.ts'

type Of<Type extends TraceEvent['type']> = Extract<TraceEvent, { readonly type: Type }>
export type Says = Of<'says'>['event']

export const EVICTIONS = 'cache-evictions'
export const UPDATES = 'cache-updates'
/** The cache's own clock counts in whole milliseconds, and rounds up at both ends. */
export const ROUNDING_MS = 2

export interface Life {
  readonly isolate: number
  readonly seat: number
  readonly plan: IsolatePlan
  readonly bornAt: number
  killedAt: number
  readonly freezes: { readonly from: number; to: number }[]
  /** When both clocks had stepped back, and by how much, where no look of the isolate's could show it. */
  readonly hiddenSteps: { readonly at: number; readonly ms: number }[]
  /** Moments at which it is known to have compared both of its clocks, ascending. */
  readonly looks: { readonly seq: number; readonly t: number }[]
  readonly reanchors: Reanchor[]
}

export interface Reanchor {
  readonly seq: number
  readonly t: number
  readonly partition: number
  readonly reason: Extract<Says, { type: 'reanchor' }>['reason']
  readonly offset: number
}

export interface Read {
  readonly read: number
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly request: number | undefined
  readonly how: ReadHow
  readonly space: SpaceName
  readonly keys: readonly string[]
  readonly after: Of<'read'>['after']
  readonly stranger: Of<'read'>['stranger']
  readonly bare: boolean
  settledAt: number
  settledSeq: number
  code: string | undefined
}

export interface Served extends Pick<Of<'served'>, 'key' | 'from' | 'flagged' | 'bypassed' | 'stored'> {
  readonly seq: number
  readonly t: number
  readonly by: Read
  readonly row: Row | undefined
}

export interface Write {
  readonly write: number
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly request: number | undefined
  readonly how: WriteHow
  readonly space: SpaceName
  readonly key: string
  readonly version: number
  readonly evicts: Of<'write'>['evicts']
  readonly pattern: string | undefined
  readonly settled: { t: number; seq: number }
  acknowledgedAt: number
  token: string | undefined
  partition: number | undefined
  offset: number | undefined
}

export interface Load {
  readonly load: number
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly request: number | undefined
  readonly space: SpaceName
  readonly key: string
  endedAt: number
  endedSeq: number
}

export interface Call {
  readonly call: number
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly operation: Of<'asked'>['operation']
  readonly topic: string
  readonly positions: Of<'asked'>['positions']
  readonly maxAgeMs: Of<'asked'>['maxAgeMs']
  toldSeq: number
  toldAt: number
  told: Of<'told'> | undefined
}

export interface Said {
  readonly seq: number
  readonly t: number
  readonly life: Life
  readonly event: Says
}

export interface Commit {
  readonly version: number
  readonly t: number
  readonly seq: number
}

export interface Chronicle {
  readonly trace: Trace
  readonly lives: Map<number, Life>
  readonly reads: Map<number, Read>
  readonly served: Served[]
  readonly writes: Map<number, Write>
  readonly loads: Map<number, Load>
  readonly calls: Map<number, Call>
  readonly said: Said[]
  readonly states: (Of<'state'> & { readonly seq: number })[]
  readonly holds: Of<'holds'>[]
  readonly appended: (Of<'appended'> & { readonly seq: number })[]
  readonly changes: (Of<'log'> & { readonly seq: number })[]
  readonly faults: Of<'fault'>[]
  readonly overs: Of<'fault_over'>[]
  /** When each version of a row was committed, ascending by version: index 0 is the first commit seen. */
  readonly commits: Map<string, Commit[]>
  /** Requests whose client hung up, and when. */
  readonly cancelled: Map<number, number>
  readonly calmAt: number
  readonly end: Of<'end'> | undefined
}

export const rowOf = (space: string, key: string): string => `${space}/${key}`

const known = new WeakMap<Trace, Chronicle>()

/** The chronicle of a trace; read once, however many checkers use it. */
export function chronicleOf(trace: Trace): Chronicle {
  let chronicle = known.get(trace)
  if (chronicle === undefined) {
    chronicle = chronicled(trace)
    known.set(trace, chronicle)
  }
  return chronicle
}

type Draft = { -readonly [Name in keyof Chronicle]: Chronicle[Name] }

function chronicled(trace: Trace): Chronicle {
  const draft: Draft = {
    trace,
    lives: new Map(),
    reads: new Map(),
    served: [],
    writes: new Map(),
    loads: new Map(),
    calls: new Map(),
    said: [],
    states: [],
    holds: [],
    appended: [],
    changes: [],
    faults: [],
    overs: [],
    commits: new Map(),
    cancelled: new Map(),
    calmAt: Infinity,
    end: undefined,
  }
  const { events } = trace
  for (let seq = 0; seq < events.length; seq++) take(draft, events[seq] as TraceEvent, seq)
  return draft
}

function take(draft: Draft, event: TraceEvent, seq: number): void {
  switch (event.type) {
    case 'says':
      return takeSaid(draft, event, seq)
    case 'read':
    case 'served':
    case 'threw':
      return takeRead(draft, event, seq)
    case 'write':
    case 'acknowledged':
    case 'unacknowledged':
      return takeWrite(draft, event, seq)
    case 'load':
    case 'loaded':
    case 'load_lost':
      return takeLoad(draft, event, seq)
    case 'asked':
    case 'told':
    case 'untold':
      return takeCall(draft, event, seq)
    case 'isolate':
    case 'killed':
    case 'frozen':
    case 'thawed':
    case 'hidden_step':
    case 'request':
      return takeLife(draft, event)
    case 'begin':
    case 'upstream':
      return undefined
    case 'appended':
    case 'calm':
    case 'cancelled':
    case 'commit':
    case 'end':
    case 'fault':
    case 'fault_over':
    case 'holds':
    case 'log':
    case 'state':
      return takeRest(draft, event, seq)
  }
}

function takeLife(
  { lives }: Draft,
  event: Of<'isolate'> | Of<'killed'> | Of<'frozen'> | Of<'thawed'> | Of<'hidden_step'> | Of<'request'>,
): void {
  const { isolate, t } = event
  if (event.type === 'isolate') {
    const { seat, plan } = event
    const unused = { killedAt: Infinity, freezes: [], hiddenSteps: [], looks: [], reanchors: [] }
    lives.set(isolate, { isolate, seat, plan, bornAt: t, ...unused })
    return
  }
  const life = lives.get(isolate)
  if (life === undefined) return
  if (event.type === 'killed') life.killedAt = t
  else if (event.type === 'hidden_step') life.hiddenSteps.push({ at: event.since, ms: event.ms })
  else if (event.type === 'frozen') life.freezes.push({ from: t, to: Infinity })
  else if (event.type === 'thawed') {
    const last = life.freezes.at(-1)
    if (last !== undefined) last.to = Math.min(last.to, t)
  }
}

function takeSaid({ lives, said }: Draft, { t, isolate, event }: Of<'says'>, seq: number): void {
  const life = lives.get(isolate)
  if (life === undefined) return
  said.push({ seq, t, life, event })
  if (event.type === 'reanchor') {
    const { partition, reason, offset } = event
    life.reanchors.push({ seq, t, partition, reason, offset })
  }
}

function takeRead(
  { lives, reads, served }: Draft,
  event: Of<'read'> | Of<'served'> | Of<'threw'>,
  seq: number,
): void {
  const { read, t } = event
  if (event.type === 'read') {
    const { request, how, space, keys, after, stranger, bare = false } = event
    const life = lives.get(event.isolate)
    if (life === undefined) return
    const open = { settledAt: Infinity, settledSeq: Infinity, code: undefined }
    // Where its scope is opened.
    if (!bare) life.looks.push({ seq, t })
    reads.set(read, { read, seq, t, life, request, how, space, keys, after, stranger, bare, ...open })
    return
  }
  const by = reads.get(read)
  if (by === undefined) return
  by.settledAt = t
  by.settledSeq = seq
  if (event.type === 'threw') {
    by.code = event.code
    return
  }
  const { key, row, from, flagged, bypassed, stored } = event
  served.push({ seq, t, by, key, row, from, flagged, bypassed, stored })
}

function takeWrite(
  { lives, writes }: Draft,
  event: Of<'write'> | Of<'acknowledged'> | Of<'unacknowledged'>,
  seq: number,
): void {
  const { t } = event
  if (event.type === 'write') {
    const { write, request, how, space, key, version, evicts, pattern } = event
    const life = lives.get(event.isolate)
    if (life === undefined) return
    const open = { settled: { t: Infinity, seq: Infinity }, acknowledgedAt: Infinity }
    const nowhere = { token: undefined, partition: undefined, offset: undefined }
    const what = { write, request, how, space, key, version, evicts, pattern }
    life.looks.push({ seq, t })
    writes.set(write, { ...what, seq, t, life, ...open, ...nowhere })
    return
  }
  const write = writes.get(event.write)
  if (write === undefined) return
  Object.assign(write.settled, { t, seq })
  if (event.type === 'unacknowledged') return
  write.acknowledgedAt = t
  write.token = event.token
  write.partition = event.partition
  write.offset = event.offset
}

function takeLoad(
  { lives, loads }: Draft,
  event: Of<'load'> | Of<'loaded'> | Of<'load_lost'>,
  seq: number,
): void {
  const { load, t } = event
  if (event.type === 'load') {
    const { request, space, key } = event
    const life = lives.get(event.isolate)
    if (life === undefined) return
    loads.set(load, { load, seq, t, life, request, space, key, endedAt: Infinity, endedSeq: Infinity })
    life.looks.push({ seq, t })
    return
  }
  const begun = loads.get(load)
  if (begun === undefined || begun.endedSeq !== Infinity) return
  begun.endedAt = t
  begun.endedSeq = seq
}

function takeCall(
  { lives, calls }: Draft,
  event: Of<'asked'> | Of<'told'> | Of<'untold'>,
  seq: number,
): void {
  const { call, t } = event
  if (event.type === 'asked') {
    const { operation, topic, positions, maxAgeMs } = event
    const life = lives.get(event.isolate)
    if (life === undefined) return
    const open = { toldSeq: Infinity, toldAt: Infinity, told: undefined }
    calls.set(call, { call, seq, t, life, operation, topic, positions, maxAgeMs, ...open })
    // A poll begins by noting the time.
    if (operation === 'offsets' && topic === EVICTIONS) life.looks.push({ seq, t })
    return
  }
  const asked = calls.get(call)
  if (asked === undefined || event.type === 'untold') return
  asked.toldSeq = seq
  asked.toldAt = t
  asked.told = event
}

function takeRest(draft: Draft, event: TraceEvent, seq: number): void {
  if (event.type === 'state') draft.states.push({ ...event, seq })
  else if (event.type === 'holds') draft.holds.push(event)
  else if (event.type === 'appended') draft.appended.push({ ...event, seq })
  else if (event.type === 'log') draft.changes.push({ ...event, seq })
  else if (event.type === 'fault') draft.faults.push(event)
  else if (event.type === 'fault_over') draft.overs.push(event)
  else if (event.type === 'cancelled') draft.cancelled.set(event.request, event.t)
  else if (event.type === 'calm') draft.calmAt = Math.min(draft.calmAt, event.t)
  else if (event.type === 'end') draft.end = event
  else if (event.type === 'commit') {
    const of = rowOf(event.space, event.key)
    const commits = draft.commits.get(of)
    const commit = { version: event.version, t: event.t, seq }
    if (commits) commits.push(commit)
    else draft.commits.set(of, [commit])
  }
}

/** The commit that replaced the version of a row at its source; `undefined` where there is none yet. */
export function replacedBy({ commits }: Chronicle, row: Row): Commit | undefined {
  const list = commits.get(rowOf(row.space, row.key)) ?? []
  return list[firstAbove(list, row.version, ({ version }) => version)]
}

/** The index of the first item of an ascending list whose number is above `than`. */
export function firstAbove<T>(list: readonly T[], than: number, numberOf: (item: T) => number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numberOf(list[middle] as T) > than) high = middle
    else low = middle + 1
  }
  return low
}
