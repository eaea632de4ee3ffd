/** The log that takes the records of another one, which only reads. @module */
import { must, type OptionTest } from '../../../src/api/option-check.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'

export type Writer = Pick<KafkaLog, 'produce' | 'close'>

export const writer: OptionTest = must(
  (value: Partial<Writer> | null) => typeof value?.produce === 'function',
  'must be a log',
)
