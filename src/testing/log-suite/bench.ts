/** What the tests of the contract work with. @module */
import type {
  KafkaLog,
  LogRecord,
  NewRecord,
  OffsetsOptions,
  PartitionOffsets,
  ReadOptions,
} from '../../ports/kafka-log.ts'

/** The part of an assertion that the suite uses; that of Vitest, Jest, Bun and `@std/expect` alike. */
export interface Assertion {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
}

/** The log under test, on its own or with others on one server. */
export interface LogUnderTest {
  readonly log: KafkaLog
  /** Makes a topic that no other test uses, and resolves with its name. */
  readonly topic: (partitions: number) => Promise<string> | string
  /** Deletes the topic and makes it anew, empty, under the same name. Needed for `identity`. */
  readonly recreate?: (topic: string) => Promise<void> | void
  /** Lets retention delete the records below `offset`. Without it the suite leaves that part untested. */
  readonly truncate?: (topic: string, partition: number, offset: number) => Promise<void> | void
  /** What the tests of ages need. Needed for `shared`. */
  readonly shared?: {
    /** What ages are reckoned by: a `Clock`, on which the log's own time passes as well. */
    readonly clock: NonNullable<OffsetsOptions['clock']>
    /** Lets so many milliseconds pass. */
    readonly passes: (ms: number) => Promise<void> | void
    /** From now on the store loses each put, and answers with what it has by now. Needed for `stores`. */
    readonly holdStore?: () => void
  }
  /** Ends the log and what was started for it. */
  readonly close: () => Promise<void> | void
}

/** What every test is given. */
export interface Bench extends LogUnderTest {
  readonly expect: (actual: unknown) => Assertion
  /** Reads from one position. */
  readonly from: (
    topic: string,
    offset: number,
    options?: Partial<ReadOptions>,
  ) => ReturnType<KafkaLog['read']>
  /** Reads on until the position is `end`, as a follower does. */
  readonly upTo: (
    topic: string,
    offset: number,
    end: number,
    options?: Partial<ReadOptions>,
  ) => Promise<LogRecord[]>
}

export type Test = (name: string, body: (bench: Bench) => Promise<void>) => void

export const AT_ONCE: ReadOptions = { maxBytes: 1_000_000, waitMs: 0, isolation: 'uncommitted' }

/** Longer than any runner waits for a test: a poll that does not wake fails. */
export const A_LONG_TIME = 120_000

/** Reads before a position counts as stuck. */
const MAX_READS = 250

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const bytes = (value: string): Uint8Array => encoder.encode(value)

export function record(key: string, value: string, partition?: number): NewRecord {
  return { key: bytes(key), value: bytes(value), ...(partition === undefined ? {} : { partition }) }
}

export const text = ({ key, value }: LogRecord): string =>
  `${decoder.decode(key ?? undefined)}=${decoder.decode(value ?? undefined)}`

export const plain = ({ partition, beginning, end }: PartitionOffsets): PartitionOffsets => ({
  partition,
  beginning,
  end,
})

export const byPartition = (positions: readonly { partition: number; offset: number }[]): number[] =>
  positions.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset)

/** What the promise rejects with, or the string `'it resolved'`. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it resolved',
    (reason: unknown) => reason,
  )

export function bench(made: LogUnderTest, expect: (actual: unknown) => Assertion): Bench {
  const { log } = made
  const from: Bench['from'] = (topic, offset, options) =>
    log.read(topic, [{ partition: 0, offset }], { ...AT_ONCE, ...options })
  return {
    log,
    expect,
    from,
    topic: (partitions) => made.topic(partitions),
    ...(made.recreate ? { recreate: (topic: string) => made.recreate?.(topic) } : {}),
    ...(made.truncate
      ? {
          truncate: (topic: string, partition: number, offset: number) =>
            made.truncate?.(topic, partition, offset),
        }
      : {}),
    ...(made.shared && { shared: made.shared }),
    close: () => made.close(),
    async upTo(topic, offset, end, options) {
      const records: LogRecord[] = []
      let position = offset
      for (let reads = 0; reads < MAX_READS && position < end; reads++) {
        const answer = await from(topic, position, options)
        records.push(...answer.records)
        position = answer.next[0]?.offset ?? position
      }
      expect(position).toBe(end)
      return records
    },
  }
}
