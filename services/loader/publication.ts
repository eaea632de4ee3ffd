/**
 * Publication: publishes what the service found for keys, in few produce calls, and remembers what it
 * published.
 *
 * @module
 */
import { isKedgeError } from '../../src/ports/errors.ts'
import type { CacheContext } from '../../src/coherence/cache-context.ts'
import type { CoherentStore } from '../../src/coherence/coherent-store.ts'
import type { NewRecord } from '../../src/ports/kafka-log.ts'
import type { UpdatesPublisher } from '../../src/replicate/updates-publisher.ts'
import { absenceRecord, valueRecord } from '../../src/replicate/update-records.ts'
import type { Finding } from './finding.ts'
import type { Wanted } from './queue.ts'
import { TtlMap } from './ttl-map.ts'
import type { LoaderCounters } from './stats.ts'

/** Most records and bytes in one produce call: proxies refuse larger ones. */
const MAX_RECORDS = 100
const MAX_BYTES = 500_000
/** How many publications the service remembers, and for how long: askers do not wait longer than that. */
const MAX_REMEMBERED = 10_000
const REMEMBERED_MS = 60_000

/** The offset and the as-of of a publication about a key. */
interface Said {
  readonly offset: number
  readonly asOf: number
}

export class Publication {
  readonly #publisher: UpdatesPublisher
  readonly #shared: CacheContext
  readonly #counters: LoaderCounters
  readonly #said = new TtlMap<Said>(MAX_REMEMBERED, REMEMBERED_MS)

  constructor(publisher: UpdatesPublisher, shared: CacheContext, counters: LoaderCounters) {
    this.#publisher = publisher
    this.#shared = shared
    this.#counters = counters
  }

  /**
   * Whether its askers will read an earlier publication of the key, and no eviction known here refuses it.
   */
  answers<T>(space: CoherentStore<T>, { key, end, asOf }: Wanted): boolean {
    const now = this.#shared.clock.now()
    const said = this.#said.get(idOf(space.name, key), now)
    if (said === undefined || said.offset < end || said.asOf < asOf) return false
    return space.joinable(key, said.asOf, now)
  }

  /**
   * Publishes the findings, and sets the outcome of each wanted key. Resolves with the last error where a
   * record could not be published; rejects only with `signal.reason`.
   */
  async publish<T>(
    space: CoherentStore<T>,
    findings: readonly Finding[],
    signal: AbortSignal,
  ): Promise<{ readonly error: unknown } | undefined> {
    let failure: { readonly error: unknown } | undefined
    let calls: { finding: Finding; record: NewRecord }[][] = []
    let bytes = 0
    for (const finding of findings) {
      // The record would name the present log, but the as-of belongs to an earlier one.
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
        // One value that cannot be encoded, or is too large, must not delay the others.
        failure = { error }
        finding.wanted.outcome = 'failed'
      }
    }
    for (const call of calls) failure = (await this.#append(space, call, signal)) ?? failure
    return failure
  }

  async #append<T>(
    space: CoherentStore<T>,
    call: readonly { finding: Finding; record: NewRecord }[],
    signal: AbortSignal,
  ): Promise<{ readonly error: unknown } | undefined> {
    try {
      const records = call.map(({ record }) => record)
      const positions = await this.#publisher.append(records, signal)
      const now = this.#shared.clock.now()
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
    space: CoherentStore<T>,
    { wanted: { key }, asOf, loadedAt, candidate }: Finding,
  ): Promise<NewRecord> {
    return candidate
      ? valueRecord(this.#shared, space, key, candidate as never)
      : absenceRecord(this.#shared, space, key, { asOf, loadedAt })
  }
}

const idOf = (namespace: string, key: string): string => `${namespace}/${key}`
