/**
 * What a test run prints: a line for each file, the failures, the ten slowest files, and the count. No colours and no
 * lines that are written over, so that a log of it can be read.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { disableDefaultColors, MinimalReporter } from 'vitest/node'
import type { TestModule, TestRunEndReason, Vitest } from 'vitest/node'

const SLOWEST = 10
/** The test file whose groups are runtimes. */
const EVERY_RUNTIME = 'test/runtime/every-runtime.test.ts'

/** What came of a run, for the program that started it: written to the file that `KEDGE_REPORT` names. */
export interface Report {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Seconds by file. */
  readonly files: Readonly<Record<string, number>>
}

export default class PlainReporter extends MinimalReporter {
  override onInit(vitest: Vitest): void {
    // Vitest takes `CI` for a terminal that has colours.
    if (!process.stdout.isTTY) disableDefaultColors()
    super.onInit(vitest)
  }

  override onTestModuleEnd(module: TestModule): void {
    super.onTestModuleEnd(module)
    const { passed, failed, skipped } = count([module])
    const parts = [`${passed} passed`]
    if (failed > 0) parts.push(`${failed} FAILED`)
    if (skipped > 0) parts.push(`${skipped} skipped`)
    const state = module.ok() ? 'ok  ' : 'FAIL'
    this.log(`${state} ${seconds(module)}  ${module.relativeModuleId} (${parts.join(', ')})`)
  }

  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: Parameters<MinimalReporter['onTestRunEnd']>[1],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason)
    const runtimes = modules.find(({ moduleId }) => moduleId.endsWith(EVERY_RUNTIME))
    if (runtimes) this.log(table(runtimes))
    const slowest = modules.toSorted((one, other) => tookMs(other) - tookMs(one)).slice(0, SLOWEST)
    this.log(`The ${slowest.length} slowest files:`)
    for (const module of slowest) this.log(`${seconds(module)}  ${module.relativeModuleId}`)
    const { passed, failed, skipped } = count(modules)
    const wrong = failed + errors.length
    this.log(`${passed} passed, ${wrong} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
    const path = process.env['KEDGE_REPORT']
    if (path === undefined) return
    const files = Object.fromEntries(modules.map((each) => [each.relativeModuleId, tookMs(each) / 1000]))
    const report: Report = { passed, failed: wrong, skipped, files }
    writeFileSync(path, JSON.stringify(report))
  }
}

function tookMs(module: TestModule): number {
  const { collectDuration, setupDuration, duration } = module.diagnostic()
  return collectDuration + setupDuration + duration
}

const seconds = (module: TestModule): string => `${(tookMs(module) / 1000).toFixed(1).padStart(6)} s`

function count(modules: readonly TestModule[]) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    const before = sum.failed
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state !== 'pending') sum[state]++
    }
    // A file that could not be loaded, or whose hook has failed, has no test that says so.
    if (!module.ok() && sum.failed === before) sum.failed++
  }
  return sum
}

/** How the one suite went in each runtime. */
function table(module: TestModule): string {
  const rows = [...module.children.suites()].map((suite) => {
    const states = [...suite.children.allTests()].map((test) => test.result().state)
    const of = (state: string) => states.filter((each) => each === state).length
    return { runtime: suite.name, passed: of('passed'), failed: of('failed') }
  })
  const width = Math.max(...rows.map(({ runtime }) => runtime.length))
  const lines = rows.map(
    ({ runtime, passed, failed }) =>
      `${runtime.padEnd(width)}  ${String(passed).padStart(6)}  ${String(failed).padStart(6)}`,
  )
  return ['', `${'one suite, in'.padEnd(width)}  passed  failed`, ...lines, ''].join('\n')
}
