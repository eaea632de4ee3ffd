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
function runner(subject: Subject, keys: readonly string[]): (from: number) => number | Promise<number> {
  switch (subject.kind) {
    case 'sync': {
      const { read } = subject
      return (from) => {
        let sum = 0
        for (let at = from; at < from + READS; at++) sum += read(keys[at]!)!.id
        return sum
      }
    }
    case 'turn': {
      const { read } = subject
      return async (from) => {
        let sum = 0
        for (let at = from; at < from + READS; at++) {
          await Promise.resolve()
          sum += read(keys[at]!)!.id
        }
        return sum
      }
    }
    case 'async': {
      const { read, turns = 1 } = subject
      return turns === 1 ? each(read, keys) : together(read, keys, turns)
    }
    case 'many': {
      const { read } = subject
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
  }
}

type Read = Extract<Subject, { kind: 'async' }>['read']

function each(read: Read, keys: readonly string[]): (from: number) => Promise<number> {
  return async (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at++) sum += (await read(keys[at]!))!.id
    return sum
  }
}

function together(read: Read, keys: readonly string[], turns: number): (from: number) => Promise<number> {
  return async (from) => {
    let sum = 0
    for (let at = from; at < from + READS; at += turns) {
      const begun: ReturnType<Read>[] = []
      for (let each = 0; each < turns; each++) begun.push(read(keys[at + each]!))
      for (const promise of begun) sum += (await promise)!.id
    }
    return sum
  }
}
