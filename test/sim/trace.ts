/**
 * What happened in a run, in order. The checkers know nothing else.
 *
 * Times are milliseconds of true time since the beginning, which no isolate knows. An isolate here is one life: the
 * one that takes the place of a killed one has another number.
 *
 * @module
 */
import type { KedgeEvent } from '../../src/api/events.ts'
import type { IsolatePlan, ReadHow, Scenario, SpaceName, WriteHow } from './scenario.ts'

export interface Trace {
  readonly scenario: Scenario
  readonly events: readonly TraceEvent[]
}

/** A value as it came from the source or from a `set`. It carries its own version and times. */
export interface Row {
  readonly space: SpaceName
  readonly key: string
  /** Counts the commits of the row; in `sets` the number of the write that set it. */
  readonly version: number
  /** When the source was read: true time. In `sets` when the call began. */
  readonly readAt: number
  /** Of which the tags are made. */
  readonly even: boolean
}

export type TraceEvent = { readonly t: number } & (
  | { readonly type: 'begin' }
  | {
      /** An isolate comes to life. */
      readonly type: 'isolate'
      readonly isolate: number
      /** Whose place it takes: index in the scenario. */
      readonly seat: number
      readonly plan: IsolatePlan
    }
  | { readonly type: 'killed'; readonly isolate: number }
  | { readonly type: 'frozen'; readonly isolate: number }
  | { readonly type: 'thawed'; readonly isolate: number }
  | {
      /** Both clocks had stepped back at `since`, and show no less than when the isolate last looked. */
      readonly type: 'hidden_step'
      readonly isolate: number
      readonly since: number
      readonly ms: number
    }
  | { readonly type: 'request'; readonly isolate: number; readonly request: number }
  | { readonly type: 'cancelled'; readonly isolate: number; readonly request: number }
  | {
      readonly type: 'fault'
      readonly fault: string
      readonly isolate?: number
      readonly forMs?: number
      readonly amount?: number
    }
  | { readonly type: 'fault_over'; readonly fault: string }
  /** All faults are over, and nothing new is written. */
  | { readonly type: 'calm' }

  /** The row has this version at its source from now on. */
  | { readonly type: 'commit'; readonly space: SpaceName; readonly key: string; readonly version: number }
  | {
      /** A call that evicts begins; the commit came before. */
      readonly type: 'write'
      readonly write: number
      readonly isolate: number
      readonly request: number | undefined
      readonly how: WriteHow
      readonly space: SpaceName
      readonly key: string
      /** What the row became; with `set` the number of the write. */
      readonly version: number
      /** What it evicts of its namespace; of all namespaces with `everything`. */
      readonly evicts: 'key' | 'tag' | 'prefix' | 'namespace' | 'everything'
      /** The tag or prefix. */
      readonly pattern?: string
    }
  | {
      /** The call resolved. `offset` is where its eviction stands, where the token names it. */
      readonly type: 'acknowledged'
      readonly write: number
      readonly token: string | undefined
      readonly partition: number | undefined
      readonly offset: number | undefined
    }
  | { readonly type: 'unacknowledged'; readonly write: number; readonly code: string }
  | {
      readonly type: 'read'
      readonly read: number
      readonly isolate: number
      readonly request: number | undefined
      readonly how: ReadHow
      readonly space: SpaceName
      readonly keys: readonly string[]
      /** The token that it must reflect, and the write that returned it. */
      readonly after?: { readonly write: number; readonly partition: number; readonly offset: number }
      /** Its token is a stranger's: from beyond the end of any log, or of another log. */
      readonly stranger?: 'ahead' | 'elsewhere'
      /** By the cache itself: nothing keeps alive what it leaves behind when its request is answered. */
      readonly bare?: true
    }
  | {
      /** A read resolved: one event for each key. `row` is absent where there is no value. */
      readonly type: 'served'
      readonly read: number
      readonly key: string
      readonly row: Row | undefined
      readonly from: 'memory' | 'tier' | 'loader' | undefined
      /** Why it is not promised to be fresh; `'unknown'` where the call does not say (many at once, in an outage). */
      readonly flagged: 'swr' | 'error' | 'timeout' | 'unreachable' | 'unknown' | undefined
      readonly bypassed: boolean
      readonly stored: boolean
    }
  /** A read rejected. `code` is of a `KedgeError`, or the name of another error. */
  | { readonly type: 'threw'; readonly read: number; readonly code: string }

  /** A loader was called, and what came of it. */
  | {
      readonly type: 'load'
      readonly load: number
      readonly isolate: number
      readonly request: number | undefined
      readonly space: SpaceName
      readonly key: string
    }
  | { readonly type: 'loaded'; readonly load: number; readonly row: Row | undefined; readonly error?: string }
  /** The isolate, or the request, in which it ran is gone: the load does not go on. */
  | { readonly type: 'load_lost'; readonly load: number }

  /** Kafka itself. `offset` is the record's; `write` the call whose record it is, where it is one. */
  | {
      readonly type: 'appended'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly logId: string
      readonly text: string
      /** The record key of an eviction, where it is no key that the message names. */
      readonly key?: string
    }
  | {
      readonly type: 'log'
      readonly change: 'truncated' | 'recreated' | 'partitions' | 'compacted' | 'aborted'
      readonly topic: string
      readonly partition: number
      readonly beginning: number
      readonly end: number
      readonly logId: string
    }
  | {
      /** Kafka is asked for evictions: by a tail, or by an isolate that has one. */
      readonly type: 'upstream'
      readonly by: 'tail' | 'isolate'
      /** Which tail, or whose seat. */
      readonly which: number
      readonly operation: 'offsets' | 'read'
    }

  /** What goes through the port (`KafkaLog`), seen from the core. */
  | {
      readonly type: 'asked'
      readonly call: number
      readonly isolate: number
      readonly operation: 'offsets' | 'read' | 'produce'
      readonly topic: string
      /** Of a read: from where. */
      readonly positions?: readonly { readonly partition: number; readonly offset: number }[]
      /** Of offsets: how old they may be. */
      readonly maxAgeMs?: number
    }
  | {
      readonly type: 'told'
      readonly call: number
      /** Of a read: where to go on; of offsets: the ends; of a produce: where the records stand. */
      readonly positions: readonly { readonly partition: number; readonly offset: number }[]
      /** Of offsets: how long before the call they may have been sampled, by the clock of the isolate. */
      readonly ageMs?: number
      /** Of a read: the offsets of its records. */
      readonly offsets?: readonly { readonly partition: number; readonly offset: number }[]
    }
  | { readonly type: 'untold'; readonly call: number; readonly code: string }

  /** An event of the isolate's own `onEvent`. Errors in it are replaced by their code. */
  | { readonly type: 'says'; readonly isolate: number; readonly event: KedgeEvent }
  | {
      /** After everything that ran in an isolate at one moment. */
      readonly type: 'state'
      readonly isolate: number
      readonly entries: number
      readonly bytes: number
      readonly proved: boolean
      /** Milliseconds; `null` before the first proof. */
      readonly ageMs: number | null
      /** How many records behind the ends that it knows. */
      readonly lag: number
      readonly unverified: number
    }
  | {
      /** At the end, with everything read and nothing under way: what an isolate holds of these rows. */
      readonly type: 'holds'
      readonly isolate: number
      readonly space: SpaceName
      readonly key: string
      readonly row: Row | undefined
    }
  /** No work is left, or only work that never ends: `open` lists the reads and writes that did not settle. */
  | {
      readonly type: 'end'
      readonly openReads: readonly number[]
      readonly openWrites: readonly number[]
      /** How often each class of faults met a request, a load, an isolate or the log. */
      readonly met?: Readonly<Record<string, number>>
    }
)

/** A promise that was broken. */
export interface Violation {
  /** `'I1'` to `'I16'`, and `'I18'`. */
  readonly invariant: string
  /** When, and what: a sentence. */
  readonly t: number
  readonly text: string
}

/** Looks at a trace for one promise. */
export interface Checker {
  readonly invariant: string
  /** What is promised, in one sentence. */
  readonly promise: string
  /** How often it looked: a checker that looks at nothing proves nothing. */
  check(trace: Trace): { readonly violations: readonly Violation[]; readonly looked: number }
}
