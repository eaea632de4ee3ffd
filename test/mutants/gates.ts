/**
 * What a mutant must not pass: simulated schedules, and unit tests.
 *
 * @module
 */
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { node } from './child.ts'
import type { Copy } from './copy.ts'
import type { FocusName } from './focus.ts'
import type { Found } from './schedules.ts'

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

/** One schedule may take so long, on a machine that has much else to do. */
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
    return { gate, killed: true, by: `no end of a schedule within ${SCHEDULE_MS / 1000} s` }
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

const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')

const report = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
})

/** Runs the tests below `test/` up to the first that fails. */
export async function unitTests(copy: Copy, files: readonly string[], maxMs: number): Promise<Verdict> {
  const gate = 'unit tests'
  const told = join(copy.path, '.cache', 'report.json')
  rmSync(told, { force: true })
  const paths = files.map((file) => `test/${file}`)
  const options = ['--bail=1', '--maxWorkers=1', '--pool=threads', '--reporter=json', `--outputFile=${told}`]
  const { late, output } = await node([VITEST, 'run', ...options, ...paths], copy.path, { maxMs })
  if (late) return { gate, killed: true, by: `no end within ${maxMs / 1000} s` }
  const said = reportOf(told)
  if (said === undefined) return { gate, killed: true, by: `they broke down: ${lastLine(output)}` }
  const fileOf = (name: string) => name.slice(copy.path.length + '/test/'.length)
  for (const { name, assertionResults } of said.testResults) {
    const failed = assertionResults.find((test) => test.status === 'failed')
    if (failed) return { gate, killed: true, by: `${fileOf(name)}: ${failed.fullName}` }
  }
  // Files that could not even be loaded. Those that were left out after a failure look the same.
  const broken = said.testResults.find(({ status }) => status === 'failed')
  if (broken) return { gate, killed: true, by: `${fileOf(broken.name)}: ${lastLine(broken.message ?? '')}` }
  return { gate, killed: false, by: `${said.numPassedTests} tests` }
}

function reportOf(path: string) {
  try {
    return report.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
