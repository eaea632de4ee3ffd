/** Reports the progress of a sync: a bar on a terminal, lines elsewhere. @module */
import type { SyncEvent } from '../services/sync/index.ts'
import type { Runtime } from '../src/ports/runtime.ts'
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import type { LogLevel } from '../adapters/logs/log-events/log-line.ts'
import { debugging } from './debug-events.ts'
import { sentence } from './failure.ts'
import { lengthOf, plain, quoted } from './terminal.ts'
import type { Terminal } from './terminal.ts'

const BAR_WIDTH = 30
/** The pause between two lines, where a line cannot be rewritten. */
const LINE_MS = 10_000
/** The pause between two reports of unusable records. */
const UNUSABLE_MS = 10_000

const WHO = {
  store_failed: 'the store',
  store_recovered: 'the store',
  log_failed: 'the log',
  log_recovered: 'the log',
  hook_failed: 'what follows the writes',
  hook_recovered: 'what follows the writes',
} as const

const TIMES = {
  timestamp: 'the timestamp of the record',
  at: "the `at` of kedge's own update",
  ttl: 'the time to live',
} as const

/** The effect of a time in another unit. */
const MEANS = {
  timestamp: '--ttl counts from it unless --ttl-from is write, and --version-by timestamp goes by it',
  at: 'the life of its value counts from it',
  ttl: 'where the field is in seconds, let it be a text such as "60s"',
} as const

const MOVED =
  'offsets of two partitions do not compare, so that an older value of a key that moved may win. --version-by timestamp tells which is newer, with --brokers; with another --stream all is read again by it'

const usual = ({ usual: at, partitions }: Extract<SyncEvent, { type: 'key_moved' }>): string =>
  at === undefined ? '' : `, and Kafka's default partitioner puts it into ${at} of ${partitions}`

const BEGAN = {
  new: 'the store knows nothing of it: reading from the beginning',
  wiped: 'the store was wiped: reading from the beginning',
  replaced: 'the topic is another one: reading from its beginning',
  rewound: 'the topic ends before what was read: reading from its beginning',
} as const

/** The sync that is reported. */
export interface ReportedSync {
  /** Whether offsets tell which of two records is the newer one. */
  readonly byOffset: boolean
  /** The name of the store, for reports that the sync waits for it. */
  readonly store: string
  readonly log: string
}

export class SyncReport {
  readonly #terminal: Terminal
  readonly #runtime: Runtime
  readonly #of: ReportedSync
  #drawn = false
  #lineAt = -Infinity
  #unusableAt = -Infinity
  #unusable = 0
  /** That which is reported. */
  #event!: SyncEvent
  readonly #debug: (event: SyncEvent) => void

  constructor(terminal: Terminal, runtime: Runtime, of: ReportedSync) {
    this.#terminal = terminal
    this.#runtime = runtime
    this.#of = of
    this.#debug = debugging('kedge sync', terminal)
  }

