/**
 * What a mutant must not pass: simulated schedules, and unit tests.
 *
 * @module
 */
import * as z from 'zod'
import { node } from './child.ts'
import type { Copy } from './copy.ts'
import type { FocusName } from './focus.ts'
import type { Found } from './schedules.ts'
import type { TestProcess } from './test-process.ts'

/** How a gate was passed, or what has stopped the mutant. */
export interface Verdict {
  readonly gate: 'simulator' | 'unit tests'
  readonly killed: boolean
  /** By what, or how much was passed. */
  readonly by: string
  /** Of the schedule that has shown it, and how many were passed before. */
  readonly shown?: { readonly seed: number; readonly passed: number }
}

export interface SimulatorOptions {
  readonly schedules: number
  readonly focus?: FocusName | undefined
  /** From this seed on. @default 1 */
  readonly first?: number
  readonly leftOut?: readonly number[]
  /** Schedules that were passed before the first of these. */
  readonly passed?: number
}

/** Processor time that one schedule may take. */
const SCHEDULE_MS = 60_000
/** All of them: what is not run by then is left out. */
const SCHEDULES_MS = 240_000

const found: z.ZodType<Found> = z.object({
  schedules: z.number(),
  seed: z.number().optional(),
  invariants: z.array(z.string()).optional(),
})

export async function simulator(
  copy: Copy,
  { schedules, focus = 'anything', first = 1, leftOut = [], passed = 0 }: SimulatorOptions,
): Promise<Verdict> {
  const gate = 'simulator'
  const which = [`${schedules - passed}`, focus, `${first}`, ...leftOut.map(String)]
  const args = ['--max-old-space-size=1024', 'test/mutants/schedules.ts', ...which]
  const patience = { maxMs: SCHEDULES_MS, maxSilenceMs: SCHEDULE_MS }
  const { late, code, output } = await node(args, copy.path, patience)
  if (late === 'all') return { gate, killed: false, by: `what there was time for with ${focus}` }
  if (late === 'silence')
    return { gate, killed: true, by: `no end of a schedule within ${SCHEDULE_MS / 1000} s of computing` }
  const said = found.safeParse(lastJson(output)).data
  if (code !== 0 || said === undefined)
    return { gate, killed: true, by: `it broke down: ${lastLine(output)}` }
  const ran = passed + said.schedules
  const count = `${ran} ${ran === 1 ? 'schedule' : 'schedules'} with ${focus}`
  if (said.seed === undefined) return { gate, killed: false, by: count }
  const { seed, invariants = [] } = said
  return {
    gate,
    killed: true,
    by: `${invariants.join(', ')} after ${count} (seed ${seed})`,
    shown: { seed, passed: ran - 1 },
  }
}

function lastJson(output: string): unknown {
  try {
    return JSON.parse(lastLine(output))
  } catch {
    return undefined
  }
}

const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? ''

/** Runs the tests below `test/` up to the first that fails. @param maxMs processor time for them */
export async function unitTests(
  tests: TestProcess,
  files: readonly string[],
  maxMs: number,
): Promise<Verdict> {
  const gate = 'unit tests'
  const answer = await tests.run(files, maxMs)
  if ('broken' in answer) return { gate, killed: true, by: answer.broken }
  if (answer.failed === undefined) return { gate, killed: false, by: `${answer.passed} tests` }
  return { gate, killed: true, by: answer.failed.replace(/^test\//, '').split('\n')[0]! }
}
