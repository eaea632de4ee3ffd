/**
 * The last words of a test run: what was left out, and the count on a line of its own.
 *
 * @module
 */
import { kafkaAvailable } from '../test/kafka/jars.ts'
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
    const reason = kafkaAvailable()
    if (reason !== undefined) {
      console.log(`\nLEFT OUT: test/kafka, the suite on a real Kafka broker. ${reason}\n`)
    }
    if (count.skipped > 0) console.log(`${count.skipped} skipped`)
    console.log(`${count.passed} passed, ${count.failed} failed`)
  }
}
