/**
 * The last words of a test run: what was left out, and the count on a line of its own.
 *
 * @module
 */
import { kafkaAvailable } from '../test/kafka/jars.ts'
import type { Reporter, TestModule } from 'vitest/node'

/** The test file whose groups are runtimes. */
const EVERY_RUNTIME = 'test/runtime/every-runtime.test.ts'

export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state !== 'pending') count[state]++
      }
      // A file that could not even be loaded has no tests to fail.
      if (!module.ok() && module.children.size === 0) count.failed++
      if (module.moduleId.endsWith(EVERY_RUNTIME)) runtimes(module)
    }
    const reason = kafkaAvailable()
    if (reason !== undefined) {
      console.log(`\nLEFT OUT: test/kafka, the suite on a real Kafka broker. ${reason}\n`)
    }
    if (count.skipped > 0) console.log(`${count.skipped} skipped`)
    console.log(`${count.passed} passed, ${count.failed} failed`)
  }
}

function runtimes(module: TestModule): void {
  const rows = [...module.children.suites()].map((suite) => {
    const states = [...suite.children.allTests()].map((test) => test.result().state)
    const of = (state: string) => states.filter((each) => each === state).length
    return { runtime: suite.name, passed: of('passed'), failed: of('failed') }
  })
  const width = Math.max(...rows.map(({ runtime }) => runtime.length))
  console.log(`\n${'one suite, in'.padEnd(width)}  passed  failed`)
  for (const { runtime, passed, failed } of rows) {
    console.log(`${runtime.padEnd(width)}  ${String(passed).padStart(6)}  ${String(failed).padStart(6)}`)
  }
  console.log('')
}
