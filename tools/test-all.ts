/**
 * `npm run test:all`: everything that a change must pass, in two lanes beside each other. One has the suites that keep
 * appointments with servers and wait for them; the other computes, at a lower priority, with what processor time is left.
 * `--rest` leaves out what `npm test` runs.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { conclude, runStep, runSteps } from './steps.ts'
import type { Step } from './steps.ts'

const { values: given } = parseArgs({ options: { rest: { type: 'boolean', default: false } } })

const part = given.rest ? { KEDGE_TESTS: 'rest' } : undefined
const projects = (...names: readonly string[]) =>
  `vitest run ${names.map((name) => `--project ${name}`).join(' ')}`

const BUILD: Step = { title: 'build', command: 'tsc -b tsconfig.json tsconfig.node.json' }
const WAITING: readonly Step[] = [
  {
    title: 'suites on servers, in other runtimes, of the package',
    command: projects('broker', 'e2e', 'integration', 'runtimes'),
    env: { ...part },
    told: 'all',
  },
  { title: 'tour', command: 'npm start --silent -- --check' },
]
const COMPUTING: readonly Step[] = [
  { title: 'checks', command: 'node tools/check.ts', yields: true },
  { title: 'advisories for what users get', command: 'node tools/audit.ts', yields: true },
  // 20,000 schedules; `npm run test:night` runs others for half an hour besides.
  { title: 'simulator', command: 'node test/sim/main.ts', yields: true },
  { title: 'mutants', command: 'node test/mutants/run.ts', yields: true },
  {
    title: 'fleets by a seed, fuzzing in full',
    command: projects('property', ...(given.rest ? [] : ['unit'])),
    env: { KEDGE_FUZZ: 'full', ...part },
    yields: true,
    told: 'all',
  },
]

const done = [await runStep(BUILD)]
if (done[0]?.ok === true) done.push(...(await runSteps([WAITING, COMPUTING])))

conclude(done)
