/**
 * A runner of tests for platforms that have none: as much of it as the shared suites use.
 *
 * Web standards only: it runs in a bare workerd.
 */
import type { Assertion } from '../../src/testing/index.ts'

/** What a shared suite is given: Vitest's, Bun's, Deno's, or {@link Harness}. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  readonly expect: (actual: unknown) => Assertion
}

export interface Result {
  readonly name: string
  /** Why it failed; absent when it passed. */
  readonly error?: string
}

/** Longer than any test takes. One that hangs must not hang the others. */
const LIMIT_MS = 10_000

/** Collects tests, and then runs them one after the other. */
export class Harness implements Runner {
  readonly #tests: { readonly name: string; readonly body: () => Promise<void> }[] = []
  #path: readonly string[] = []

  readonly describe: Runner['describe'] = (name, body) => {
    const outer = this.#path
    this.#path = [...outer, name]
    body()
    this.#path = outer
  }

  readonly it: Runner['it'] = (name, body) => {
    this.#tests.push({ name: [...this.#path, name].join(' > '), body })
  }

  readonly expect: Runner['expect'] = (actual) => ({
    toBe: (expected) => verify(Object.is(actual, expected), actual, 'be', expected),
    toEqual: (expected) => verify(isEqual(actual, expected), actual, 'equal', expected),
    toMatchObject: (expected) => verify(isMatch(actual, expected), actual, 'match', expected),
  })

  async run(): Promise<Result[]> {
    const results: Result[] = []
    for (const { name, body } of this.#tests) {
      let timer: ReturnType<typeof setTimeout> | undefined
      try {
        const limit = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`took longer than ${LIMIT_MS} ms`)), LIMIT_MS)
        })
        await Promise.race([body(), limit])
        results.push({ name })
      } catch (error) {
        results.push({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
      } finally {
        clearTimeout(timer)
      }
    }
    return results
  }
}

function verify(holds: boolean, actual: unknown, relation: string, expected: unknown): void {
  if (!holds) throw new Error(`expected ${shown(actual)} to ${relation} ${shown(expected)}`)
}

function shown(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Map) return `Map ${shown([...value])}`
  return JSON.stringify(value) ?? String(value)
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Whether they are the same in kind and content; members that are `undefined` count as absent. */
function isEqual(actual: unknown, expected: unknown): boolean {
  if (Object.is(actual, expected)) return true
  if (!isObject(actual) || !isObject(expected)) return false
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false
  if (actual instanceof Map || actual instanceof Set) {
    return isEqual([...actual], [...(expected as unknown as Iterable<unknown>)])
  }
  if (Array.isArray(actual) && actual.length !== (expected as unknown as unknown[]).length) return false
  const names = new Set([...Object.keys(actual), ...Object.keys(expected)])
  return [...names].every((name) => isEqual(actual[name], expected[name]))
}

/** Whether `actual` has at least what `expected` has. Arrays must be as long. */
function isMatch(actual: unknown, expected: unknown): boolean {
  if (!isObject(expected) || !isObject(actual)) return isEqual(actual, expected)
  if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length)) return false
  return Object.keys(expected).every((name) => name in actual && isMatch(actual[name], expected[name]))
}
