/**
 * `npm run mutants`: applies each mutant to a copy of the sources, and has the simulator and the unit tests look for
 * it. A mutant that nothing notices is a promise that nothing checks.
 *
 * `--only=M1,M2` these alone · `--sim` or `--unit` one gate alone · `--both` both, though the first has killed it ·
 * `--despite` also where the sources as they are do not pass: such schedules are left out · `--hinted` of the unit tests only those that are likely to notice it · `--schedules=N` simulated schedules for each ·
 * `--jobs=N` at once
 *
 * @module
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { endAll } from './child.ts'
import { Copy } from './copy.ts'
import { simulator, unitTests } from './gates.ts'
import type { Verdict } from './gates.ts'
import { MUTANTS } from './index.ts'
import type { Mutant } from './mutant.ts'
import { Pristine } from './pristine.ts'
import { conclusion, row } from './table.ts'
import type { Result } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    sim: { type: 'boolean', default: false },
    unit: { type: 'boolean', default: false },
    despite: { type: 'boolean', default: false },
    hinted: { type: 'boolean', default: false },
    both: { type: 'boolean', default: false },
    schedules: { type: 'string', default: '200' },
    jobs: { type: 'string', default: `${Math.min(2, availableParallelism())}` },
  },
})

/** The tests that need no network, no other runtime and little time: all that a mutant is shown in the end. */
const ALL_TESTS = ['unit', 'runtime/node.test.ts', 'loader', 'sync', 'tiers/suites.test.ts']
const HINTED_MS = 60_000
const ALL_MS = 240_000
/** Beside the time that the schedules take where nothing is wrong: this often. */
const SIMULATOR_PATIENCE = 5
const SIMULATOR_LEAST_MS = 20_000

const schedules = Number(values.schedules)
const withSimulator = values.sim || !values.unit
const withTests = values.unit || !values.sim
const only = new Set(values.only.flatMap((list) => list.split(',')))
const chosen = MUTANTS.filter(({ id }) => only.size === 0 || only.has(id))

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const copies: Copy[] = []
const tidy = (): void => {
  endAll()
  for (const copy of copies) copy.remove()
}
process.on('exit', tidy)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

for (const id of only)
  if (!MUTANTS.some((mutant) => mutant.id === id)) throw new TypeError(`there is no mutant ${id}`)
process.exitCode = await main()

async function main(): Promise<number> {
  const startedAt = performance.now()
  const pristine = new Pristine()
  copies.push(pristine.copy)
  const simulatorMs = await baseline(pristine)
  if (simulatorMs === undefined) {
    say('\n0 passed, 1 failed')
    return 1
  }
  const queue = [...chosen]
  const results: Result[] = []
  const lane = async (): Promise<void> => {
    const copy = new Copy()
    copies.push(copy)
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const result = await trial(pristine, copy, mutant, simulatorMs)
      results.push(result)
      say(row(result))
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, lane))
  const { text, failed } = conclusion(results, [...pristine.bad], performance.now() - startedAt)
  say(text)
  return failed === 0 ? 0 : 1
}

/** Looks at the sources as they are. How long the simulator may take with others; `undefined` where they do not pass. */
async function baseline(pristine: Pristine): Promise<number | undefined> {
  const files = [...new Set(chosen.flatMap(({ hint }) => hint))]
  let tookMs = 0
  const simulated = async (): Promise<Verdict[]> => {
    if (!withSimulator) return []
    const since = performance.now()
    const options = { schedules, maxMs: ALL_MS }
    const verdict = values.despite
      ? await pristine.simulated(pristine.copy, options)
      : await simulator(pristine.copy, options)
    tookMs = performance.now() - since
    return [verdict]
  }
  const tested = async (): Promise<Verdict[]> => (withTests ? [await pristine.tests(files, ALL_MS)] : [])
  const verdicts = (await Promise.all([simulated(), tested()])).flat()
  const failed = verdicts.find(({ killed }) => killed)
  const passed = verdicts.map(({ by }) => by).join(', ')
  say(
    failed
      ? `The sources as they are do not pass: ${failed.by}`
      : `The sources as they are pass ${passed}.\n`,
  )
  if (failed) return undefined
  return Math.max(SIMULATOR_LEAST_MS, Math.ceil(tookMs / 1000) * 1000 * SIMULATOR_PATIENCE)
}

async function trial(pristine: Pristine, copy: Copy, mutant: Mutant, maxMs: number): Promise<Result> {
  const startedAt = performance.now()
  const { focus, hint, unseen, survives } = mutant
  const verdicts = await copy.with(mutant, async () => {
    const all: Verdict[] = []
    const isKilled = () => all.some(({ killed }) => killed)
    if (withSimulator && unseen === undefined)
      all.push(await pristine.simulated(copy, { schedules, focus, maxMs }))
    if (withTests && (values.both || !isKilled())) {
      all.push(await unitTests(copy, hint, HINTED_MS))
      if (!isKilled() && !values.hinted && survives === undefined) {
        const whole = await pristine.tests(ALL_TESTS, ALL_MS)
        if (whole.killed) throw new Error(`The sources as they are do not pass all tests: ${whole.by}`)
        all.push(await unitTests(copy, ALL_TESTS, ALL_MS))
      }
    }
    return all
  })
  return { mutant, verdicts, tookMs: performance.now() - startedAt }
}
