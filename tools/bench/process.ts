/**
 * The process in which one subject is measured. Started by `fork`; answers with one message.
 *
 * @module
 */
import { measureHerd, measureLog, measureMany, measureMiss } from './misses/measure.ts'
import type { Amount, CostSample } from './misses/measure.ts'
import type { ManyReaderName, ReaderName } from './misses/readers.ts'
import { measureScale } from './scale/measure.ts'
import type { SetupName } from './scale/setups.ts'
import { measureSpeed } from './speed.ts'
import type { SpeedSample } from './speed.ts'
import { SUBJECTS } from './subjects.ts'
import { measureTransport } from './transport.ts'
import type { TransportName, TransportSample } from './transport.ts'
import { measureWeight } from './weight.ts'
import type { WeightSample } from './weight.ts'

/** What a process is to measure: its only argument, as JSON. */
export type Task =
  | { readonly measure: 'speed'; readonly subject: string; readonly seed: number; readonly ms: number }
  | { readonly measure: 'weight'; readonly subject: string; readonly entries: number }
  | {
      readonly measure: 'miss' | 'herd' | 'many' | 'log' | 'scale'
      readonly subject: string
      readonly amount: Amount
    }
  | {
      readonly measure: 'transport'
      readonly subject: string
      /** Of the gateway. */
      readonly url: string
      readonly requests: number
    }

export type Sample = SpeedSample | WeightSample | TransportSample | CostSample

const task = JSON.parse(process.argv[2]!) as Task
process.send!(await sampleOf())
process.disconnect()

async function sampleOf(): Promise<Sample> {
  if (task.measure === 'speed') return measureSpeed(SUBJECTS[task.subject]!, task.seed, task.ms)
  if (task.measure === 'weight') return measureWeight(task.subject, task.entries)
  if (task.measure === 'transport')
    return measureTransport(task.subject as TransportName, task.url, task.requests)
  if (task.measure === 'miss') return measureMiss(task.subject as ReaderName, task.amount)
  if (task.measure === 'herd') return measureHerd(task.subject as ReaderName, task.amount)
  if (task.measure === 'many') return measureMany(task.subject as ManyReaderName, task.amount)
  if (task.measure === 'scale') return measureScale(task.subject as SetupName, task.amount)
  return measureLog(task.amount)
}
