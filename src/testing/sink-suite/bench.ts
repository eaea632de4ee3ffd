/** What the tests of a sink's contract work with. @module */
import type { Sink, SinkBatch, SinkOutcome, SinkVersion, SinkWrite } from '../../ports/sink.ts'
import type { Assertion } from '../log-suite/bench.ts'

/** The sink under test, and its store as other clients see it. */
export interface SinkUnderTest {
  readonly sink: Sink
  /** Another sink on the same store, with connections of its own. */
  readonly another: Sink
  /** The value as it stands in the store, read by the store's own commands. */
  readonly get: (key: string) => Promise<Uint8Array | null | undefined> | Uint8Array | null | undefined
  /** Lets at least so much time pass by the store's clock. */
  readonly pass: (ms: number) => Promise<void>
  /** Lets the store lose everything. */
  readonly wipe: () => Promise<void> | void
  /** Ends the sinks and what was started for them. */
  readonly close: () => Promise<void> | void
}

export const STREAM = 'orders'
export const EPOCH = 'e1'

/** What every test is given. */
export interface SinkBench extends SinkUnderTest {
  readonly expect: (actual: unknown) => Assertion
  /** The value as text, `undefined` where there is none. */
  readonly text: (key: string) => Promise<string | undefined>
  /** Writes to partition 0 of {@link STREAM} in {@link EPOCH}, up to position 10, where nothing else is said. */
  readonly write: (
    writes: readonly SinkWrite[],
    batch?: Partial<SinkBatch>,
    sink?: Sink,
  ) => Promise<SinkOutcome>
  /** Begins {@link STREAM} in {@link EPOCH}. */
  readonly begun: () => Promise<void>
}

export type SinkTest = (name: string, body: (bench: SinkBench) => Promise<void>) => void

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const put = (
  key: string,
  value: string | null,
  version: SinkVersion | number = [1, 0],
  ttlMs?: number,
): SinkWrite => ({
  key,
  value: value === null ? null : encoder.encode(value),
  version: typeof version === 'number' ? [version, 0] : version,
  ttlMs,
})

export function sinkBench(made: SinkUnderTest, expect: (actual: unknown) => Assertion): SinkBench {
  return {
    ...made,
    expect,
    text: async (key) => {
      const value = await made.get(key)
      return value === null || value === undefined ? undefined : decoder.decode(value)
    },
    write: (writes, batch, sink = made.sink) =>
      sink.write(STREAM, { epoch: EPOCH, partition: 0, next: 10, writes, ...batch }),
    begun: () => made.sink.begin(STREAM, EPOCH, 'log-1'),
  }
}
