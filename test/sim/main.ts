/**
 * `npm run sim`: many schedules of the fleet, or one of them to look at.
 *
 * ```
 * npm run sim                            20,000 schedules: half of them the same each time, under CI all
 * npm run sim -- --first=N --schedules=N others
 * npm run sim -- --seed=N [--verbose]    one, with all that happens in it
 * npm run sim -- --scenario=FILE         the same, of a scenario in JSON
 * npm run sim:long -- --minutes=N        for so long; --json=FILE writes what came of it
 * ```
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { excuses } from './excuses.ts'
import { smallest } from './failing.ts'
import { plan } from './plan.ts'
import { printTest } from './print.ts'
import { readable } from './replay.ts'
import { shortcomings, table } from './report.ts'
import { schedule } from './schedule.ts'
import type { Counts } from './schedule.ts'
import type { Scenario } from './scenario.ts'
import { sweep } from './sweep.ts'
import type { Failure, Sweep } from './sweep.ts'
import type { Job } from './sweep-process.ts'
import { traceHash } from './trace-hash.ts'

/** The first of the seeds that are the same each time. */
const FIXED = 1
const SCHEDULES = 20_000
const LONG_MINUTES = 60
/** Failing seeds that are minimised: one of each promise that was broken. */
const MAX_MINIMISED = 3
const MINIMISE = { runs: 1500, ms: 90_000 }

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string' },
    scenario: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    first: { type: 'string' },
    schedules: { type: 'string' },
    minutes: { type: 'string' },
    'max-minutes': { type: 'string' },
    processes: { type: 'string' },
    json: { type: 'string' },
  },
})

const say = (text: string): void => void process.stdout.write(`${text}\n`)

function number(
  name: 'seed' | 'first' | 'schedules' | 'minutes' | 'max-minutes' | 'processes',
): number | undefined {
  const text = given[name]
  if (text === undefined) return undefined
  const found = Number(text)
  if (!Number.isFinite(found) || found < 0) throw new TypeError(`\`--${name}\` must be a number`)
  return found
}

/** One scenario, line by line. Whether it holds. */
async function replay(scenario: Scenario): Promise<boolean> {
  const { trace, violations } = await schedule(scenario)
  for (const line of readable(trace, violations, given.verbose)) say(line)
  for (const excuse of excuses(scenario)) say(`it asks for more than is promised: ${excuse}`)
  say(`\ntrace hash ${traceHash(trace)}, ${trace.events.length} events`)
  for (const { invariant, t, text } of violations) say(`${invariant} at ${t} ms: ${text}`)
  return violations.length === 0
}

/** Which seeds. Where nothing is said, half of them are others each time; but not where a change is judged by it. */
function ranges(): Job[] {
  const first = number('first')
  const others = first ?? 1_000_000 + Math.floor(Math.random() * 1e9)
  const count = number('schedules') ?? (given.long ? Number.MAX_SAFE_INTEGER : SCHEDULES)
  if (given.long || first !== undefined) return [{ first: others, count }]
  if (process.env['CI'] === 'true') return [{ first: FIXED, count }]
  const half = Math.floor(count / 2)
  return [
    { first: FIXED, count: half },
    { first: others, count: count - half },
  ]
}

async function explain(failures: readonly Failure[]): Promise<void> {
  for (const { seed, crash, violations } of failures) {
    say(`\nseed ${seed} failed: npm run sim -- --seed=${seed}`)
    if (crash !== undefined) say(`  ${crash}`)
    for (const { invariant, t, text } of violations) say(`  ${invariant} at ${t} ms: ${text}`)
  }
  const explained = new Set<string>()
  for (const { seed, violations } of failures) {
    const invariant = violations[0]?.invariant
    if (invariant === undefined || explained.has(invariant) || explained.size >= MAX_MINIMISED) continue
    explained.add(invariant)
    const since = performance.now()
    const expired = () => performance.now() - since > MINIMISE.ms
    const minimal = await smallest(plan(seed), invariant, { runs: MINIMISE.runs, expired })
    const word = minimal.complete ? 'Nothing more can be left out' : 'The limit of time or runs ended it'
    say(`\n${invariant} in seed ${seed}, minimised in ${minimal.runs} runs. ${word}.\n`)
    say(printTest(minimal.scenario, minimal.violations))
  }
}

/** How far it is, on a terminal; and each seed that failed as soon as it has: a long run is not waited for. */
const progress = (of: number) => {
  let told = 0
  return (counts: Counts, failures: readonly Failure[]) => {
    const ends = process.stdout.isTTY ? '\r\u001B[K' : ''
    for (const { seed, crash, violations } of failures.slice(told))
      say(`${ends}seed ${seed} failed: ${crash ?? violations[0]?.text ?? ''}`)
    told = failures.length
    if (!process.stdout.isTTY) return
    const share = of < Number.MAX_SAFE_INTEGER ? ` of ${of.toLocaleString('en')}` : ''
    process.stdout.write(`\r${counts.schedules.toLocaleString('en')}${share}, ${failures.length} failed `)
  }
}

async function many(): Promise<boolean> {
  const jobs = ranges()
  const limit = number(given.long ? 'minutes' : 'max-minutes')
  const minutes = limit ?? (given.long && number('schedules') === undefined ? LONG_MINUTES : Infinity)
  for (const { first, count } of jobs)
    say(
      `seeds from ${first}${count < Number.MAX_SAFE_INTEGER ? `, ${count.toLocaleString('en')} of them` : ''}`,
    )
  const processes = number('processes')
  const total = jobs.reduce((sum, { count }) => sum + count, 0)
  const found = await sweep({
    ranges: jobs,
    maxMs: minutes * 60_000,
    onProgress: progress(total),
    ...(processes === undefined ? {} : { processes }),
  })
  if (process.stdout.isTTY) say('')
  say(table(found))
  const lacks = shortcomings(found.counts)
  const wrong = [...lacks, ...cutShort(found, limit === undefined && !given.long)]
  for (const sentence of wrong) say(`\n${sentence}`)
  if (given.json !== undefined) await writeFile(given.json, summary(jobs, found, wrong))
  await explain(found.failures)
  const failed = found.failures.length + wrong.length
  say(`\n${Math.max(0, found.counts.schedules - found.failures.length)} passed, ${failed} failed`)
  return failed === 0
}

function cutShort({ isCut, counts, failures }: Sweep, isUnexpected: boolean): string[] {
  if (!isCut) return []
  const sentence = `cut short after ${counts.schedules.toLocaleString('en')} schedules`
  if (failures.length > 0 || isUnexpected) return [`${sentence}: not all seeds were run`]
  say(`\n${sentence}, as was asked for`)
  return []
}

function summary(
  jobs: readonly Job[],
  { counts, failures, tookMs }: Sweep,
  wrong: readonly string[],
): string {
  const seeds = jobs.map(({ first, count }) => ({
    first,
    last: first + Math.min(count, counts.schedules) - 1,
  }))
  return `${JSON.stringify({ seeds, tookMs: Math.round(tookMs), ...counts, wrong, failures }, undefined, 2)}\n`
}

async function main(): Promise<boolean> {
  if (given.scenario !== undefined)
    return replay(JSON.parse(await readFile(given.scenario, 'utf8')) as Scenario)
  const seed = number('seed')
  return seed === undefined ? many() : replay(plan(seed))
}

process.exitCode = (await main()) ? 0 : 1
