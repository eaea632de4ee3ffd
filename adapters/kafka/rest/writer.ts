/** The log that takes the records of another one, which only reads. @module */
import * as z from 'zod/mini'
import type { OptionSchema } from '../../option-schemas.ts'
import { once } from '../../../src/runtime/once.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'

export type Writer = Pick<KafkaLog, 'produce' | 'close'>

export const writerShape: OptionSchema = once(() =>
  z.custom((value) => typeof (value as Partial<Writer> | null)?.produce === 'function', {
    error: 'must be a log',
  }),
)
