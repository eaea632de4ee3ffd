/**
 * `npm run mutants`: applies each mutant to a copy of the sources, and has the simulator and the unit tests look for
 * it. A mutant that nothing notices is a promise that nothing checks.
 *
 * `--only=M1,M2` these alone · `--sim` or `--unit` one gate alone · `--both` both, though the first has killed it ·
 * `--hinted` of the unit tests only those that are likely to notice it · `--schedules=N` simulated schedules for each ·
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
import { conclusion, row } from './table.ts'
import type { Result } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    sim: { type: 'boolean', default: false },
    unit: { type: 'boolean', default: false },
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
/** What all tests say of the sources as they are. */
let whole: Promise<Verdict> | undefined
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
  for (let n = 0; n < Math.max(1, Number(values.jobs)); n++) copies.push(new Copy())
  const startedAt = performance.now()
  const simulatorMs = await baseline()
  if (simulatorMs === undefined) {
    say('\n0 passed, 1 failed')
    return 1
  }
  const queue = [...chosen]
  const results: Result[] = []
  const lane = async (copy: Copy): Promise<void> => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const result = await trial(copy, mutant, simulatorMs)
      results.push(result)
      say(row(result))
    }
  }
  await Promise.all(copies.map(lane))
  const { text, failed } = conclusion(results, performance.now() - startedAt)
  say(text)
  return failed === 0 ? 0 : 1
}

/** A gate that lets nothing pass would prove nothing. How long the simulator may take; `undefined` where one fails. */
async function baseline(): Promise<number | undefined> {
  const files = [...new Set(chosen.flatMap(({ hint }) => hint))]
  let tookMs = 0
  const simulated = async (): Promise<Verdict[]> => {
    if (!withSimulator) return []
    const seen = chosen.filter(({ unseen }) => unseen === undefined)
    const found: Verdict[] = []
    for (const focus of new Set(seen.map((mutant) => mutant.focus))) {
      const since = performance.now()
      found.push(await simulator(copies[0]!, { schedules, focus, maxMs: ALL_MS }))
      tookMs = Math.max(tookMs, performance.now() - since)
    }
    return found
  }
  const tested = async (): Promise<Verdict[]> =>
    withTests ? [await unitTests(copies.at(-1)!, files, ALL_MS)] : []
  const verdicts = (await Promise.all([simulated(), tested()])).flat()
  const failed = verdicts.find(({ killed }) => killed)
  const passed = verdicts.map(({ by }) => by).join(', ')
  say(
    failed
      ? `The sources as they are do not pass: ${failed.by}`
      : `The sources as they are pass ${passed}.\n`,
  )
  return failed
    ? undefined
    : Math.max(SIMULATOR_LEAST_MS, Math.ceil(tookMs / 1000) * 1000 * SIMULATOR_PATIENCE)
}

/** All tests: for what has passed those that were likely to notice it. They must pass on the sources as they are. */
async function allTests(copy: Copy): Promise<Verdict> {
  whole ??= (async () => {
    const pristine = new Copy()
    copies.push(pristine)
    return unitTests(pristine, ALL_TESTS, ALL_MS)
  })()
  const { killed, by } = await whole
  if (killed) throw new Error(`The sources as they are do not pass all tests: ${by}`)
  return unitTests(copy, ALL_TESTS, ALL_MS)
}

async function trial(copy: Copy, mutant: Mutant, maxMs: number): Promise<Result> {
  const startedAt = performance.now()
  const verdicts = await copy.with(mutant, async () => {
    const all: Verdict[] = []
    const isKilled = () => all.some(({ killed }) => killed)
    if (withSimulator && mutant.unseen === undefined)
      all.push(await simulator(copy, { schedules, focus: mutant.focus, maxMs }))
    if (withTests && (values.both || !isKilled())) {
      const hinted = await unitTests(copy, mutant.hint, HINTED_MS)
      all.push(hinted)
      if (!isKilled() && !values.hinted && mutant.survives === undefined) all.push(await allTests(copy))
    }
    return all
  })
  return { mutant, verdicts, tookMs: performance.now() - startedAt }
}
