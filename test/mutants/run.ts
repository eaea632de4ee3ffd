/**
 * `npm run mutants`: applies each mutant to a copy of the sources, and has the tests that are likely to notice it look
 * for it, then the simulator where they did not, then all tests (decision 97). A mutant that nothing notices is a
 * promise that nothing checks.
 *
 * - `--only=M1,M2` these alone
 * - `--changed-since=REF` those of files that differ from where `REF` was left, or whose hinted tests do
 * - `--sim`, `--unit` one gate alone; `--both` both, though the first has killed it
 * - `--schedules=N` simulated schedules for each; `--jobs=N` mutants at once
 * - `--hinted` of the unit tests only those that are likely to notice it
 * - `--despite` also where the sources as they are do not pass: such schedules are left out
 *
 * Many a bug needs more schedules than there is time for here: `npm run mutants -- --sim --schedules=5000` has them.
 *
 * @module
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { endAll } from './child.ts'
import { Copy } from './copy.ts'
import { simulator, unitTests } from './gates.ts'
import type { Verdict } from './gates.ts'
import { changedSince } from './changed-since.ts'
import { MUTANTS } from './index.ts'
import type { Mutant } from './mutant.ts'
import { Pristine } from './pristine.ts'
import { conclusion, row } from './table.ts'
import type { Result } from './table.ts'
import { TestProcess } from './test-process.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    'changed-since': { type: 'string' },
    sim: { type: 'boolean', default: false },
    unit: { type: 'boolean', default: false },
    despite: { type: 'boolean', default: false },
    hinted: { type: 'boolean', default: false },
    both: { type: 'boolean', default: false },
    schedules: { type: 'string', default: '60' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
  },
})

/** The tests that need no network, no other runtime and little time: the last tests that a mutant must face. */
const ALL_TESTS = [
  'src',
  'fleets',
  'adapters/kafka',
  'services/loader',
  'services/sync',
  'runtime/node.test.ts',
  'adapters/stores/tiers/suites.test.ts',
]
/** Processor time. */
const HINTED_MS = 15_000
const ALL_MS = 240_000

const schedules = Number(values.schedules)
const withSimulator = values.sim || !values.unit
const withTests = values.unit || !values.sim
const only = new Set(values.only.flatMap((list) => list.split(',')))
const isChanged = values['changed-since'] === undefined ? () => true : changedSince(values['changed-since'])
const chosen = MUTANTS.filter((mutant) => (only.size === 0 || only.has(mutant.id)) && isChanged(mutant))

const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Lane {
  readonly copy: Copy
  readonly tests: TestProcess
}

const copies: Copy[] = []
const tidy = (): void => {
  endAll()
  for (const copy of copies) copy.remove()
}
process.on('exit', tidy)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

for (const id of only)
  if (!MUTANTS.some((mutant) => mutant.id === id)) throw new TypeError(`there is no mutant ${id}`)
if (chosen.length === 0) say('No mutant is concerned.\n\n0 passed, 0 failed')
else process.exitCode = await main()

async function main(): Promise<number> {
  const startedAt = performance.now()
  const pristine = new Pristine()
  copies.push(pristine.copy)
  const lanes = Array.from({ length: Math.max(1, Number(values.jobs)) }, () => {
    const copy = new Copy()
    copies.push(copy)
    return { copy, tests: new TestProcess(copy) }
  })
  if (!(await passes(pristine, lanes))) {
    say('\n0 passed, 1 failed')
    return 1
  }
  const queue = [...chosen]
  const results: Result[] = []
  await Promise.all(
    lanes.map(async (lane) => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const result = await trial(pristine, lane, mutant)
        results.push(result)
        say(row(result))
      }
    }),
  )
  for (const { tests } of lanes) tests.end()
  pristine.end()
  const { text, failed } = conclusion(results, [...pristine.bad], performance.now() - startedAt)
  say(text)
  return failed === 0 ? 0 : 1
}

/** Whether the sources as they are pass: each lane runs its part of the hinted tests before it changes anything. */
async function passes(pristine: Pristine, lanes: readonly Lane[]): Promise<boolean> {
  const files = [...new Set(chosen.flatMap(({ hint }) => hint))]
  const { copy } = pristine
  const looks: Promise<Verdict>[] = []
  if (values.sim || values.both)
    looks.push(values.despite ? pristine.simulated(copy, { schedules }) : simulator(copy, { schedules }))
  if (withTests)
    for (const [at, { tests }] of lanes.entries()) {
      const part = files.filter((_, index) => index % lanes.length === at)
      if (part.length > 0) looks.push(unitTests(tests, part, ALL_MS))
    }
  const verdicts = await Promise.all(looks)
  const failed = verdicts.find(({ killed }) => killed)
  const passed = verdicts.map(({ by }) => by).join(', ')
  say(
    failed
      ? `The sources as they are do not pass: ${failed.by}`
      : `The sources as they are pass ${passed}.\n`,
  )
  return failed === undefined
}

async function trial(pristine: Pristine, { copy, tests }: Lane, mutant: Mutant): Promise<Result> {
  const startedAt = performance.now()
  const { focus, hint, unseen, survives } = mutant
  const verdicts = await copy.with(mutant, async () => {
    const all: Verdict[] = []
    const isSought = () => values.both || !all.some(({ killed }) => killed)
    if (withTests && hint.length > 0) all.push(await unitTests(tests, hint, HINTED_MS))
    if (withSimulator && unseen === undefined && isSought())
      all.push(await pristine.simulated(copy, { schedules, focus }))
    const isLeft = !all.some(({ killed }) => killed) && survives === undefined
    if (withTests && isLeft && !values.hinted) {
      const whole = await pristine.tests(ALL_TESTS, ALL_MS)
      if (whole.killed) throw new Error(`The sources as they are do not pass all tests: ${whole.by}`)
      all.push(await unitTests(tests, ALL_TESTS, ALL_MS))
    }
    return all
  })
  return { mutant, verdicts, tookMs: performance.now() - startedAt }
}
