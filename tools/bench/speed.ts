/**
 * How long a hit takes: batches of reads, short enough that most of them are not interrupted.
 *
 * @module
 */
import { BATCH } from './subjects.ts'
import type { Make, Subject } from './subjects.ts'
import { medianOf } from './statistics.ts'
import { HELD, keyOf, valueOf, zipfOrder } from './workload.ts'

/** One subject in one round. */
export interface SpeedSample {
  /** Nanoseconds a read, the median over batches. */
  readonly ns: number
  /** The sum of the ids that were read, from which the compiler cannot get away. */
  readonly checksum: number
  readonly reads: number
}

/** Reads of one batch: about 150 µs of a `Map`. */
const READS = 2000
const ORDER = READS * 32

/**
 * @param ms how long to measure; half as long is spent on warming up
 * @throws Error when a value read was not the one that was put in.
 */
export async function measureSpeed(make: Make, seed: number, ms: number): Promise<SpeedSample> {
  const entries = Array.from({ length: HELD }, (_, index) => [keyOf(index), valueOf(index)] as const)
  const order = zipfOrder(ORDER, HELD, seed)
  const subject = await make(entries)
  const keys = Array.from(order, (index) => entries[index]![0])
  const sums = Array.from({ length: ORDER / READS }, (_, batch) =>
    order.subarray(batch * READS, (batch + 1) * READS).reduce((sum, id) => sum + id, 0),
  )
  const run = runner(subject, keys)
  let checksum = 0
  let reads = 0
  const timed = async (until: number): Promise<number[]> => {
    const took: number[] = []
    for (let batch = 0; performance.now() < until; batch = (batch + 1) % sums.length) {
      const started = process.hrtime.bigint()
      const sum = await run(batch * READS)
      took.push(Number(process.hrtime.bigint() - started) / READS)
      if (sum !== sums[batch]) throw new Error(`batch ${batch} read ${sum}, not ${sums[batch]}`)
      checksum = (checksum + sum) % Number.MAX_SAFE_INTEGER
      reads += READS
    }
    return took
  }
  await timed(performance.now() + ms / 2)
  const took = await timed(performance.now() + ms)
  subject.check?.()
  return { ns: medianOf(took), checksum, reads }
}

/** Reads one batch, from a position in the order on, and answers with the sum of the ids. */
type Run = (from: number) => number | Promise<number>

function runner(subject: Subject, keys: readonly string[]): Run {
  if (subject.kind === 'sync') return straight(subject.read, keys)
  if (subject.kind === 'turn') return turnByTurn(subject.read, keys)
  if (subject.kind === 'many') return manyAtOnce(subject.read, keys)
  const { read, turns = 1 } = subject
  return turns === 1 ? oneByOne(read, keys) : together(read, keys, turns)
}

type ReadOf<Kind extends Subject['kind']> = Extract<Subject, { kind: Kind }>['read']

function straight(read: ReadOf<'sync'>, keys: readonly string[]): Run {
  return (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at++) sum += read(keys[at]!)!.id
    return sum
  }
}

function turnByTurn(read: ReadOf<'turn'>, keys: readonly string[]): Run {
  return async (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at++) {
      await Promise.resolve()
      sum += read(keys[at]!)!.id
    }
    return sum
  }
}

function manyAtOnce(read: ReadOf<'many'>, keys: readonly string[]): Run {
  const calls = Array.from({ length: keys.length / BATCH }, (_, call) =>
    keys.slice(call * BATCH, (call + 1) * BATCH),
  )
  return async (from) => {
    let sum = 0
    for (let call = from / BATCH; call < (from + READS) / BATCH; call++) {
      const found = await read(calls[call]!)
      for (const key of calls[call]!) sum += found.get(key)!.id
    }
    return sum
  }
}

function oneByOne(read: ReadOf<'async'>, keys: readonly string[]): Run {
  return async (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at++) sum += (await read(keys[at]!))!.id
    return sum
  }
}

function together(read: ReadOf<'async'>, keys: readonly string[], turns: number): Run {
  return async (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at += turns) {
      const begun: ReturnType<ReadOf<'async'>>[] = []
      for (let nth = 0; nth < turns; nth++) begun.push(read(keys[at + nth]!))
      for (const promise of begun) sum += (await promise)!.id
    }
    return sum
  }
}
