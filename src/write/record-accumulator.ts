/**
 * Group commit: what is written to a topic in one turn goes out in few produce calls, not in one each.
 *
 * No timer gathers: a group is sent as soon as a turn of the microtask queue has added nothing to it (decision 60).
 * So on Workers a group belongs to one request. Each write resolves when its own records are acknowledged, and fails
 * with those that share a call with it.
 *
 * @module
 */
import type { NewRecord, Position } from '../ports/kafka-log.ts'
import { onAbort, orAborted } from '../runtime/abort.ts'
import { produceUntil, unacknowledged } from './produce.ts'
import type { Settings } from '../api/settings.ts'

/** Records in one produce call. */
const RECORDS_PER_CALL = 100
/** Bytes of keys and values in one call of several records. */
const BYTES_PER_CALL = 1_000_000
/** Writes that one group waits for. */
const MAX_WRITES = 1000

/** One write: its records, and the caller that waits for them. */
interface Write {
  readonly records: Promise<readonly NewRecord[]>
  /** Of its deadline. */
  readonly signal: AbortSignal
  readonly resolve: (positions: Position[]) => void
  readonly reject: (reason: unknown) => void
  /** How many of its records go out. */
  due: number
  /** Where those stand that have been acknowledged, in order. */
  readonly acknowledged: Position[]
}

interface Group {
  readonly writes: Write[]
  /** Keys whose records must stand in the log in the order in which they were written. */
  readonly ordered: Set<string>
}

/** Records of one call, each with the write that it belongs to. */
type Batch = { readonly write: Write; readonly record: NewRecord }[]

export class RecordAccumulator {
  readonly #settings: Settings
  readonly #gathering = new Map<string, Group>()
  /** For each ordered key: settles when the last group that writes it is done. */
  readonly #unfinished = new Map<string, Promise<void>>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /**
   * Appends the records, in a call with others. Rejects as they do, or with `ERR_PUBLISH`, or with `signal.reason`.
   *
   * @param ordered keys whose later records must not overtake these
   */
  send(
    topic: string,
    records: Promise<readonly NewRecord[]>,
    ordered: readonly string[],
    signal: AbortSignal,
  ): Promise<Position[]> {
    // Handled here: the group awaits them later, or never where the caller has gone.
    records.catch(() => undefined)
    // An abort ends the caller's wait; it ends the call, too, where no other write is in it.
    return orAborted(signal, (resolve, reject) => {
      const group = this.#groupOf(topic)
      const count = group.writes.push({ records, signal, resolve, reject, due: 0, acknowledged: [] })
      for (const key of ordered) group.ordered.add(key)
      const close = () => this.#close(topic, group)
      if (count >= MAX_WRITES) close()
      // Each write checks by itself whether it is the last one: the request of another write may be gone.
      else this.#settings.runtime.microtask(() => void (group.writes.length === count && close()))
      return undefined
    })
  }

  #groupOf(topic: string): Group {
    let group = this.#gathering.get(topic)
    if (group === undefined) {
      group = { writes: [], ordered: new Set() }
      this.#gathering.set(topic, group)
    }
    return group
  }

  /** Sends the group; later writes go into another one. */
  #close(topic: string, group: Group): void {
    if (this.#gathering.get(topic) !== group) return
    this.#gathering.delete(topic)
    // Where requests are isolated, none may await the group of another: there records may overtake others.
    const ordered = this.#settings.runtime.isolatesRequests ? [] : [...group.ordered]
    const before = ordered.flatMap((key) => this.#unfinished.get(key) ?? [])
    const done = Promise.all(before).then(() => this.#commit(topic, group.writes))
    for (const key of ordered) this.#unfinished.set(key, done)
    void done.finally(() => {
      for (const key of ordered) if (this.#unfinished.get(key) === done) this.#unfinished.delete(key)
    })
  }

  /** Settles each write by itself. Never rejects. */
  async #commit(topic: string, writes: readonly Write[]): Promise<void> {
    try {
      for (const batch of await batchesOf(writes)) {
        const positions = await this.#produce(topic, batch)
        // Their signals have already rejected these callers.
        if (positions === undefined) continue
        for (const [at, { write }] of batch.entries()) write.acknowledged.push(positions[at]!)
      }
    } catch (error) {
      // Rejects the writes that lack an acknowledgement; the others resolve below.
      for (const { acknowledged, due, reject } of writes)
        if (acknowledged.length < due) reject(acknowledged.length > 0 ? unacknowledged(error) : error)
    }
    for (const { acknowledged, resolve } of writes) resolve(acknowledged)
  }

  /** The positions of the records; `undefined` when every caller of the batch has aborted. */
  async #produce(topic: string, batch: Batch): Promise<Position[] | undefined> {
    const { signal, done } = signalOf(batch)
    const records = batch.map(({ record }) => record)
    if (signal.aborted) return undefined
    try {
      return await produceUntil(this.#settings, topic, records, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    } finally {
      done?.()
    }
  }
}

/** The records in few calls, in order. Rejects, and leaves out, a write whose records cannot be made. */
async function batchesOf(writes: readonly Write[]): Promise<Batch[]> {
  const batches: Batch[] = []
  let bytes = 0
  const made = await Promise.allSettled(writes.map(({ records }) => records))
  for (const [at, result] of made.entries()) {
    const write = writes[at]!
    // A caller that left before anything was sent writes nothing.
    if (result.status === 'rejected') write.reject(result.reason)
    if (result.status === 'rejected' || write.signal.aborted) continue
    write.due = result.value.length
    for (const record of result.value) {
      const size = (record.key?.length ?? 0) + (record.value?.length ?? 0)
      const isFull = bytes + size > BYTES_PER_CALL || batches.at(-1)?.length === RECORDS_PER_CALL
      if (isFull || batches.length === 0) {
        batches.push([])
        bytes = 0
      }
      batches.at(-1)!.push({ write, record })
      bytes += size
    }
  }
  return batches
}

/** Aborted when all callers of the batch have left, as they do by their deadlines. */
function signalOf(batch: Batch): { signal: AbortSignal; done?: () => void } {
  const signals = new Set(batch.map(({ write }) => write.signal))
  if (signals.size === 1) return { signal: batch[0]!.write.signal }
  const all = new AbortController()
  let left = signals.size
  const gone = (reason: unknown) => {
    if (--left === 0) all.abort(reason)
  }
  const offs = [...signals].map((signal) => onAbort(signal, gone))
  return { signal: all.signal, done: () => offs.forEach((off) => off()) }
}
