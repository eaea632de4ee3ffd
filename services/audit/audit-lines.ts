/**
 * Audit lines on their way to a topic or a console: numbered by their writer, bounded in memory, losses counted.
 *
 * Several processes write to one topic, and calls may overtake one another. So no line is chained to the one before it,
 * as in a file: each has `writer` (one for each process or isolate) and `seq`, and with a key `chain`, the HMAC-SHA-256 of
 * its own text. A line that was changed has a wrong one, and one that is gone leaves a gap in the numbers. Lines that
 * were lost have numbers too, and the next line says how many they were. Workers may cancel a request that hands lines on: half
 * a minute later they count as lost, although the topic may have them.
 *
 * @module
 */
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { Clock } from '../../src/runtime/clock.ts'
import { settledWithin, withDeadline } from '../../src/runtime/deadline.ts'
import { harmless } from '../../src/runtime/listener.ts'
import { hmacBy } from './hmac.ts'
import type { Hmac } from './hmac.ts'

export interface AuditLinesOptions {
  /**
   * Hands lines on. What it rejects with is tried again, at most three times within 10 s; then the lines are lost. Must heed
   * the signal.
   */
  readonly send: (lines: readonly string[], signal: AbortSignal) => Promise<void>
  /** Seals each line. At least 32 characters. @default lines without `chain` */
  readonly key?: string | undefined
  /** Told how many lines were lost, and why. */
  readonly onLost?: ((lines: number, error: unknown) => void) | undefined
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

interface Line {
  readonly json: string
  /** Lines that were lost before this one, which says so. */
  readonly lost: number
}

/** A request of an isolate that hands lines on. */
interface Sender {
  /** Workers cancels a request's work 30 s after its answer, without a word: by then the request has ended or is gone. */
  readonly until: number
  readonly takesUntil: number
  /** What it has taken and not handed on yet. */
  lines: readonly Line[]
}

const MAX_LINES = 10_000
/** Characters of lines that wait. */
const MAX_WAITING = 8_388_608
const LINES_PER_CALL = 500
const CHARACTERS_PER_CALL = 700_000
const ATTEMPTS = 3
const FIRST_PAUSE_MS = 200
const DEADLINE_MS = 10_000
/** How long the end of a process may wait for the lines that are left. */
const CLOSE_MS = 15_000
/** Requests of one isolate that hand lines on at once. */
const MAX_SENDERS = 16
const SENDER_LEASE_MS = 30_000
/** How long a request of an isolate takes more lines: with the deadline of the last ones it ends well within its lease. */
const SENDER_TAKES_MS = 10_000

export class AuditLines {
  readonly #options: AuditLinesOptions
  readonly #onLost: (lines: number, error: unknown) => void
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #hmac: Hmac | undefined
  readonly #senders = new Set<Sender>()
  #waiting: Line[] = []
  #characters = 0
  /** Made when it is needed: Workers has no randomness before the first request. */
  #writer: string | undefined
  #next = 0
  #lost = 0
  #sending: Promise<void> | undefined

  /** @throws TypeError for a `key` that can be guessed. */
  constructor(options: AuditLinesOptions) {
    this.#options = options
    this.#onLost = harmless(options.onLost)
    this.#runtime = options.runtime ?? systemRuntime()
    this.#clock = new Clock(this.#runtime)
    this.#hmac = options.key === undefined ? undefined : hmacBy(options.key, 'key')
  }

