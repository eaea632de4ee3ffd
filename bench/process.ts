/**
 * The process in which one subject is measured. Started by `fork`; answers with one message.
 *
 * @module
 */
import { measureSpeed } from './speed.ts'
import type { SpeedSample } from './speed.ts'
import { SUBJECTS } from './subjects.ts'
import { measureWeight } from './weight.ts'
import type { WeightSample } from './weight.ts'

/** What a process is to measure: its only argument, as JSON. */
export type Task =
  | { readonly measure: 'speed'; readonly subject: string; readonly seed: number; readonly ms: number }
  | { readonly measure: 'weight'; readonly subject: string; readonly entries: number }

export type Sample = SpeedSample | WeightSample

const task = JSON.parse(process.argv[2]!) as Task
process.send!(
  task.measure === 'speed'
    ? await measureSpeed(SUBJECTS[task.subject]!, task.seed, task.ms)
    : await measureWeight(task.subject, task.entries),
)
process.disconnect()