  take(event: SyncEvent): void {
    this.#event = event
    this.#debug(event)
    switch (event.type) {
      case 'progress':
        return this.#progress(event)
      case 'caught_up':
        return this.#say(
          event.records === 0
            ? 'at the end: nothing had come since'
            : `at the end: ${count(event.records)} records in ${lengthOf(event.durationMs)}${rate(event.recordsPerSecond)}`,
        )
      case 'begin':
        return this.#say(BEGAN[event.reason])
      case 'went_back':
        return this.#warn(
          `the store went back to an older state: ${count(event.records)} records are read again`,
        )
      case 'lost':
        return this.#warn(
          `partition ${event.partition}: retention has taken up to ${count(event.records)} records that were not read; keys that they changed may be stale until they are written again`,
          'error',
        )
      case 'stalled':
        return this.#warn(
          `partition ${event.partition}: nothing can be read at ${event.offset}, although it ends at ${event.end}: an open transaction, or a record that is too large`,
        )
      case 'partitions':
        return this.#warn(
          `the topic has ${event.to} partitions now, after ${event.from}${this.#of.byOffset ? `: ${MOVED}` : ''}`,
        )
      case 'key_moved':
        return this.#warn(
          // A log of JSON has no keys.
          `${this.#terminal.isJson ? 'a key' : quoted(event.key)} came in partition ${event.from} and in ${event.to} (at ${event.offset})${usual(event)}: ${MOVED}. This is said once; moved_keys_total counts`,
        )
      case 'store_failed':
      case 'log_failed':
      case 'hook_failed':
        if (event.attempt === 1)
          this.#warn(`${WHO[event.type]} fails: ${sentence(event.error)}; trying again`)
        return
      case 'store_waits':
        return this.#waits(this.#of.store, event)
      case 'log_waits':
        return this.#waits(this.#of.log, event)
      case 'hook_waits':
        return this.#waits(WHO.hook_failed, event)
      case 'store_recovered':
      case 'log_recovered':
      case 'hook_recovered':
        return this.#say(`${WHO[event.type]} is back after ${lengthOf(event.downMs)}`)
      case 'unusable':
        return this.#unusableRecord(event)
      case 'dead_letters_lost':
        return this.#warn(
          `${count(event.records)} dead letters could not be written, and are lost: ${sentence(event.error)}`,
          'error',
        )
      case 'suspect_time':
        return this.#warn(
          `${TIMES[event.field]} at ${event.partition}@${event.offset} looks like ${event.unit} (${event.value}), and is taken for milliseconds: ${MEANS[event.field]}. This is said once; suspect_times_total counts`,
        )
      case 'batch':
        return
    }
  }

  /** Ends the drawn line. */
  end(): void {
    if (this.#drawn) this.#terminal.draw('')
    this.#drawn = false
  }

  #progress({ records, total, recordsPerSecond, etaMs }: Extract<SyncEvent, { type: 'progress' }>): void {
    const share = total === 0 ? 1 : records / total
    const eta = etaMs === undefined ? '' : `, ${lengthOf(etaMs)} to go`
    const text = `${Math.floor(share * 100)}%  ${count(records)} of ${count(total)}${rate(recordsPerSecond)}${eta}`
    if (this.#terminal.isLive) {
      const full = Math.round(share * BAR_WIDTH)
      this.#terminal.draw(`${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}  ${text}`)
      this.#drawn = true
      return
    }
    const now = this.#runtime.monotonic()
    if (now - this.#lineAt < LINE_MS) return
    this.#lineAt = now
    this.#say(text)
  }

  #unusableRecord({ reason, partition, offset, says }: Extract<SyncEvent, { type: 'unusable' }>): void {
    // Truncations are rare, and each concerns a whole table: every one is reported.
    if (reason === 'truncate') return this.#warn(`at ${partition}@${offset}: ${plain(says)}`)
    this.#unusable++
    const now = this.#runtime.monotonic()
    if (now - this.#unusableAt < UNUSABLE_MS) return
    this.#unusableAt = now
    const many = this.#unusable === 1 ? 'a record' : `${count(this.#unusable)} records`
    // A parser quotes the text that it could not read, and a log of JSON has no values.
    const why = this.#terminal.isJson ? reason : plain(says)
    this.#warn(`${many} could not be used; the last one at ${partition}@${offset}: ${why}`)
    this.#unusable = 0
  }

  #waits(
    whom: string,
    { error, downMs }: Extract<SyncEvent, { type: 'store_waits' | 'log_waits' | 'hook_waits' }>,
  ): void {
    this.#warn(`waiting for ${whom} for ${lengthOf(downMs)}: ${sentence(error)}`)
  }

  #say(line: string): void {
    this.end()
    this.#terminal.tell('info', this.#event.type, line, eventFields(this.#event))
  }

  #warn(line: string, level: LogLevel = 'warn'): void {
    this.end()
    this.#terminal.tell(level, this.#event.type, line, eventFields(this.#event))
  }
}

const count = (number: number): string => Math.round(number).toLocaleString('en-US')
const rate = (perSecond: number): string => (perSecond === 0 ? '' : `, ${count(perSecond)}/s`)