  /**
   * Takes an entry, without waiting for anything. The promise is for `waitUntil`: it resolves when the lines that it hands
   * on are sent or lost, and never rejects.
   */
  tell(entry: object): Promise<void> {
    this.#expire()
    this.#writer ??= crypto.randomUUID()
    const lost = this.#lost
    const json = JSON.stringify({
      time: new Date(this.#runtime.now()).toISOString(),
      ...entry,
      ...(lost > 0 && { lost }),
      writer: this.#writer,
      seq: this.#next++,
    })
    if (this.#waiting.length >= MAX_LINES || this.#characters + json.length > MAX_WAITING) {
      this.#lose(1, new Error('too many lines of the audit wait'))
    } else {
      this.#lost = 0
      this.#waiting.push({ json, lost })
      this.#characters += json.length
    }
    return this.#send()
  }

  /** Resolves when every line is sent or lost, after 15 s at the latest. */
  async close(): Promise<void> {
    await settledWithin(this.#runtime, this.#send(), CLOSE_MS)
    if (this.#waiting.length > 0) this.#lose(this.#waiting.length, new Error('the process has ended'))
    this.#waiting = []
  }

  async #send(): Promise<void> {
    if (!this.#runtime.isolatesRequests) {
      this.#sending ??= this.#drain()
      return this.#sending
    }
    // No request may wait for a promise of another: each hands on what waits.
    if (this.#senders.size >= MAX_SENDERS) return
    const now = this.#clock.now()
    const sender: Sender = { until: now + SENDER_LEASE_MS, takesUntil: now + SENDER_TAKES_MS, lines: [] }
    this.#senders.add(sender)
    try {
      await this.#drain(sender)
    } finally {
      this.#senders.delete(sender)
    }
  }

  /** Counts as lost what was taken by requests that are gone. */
  #expire(): void {
    const now = this.#clock.now()
    for (const sender of this.#senders) {
      if (now < sender.until) continue
      this.#senders.delete(sender)
      if (sender.lines.length > 0)
        this.#loseTaken(sender.lines, new Error('the request that handed on the audit was cancelled'))
    }
  }

  async #drain(sender?: Sender): Promise<void> {
    // Entries of one turn go in one call.
    await Promise.resolve()
    while (this.#mayTake(sender)) {
      const lines = this.#taken()
      if (sender) sender.lines = lines
      try {
        await this.#sent(lines)
      } catch (error) {
        // A lease that is over has counted them.
        if (!sender || this.#senders.has(sender)) this.#loseTaken(lines, error)
      }
      if (sender) sender.lines = []
    }
    // At once: a line that comes after this needs another.
    this.#sending = undefined
  }

  #mayTake(sender: Sender | undefined): boolean {
    return this.#waiting.length > 0 && (sender === undefined || this.#clock.now() < sender.takesUntil)
  }

  #taken(): Line[] {
    let count = 0
    let characters = 0
    for (const { json } of this.#waiting) {
      if (count >= LINES_PER_CALL || (count > 0 && characters + json.length > CHARACTERS_PER_CALL)) break
      count++
      characters += json.length
    }
    this.#characters -= characters
    return this.#waiting.splice(0, count)
  }

  async #sent(lines: readonly Line[]): Promise<void> {
    const sealed = await Promise.all(lines.map(({ json }) => this.#sealed(json)))
    const late = () => new Error('the audit was not taken in time')
    await withDeadline(this.#runtime, DEADLINE_MS, late, async (signal) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#options.send(sealed, signal)
        } catch (error) {
          signal.throwIfAborted()
          if (attempt >= ATTEMPTS) throw error
          const pause = FIRST_PAUSE_MS * 4 ** (attempt - 1) * (0.5 + this.#runtime.random() / 2)
          await this.#runtime.sleep(pause, signal)
        }
      }
    })
  }

  async #sealed(json: string): Promise<string> {
    if (!this.#hmac) return json
    return `${json.slice(0, -1)},"chain":"${await this.#hmac(`\n${json}`)}"}`
  }

  #loseTaken(lines: readonly Line[], error: unknown): void {
    // What they said was lost has still to be said.
    this.#lost += lines.reduce((sum, { lost }) => sum + lost, 0)
    this.#lose(lines.length, error)
  }

  #lose(lines: number, error: unknown): void {
    this.#lost += lines
    this.#onLost(lines, error)
  }
}
