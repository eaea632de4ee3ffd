/**
 * A process that runs tests of the copy it stands in, order after order. It loads Vitest once, and of the sources only
 * what an order says has changed.
 *
 * @module
 */
import { join } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'
import { createVitest } from 'vitest/node'

export interface Order {
  /** Files that differ from what the order before has seen, from the root of the copy. */
  readonly changed: readonly string[]
  /** Files of tests, or folders of them, below `test/`. */
  readonly files: readonly string[]
}

/** What came of the tests, up to the first that failed. */
export interface Told {
  readonly passed: number
  /** `file: name of the test`, or why a file could not be loaded. */
  readonly failed?: string
}

const root = process.cwd()
const silent: Reporter = {}
const vitest = await createVitest({
  root,
  watch: false,
  bail: 1,
  maxWorkers: 1,
  pool: 'threads',
  reporters: [silent],
})

async function tell({ changed, files }: Order): Promise<Told> {
  for (const file of changed) vitest.invalidateFile(join(root, file))
  const specifications = await vitest.globTestSpecifications(files.map((file) => `test/${file}`))
  const asked = new Set(specifications.map(({ moduleId }) => moduleId))
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  // Vitest remembers the modules of earlier orders.
  const modules = testModules.filter(({ moduleId }) => asked.has(moduleId))
  const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ module, test })))
  const passed = tests.filter(({ test }) => test.result().state === 'passed').length
  const failed = tests.find(({ test }) => test.result().state === 'failed')
  if (failed) return { passed, failed: `${failed.module.relativeModuleId}: ${failed.test.fullName}` }
  // It could not be loaded, or a hook has failed: then its tests were not run.
  const broken = modules.find((module) => !module.ok())
  if (broken) return { passed, failed: `${broken.relativeModuleId}: ${reasonOf(broken)}` }
  const [error] = unhandledErrors
  return error === undefined ? { passed } : { passed, failed: `outside of any test: ${brief(error)}` }
}

function reasonOf(module: TestModule): string {
  const suites = [module, ...module.children.allSuites()]
  return suites.flatMap((suite) => suite.errors())[0]?.message ?? 'it failed outside of its tests'
}

const brief = (error: unknown): string => (error as Error | undefined)?.message ?? String(error)

process.on('message', (order: Order) => void tell(order).then((told) => process.send?.(told)))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
