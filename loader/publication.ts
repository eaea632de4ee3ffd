/**
 * Publication: what a service says about keys, in few produce calls, and what it remembers of having said it.
 *
 * @module
 */
import { isKedgeError } from '../src/errors.ts'
import type { Keyspace } from '../src/keyspace.ts'
import type { NewRecord } from '../src/log.ts'
import type { Publisher } from '../src/publisher.ts'
import type { Timeline } from '../src/timeline.ts'
import type { Finding } from './batch.ts'
import type { Wanted } from './queue.ts'
import { Remembered } from './remembered.ts'
import type { LoaderCounters } from './stats.ts'

/** Records, and bytes, of one produce call: proxies refuse larger ones. */
const MAX_RECORDS = 100
const MAX_BYTES = 500_000
/** Publications that are remembered, and for how long: askers do not wait longer than that. */
const MAX_REMEMBERED = 10_000
const REMEMBERED_MS = 60_000

/** Where something was said of a key, and as of when. */
interface Said {
  readonly offset: number
  readonly asOf: number
}

export class Publication {
  readonly #publisher: Publisher
  readonly #timeline: Timeline
  readonly #counters: LoaderCounters
  readonly #said = new Remembered<Said>(MAX_REMEMBERED, REMEMBERED_MS)

  constructor(publisher: Publisher, timeline: Timeline, counters: LoaderCounters) {
    this.#publisher = publisher
    this.#timeline = timeline
    this.#counters = counters
  }

  /** Whether its askers are sure to read what was said of the key, and can use it as far as is known here. */
  answers<T>(space: Keyspace<T>, { key, end, asOf }: Wanted): boolean {
    const now = this.#timeline.now()
    const said = this.#said.get(idOf(space.name, key), now)
    if (said === undefined || said.offset < end || said.asOf < asOf) return false
    return space.joinable(key, said.asOf, now)
  }

  /**
   * Publishes the findings, and notes it in what was wanted. Resolves with the last error where something could not be
   * published; rejects only with `signal.reason`.
   */
  async publish<T>(
    space: Keyspace<T>,
    findings: readonly Finding[],
    signal: AbortSignal,
  ): Promise<{ readonly error: unknown } | undefined> {
    let failure: { readonly error: unknown } | undefined
    let calls: { finding: Finding; record: NewRecord }[][] = []
    let bytes = 0
    for (const finding of findings) {
      // The record would name the log that is there now.
      if (finding.generation !== space.partition.generation) {
        finding.wanted.outcome = 'unshareable'
        continue
      }
      try {
        const record = await this.#record(space, finding)
        const size = (record.key?.length ?? 0) + (record.value?.length ?? 0)
        const last = calls.at(-1)
        if (last === undefined || last.length >= MAX_RECORDS || bytes + size > MAX_BYTES) {
          calls.push([{ finding, record }])
          bytes = size
        } else {
          last.push({ finding, record })
          bytes += size
        }
      } catch (error) {
        // One value that is no message, or too large for one, must not keep the others back.
        failure = { error }
        finding.wanted.outcome = 'failed'
      }
    }
    for (const call of calls) failure = (await this.#append(space, call, signal)) ?? failure
    return failure
  }

  async #append<T>(
    space: Keyspace<T>,
    call: readonly { finding: Finding; record: NewRecord }[],
    signal: AbortSignal,
  ): Promise<{ readonly error: unknown } | undefined> {
    try {
      const records = call.map(({ record }) => record)
      const positions = await this.#publisher.append(records, signal)
      const now = this.#timeline.now()
      for (const [at, { finding }] of call.entries()) {
        const { wanted, asOf, candidate } = finding
        this.#said.set(idOf(space.name, wanted.key), { offset: positions[at]!.offset, asOf }, now)
        wanted.outcome = 'answered'
        if (candidate) this.#counters.values++
        else this.#counters.none++
      }
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      if (!isKedgeError(error)) throw error
      for (const { finding } of call) finding.wanted.outcome = 'failed'
      return { error }
    }
  }

  #record<T>(
    space: Keyspace<T>,
    { wanted: { key }, asOf, loadedAt, candidate }: Finding,
  ): Promise<NewRecord> {
    return candidate
      ? this.#publisher.record(space, key, candidate as never)
      : this.#publisher.absence(space, key, { asOf, loadedAt })
  }
}

const idOf = (namespace: string, key: string): string => `${namespace}/${key}`
