/** A sink that keeps topics in a store: its options, and its calls, each with a deadline. @module */
import type { Options, OptionTest } from '../../../src/api/option-check.ts'
import type { Sink, SinkBatch, SinkOutcome, SinkState } from '../../../src/ports/sink.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { answeredWithin } from '../../deadline.ts'
import { check, longerThanNothing } from '../../options.ts'
import { duration } from '../../option-tests.ts'

export interface TopicSinkOptions {
  /** Begins the name of every key that is kedge's own. @default 'kedge:' */
  readonly prefix?: string
  /**
   * How long the version of a deleted or expired key is remembered: a replay or a second sync that is further behind
   * could bring it back for a while.
   * @default '24h'
   */
  readonly tombstoneTtl?: Duration
  /** How long a call may take in all. @default '10s' */
  readonly timeout?: Duration
}

/** The streams of one sink in its store. */
export interface TopicStreams {
  state(stream: string, watch: boolean, signal: AbortSignal): Promise<SinkState | undefined>
  begin(
    stream: string,
    epoch: string,
    logId: string | undefined,
    replaces: string | undefined,
    signal: AbortSignal,
  ): Promise<void>
  write(stream: string, batch: SinkBatch, signal: AbortSignal): Promise<SinkOutcome>
}

/** The layout that a store's own writes begin with. */
export interface TopicLayout {
  readonly prefix: string
  /** How long a version outlives its value, in milliseconds. */
  readonly tombstoneMs: number
}

/** The shape of {@link TopicSinkOptions} with those of one store. */
export const topicSinkShape = (prefix: OptionTest, own: Options): Options => ({
  prefix,
  tombstoneTtl: duration,
  timeout: duration,
  ...own,
})

/** @throws TypeError where an option of `adapter` is wrong or unknown. */
export function topicSink(
  adapter: string,
  name: string,
  shape: Options,
  options: TopicSinkOptions,
  open: (layout: TopicLayout) => TopicStreams,
): Sink {
  check(shape, options, adapter)
  const timeoutMs = longerThanNothing(options.timeout ?? '10s', 'timeout')
  const tombstoneMs = longerThanNothing(options.tombstoneTtl ?? '24h', 'tombstoneTtl')
  const streams = open({ prefix: options.prefix ?? 'kedge:', tombstoneMs })

  return {
    name,
    state: (stream, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => streams.state(stream, call.watch ?? false, signal)),
    begin: (stream, epoch, logId, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) =>
        streams.begin(stream, epoch, logId, call.replaces, signal),
      ),
    write: (stream, batch, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => streams.write(stream, batch, signal)),
  }
}
