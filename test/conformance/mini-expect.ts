/** The assertions that the suite uses, for places where no test runner runs. */
import type { Assertion } from '../../src/testing/log-suite.ts'

export function miniExpect(actual: unknown): Assertion {
  const hold = (good: boolean, how: string, expected: unknown) => {
    if (!good) throw new Error(`expected ${show(actual)} ${how} ${show(expected)}`)
  }
  return {
    toBe: (expected) => hold(Object.is(actual, expected), 'to be', expected),
    toEqual: (expected) => hold(matches(actual, expected, true), 'to equal', expected),
    toMatchObject: (expected) => hold(matches(actual, expected, false), 'to match', expected),
  }
}

/** Deep equality; where not `whole`, objects may have more than is expected. */
function matches(actual: unknown, expected: unknown, whole: boolean): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected)
  if (typeof actual !== 'object' || actual === null) return false
  if (Array.isArray(expected) !== Array.isArray(actual)) return false
  if (Array.isArray(expected) && expected.length !== (actual as unknown[]).length) return false
  const names = Object.keys(whole ? { ...actual, ...expected } : expected)
  return names.every((name) => matches(at(actual, name), at(expected, name), whole))
}

const at = (value: object, name: string): unknown => (value as Record<string, unknown>)[name]

const show = (value: unknown): string =>
  (value instanceof Error ? String(value) : JSON.stringify(value)) ?? 'undefined'
