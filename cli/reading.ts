/** What a command reads the log with. @module */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { Codec } from '../src/wire/codec.ts'
import type { Session } from './session.ts'

/** The parts that a command needs to read the log. */
export interface Reading {
  readonly log: KafkaLog
  readonly codec: Codec
  readonly session: Session
  readonly maxRecords: number
}
