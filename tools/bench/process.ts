/**
 * The process in which one subject is measured. Started by `fork`; answers with one message.
 *
 * @module
 */
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
      readonly measure: 'transport'
      readonly subject: string
      /** Of the gateway. */
      readonly url: string
      readonly requests: number
    }

export type Sample = SpeedSample | WeightSample | TransportSample

const task = JSON.parse(process.argv[2]!) as Task
process.send!(await sampleOf())
process.disconnect()

async function sampleOf(): Promise<Sample> {
  if (task.measure === 'speed') return measureSpeed(SUBJECTS[task.subject]!, task.seed, task.ms)
  if (task.measure === 'weight') return measureWeight(task.subject, task.entries)
  return measureTransport(task.subject as TransportName, task.url, task.requests)
}
