/**
 * `logSuite()`: the contract of {@link KafkaLog} in executable form.
 *
 * It needs no test runner of its own and no platform: `describe`, `it` and `expect` are passed in, so that the same
 * suite runs in Node, workerd, Deno and Bun, over anything that claims to be a Kafka log.
 *
 * @module
 */
import type { LogCapabilities } from '../ports/kafka-log.ts'
import { type Assertion, bench, type LogUnderTest, type Test } from './log-suite/bench.ts'
import { aging, noAging } from './log-suite/aging.ts'
import { absence, aborts, identity, longPolls } from './log-suite/calls.ts'
import { batches, limits, reading, retention, sharing } from './log-suite/reading.ts'
import { bounds, contents, producing } from './log-suite/writing.ts'

export type { Assertion, LogUnderTest } from './log-suite/bench.ts'

export interface LogSuiteOptions {
  readonly name: string
  /** What the log must say of itself. Decides which tests there are. */
  readonly capabilities: LogCapabilities
  /** Whether `create()` gives `truncate`. @default false */
  readonly truncates?: boolean
  /** Of a log with `capabilities.shared`: whether its readers share a store, which `create()` can hold. @default false */
  readonly stores?: boolean
  /** Whether a value of `null` comes back as such; else it comes back empty. @default true */
  readonly tombstones?: boolean
  /** Called for each test. Topics must not come into being by being asked for. */
  readonly create: () => Promise<LogUnderTest> | LogUnderTest
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  readonly expect: (actual: unknown) => Assertion
}

/**
 * Declares the tests of the contract.
 *
 * @example
 * ```ts
 * import { logSuite, memory } from 'kedge/testing'
 * import { describe, expect, it } from 'vitest'
 *
 * const kafka = memory()
 * let topics = 0
 * logSuite({
 *   name: 'memory()',
 *   capabilities: kafka.capabilities,
 *   create: async () => ({
 *     log: kafka,
 *     topic: async (partitions) => kafka.log.createTopic(`t${topics++}`, { partitions }).name,
 *     close: async () => undefined,
 *   }),
 *   describe,
 *   it,
 *   expect,
 * })
 * ```
 */
export function logSuite(options: LogSuiteOptions): void {
  const { name, capabilities, create, describe, it, expect } = options
  const test: Test = (title, body) =>
    it(title, async () => {
      const made = await create()
      try {
        await body(bench(made, expect))
      } finally {
        await made.close()
      }
    })
  describe(`${name} keeps the contract of a Kafka log`, () => {
    test('it says what it can do', async ({ log }) => expect(log.capabilities).toEqual(capabilities))
    producing(test)
    contents(test, options.tombstones ?? true)
    bounds(test)
    reading(test)
    sharing(test)
    batches(test)
    limits(test)
    if (options.truncates ?? false) retention(test)
    if (capabilities.longPoll) longPolls(test)
    if (capabilities.identity) identity(test)
    if (capabilities.shared) aging(test, options.stores ?? false)
    else noAging(test)
    aborts(test)
    absence(test)
  })
}
