/** Keeps the last write of each key. @module */
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { SinkVersion } from '../../src/ports/sink.ts'
import type { MappedWrite } from './record-mapper.ts'

/** A moment, by both clocks. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

/** A write, and the record that it comes from. */
export interface SourcedWrite extends MappedWrite {
  readonly record: LogRecord
  /** Its time to live counts from here. */
  readonly mappedAt: Moment
}

/** For each key the write with the highest version; of two equal ones the later. */
export function compact(writes: readonly SourcedWrite[]): SourcedWrite[] {
  const last = new Map<string, SourcedWrite>()
  for (const each of writes) {
    const known = last.get(each.write.key)
    if (known === undefined || !isBelow(each.write.version, known.write.version))
      last.set(each.write.key, each)
  }
  return [...last.values()]
}

const isBelow = (version: SinkVersion, other: SinkVersion): boolean =>
  version[0] < other[0] || (version[0] === other[0] && version[1] < other[1])
