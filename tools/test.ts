/**
 * `npm test`: what a change must pass at once, in a few minutes and with nothing but what the npm registry has: the unit
 * tests, the core of the integration tests and of the runtimes, one short fleet. With arguments it is `vitest run`:
 *
 * ```
 * npm test                          the core
 * npm test -- --project unit        one project, whole
 * npm test -- test/services/gateway these files, whichever project they are of
 * npm run test:all                  everything
 * ```
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECTS } from '../test/projects.ts'
import { lacks } from './requirements.ts'
import type { Report } from './vitest-reporter.ts'

const given = process.argv.slice(2)
const started = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'kedge-test-'))
const told = join(folder, 'report.json')
try {
  const core = given.length === 0 ? { KEDGE_TESTS: 'core' } : {}
  // Vitest decides on some of its colours before it asks whether there is a terminal.
  const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' }
  const { status } = spawnSync('vitest', ['run', ...given], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, ...plain, ...core, KEDGE_REPORT: told },
  })
  process.exitCode = status ?? 1
  if (given.length === 0) console.log(`\n${conclusion()}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** One line: what ran, what would run besides, and what this machine lacks for that. */
function conclusion(): string {
  const { passed, failed } = JSON.parse(readFileSync(told, 'utf8')) as Report
  const seconds = Math.round((performance.now() - started) / 1000)
  const ran = PROJECTS.filter(({ core }) => core.length > 0).map(({ core, include, name }) =>
    core === include ? name : `the core of ${name}`,
  )
  const rest = PROJECTS.filter(({ core, include }) => core !== include).map(({ name }) => name)
  const missing = lacks()
  const lacking = missing.length === 0 ? 'nothing' : missing.join('; ')
  return (
    `Ran ${list(ran)} in ${seconds} s: ${passed} passed, ${failed} failed. ` +
    `\`npm run test:all\` adds ${list(rest)} in full, the checks, the simulator, the mutants and the tour; ` +
    `for it this machine lacks ${lacking}.`
  )
}

function list(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
