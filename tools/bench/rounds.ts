/**
 * Rounds: every subject once in each, in a process of its own, in an order that differs from round to round.
 *
 * @module
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Sample, Task } from './process.ts'
import { shuffled } from './workload.ts'

const PROGRAM = fileURLToPath(new URL('process.ts', import.meta.url))
/** Measures of heap, for which garbage is collected on demand. */
const COLLECTS: ReadonlySet<Task['measure']> = new Set(['weight', 'miss'])
/** A process that takes longer has hung. */
const DEADLINE_MS = 120_000

/**
 * The samples of each subject, one a round. Subjects of one group are measured close after one another, so that what else the
 * machine does is much the same for them.
 *
 * @throws Error when a process failed, naming the subject.
 */
export async function rounds<T extends Sample>(
  groups: readonly (readonly string[])[],
  count: number,
  random: () => number,
  taskOf: (subject: string) => Task,
  progress: (text: string) => void,
): Promise<Map<string, T[]>> {
  const samples = new Map<string, T[]>(groups.flat().map((subject) => [subject, []]))
  for (let round = 1; round <= count; round++) {
    const order = shuffled(groups, random).flatMap((subjects) => shuffled(subjects, random))
    for (const subject of order) {
      progress(`round ${round} of ${count}: ${subject}`)
      samples.get(subject)!.push((await sampleOf(taskOf(subject))) as T)
    }
  }
  return samples
}

function sampleOf(task: Task): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const execArgv = ['--no-warnings', ...(COLLECTS.has(task.measure) ? ['--expose-gc'] : [])]
    const child = fork(PROGRAM, [JSON.stringify(task)], { execArgv, timeout: DEADLINE_MS, stdio: 'inherit' })
    let sample: Sample | undefined
    child.on('message', (message) => (sample = message as Sample))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0 && sample !== undefined) resolve(sample)
      else reject(new Error(`${task.subject}: the process ended with ${signal ?? code}`))
    })
  })
}
