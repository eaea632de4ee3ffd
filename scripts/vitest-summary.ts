/**
 * The last words of a test run: what was left out, and the count on a line of its own.
 *
 * @module
 */
import type { Reporter, TestModule } from 'vitest/node'

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
    }
    console.log(
      '\nLEFT OUT: nothing here ran against a real Kafka broker. That suite needs Java, and is not in this' +
        '\nrepository yet; the memory log behind the gateway stood in for it.\n',
    )
    if (count.skipped > 0) console.log(`${count.skipped} skipped`)
    console.log(`${count.passed} passed, ${count.failed} failed`)
  }
}
