/**
 * A scenario as a test to paste: into `test/sim/scenarios/`.
 *
 * @module
 */
import type { Scenario } from './scenario.ts'
import type { Violation } from './trace.ts'

/** The source of a test, for Vitest, that expects that nothing is violated. */
export function printTest(scenario: Scenario, violations: readonly Violation[]): string {
  const [first] = violations
  const name =
    first === undefined ? `seed ${scenario.seed}` : `${first.invariant} holds in seed ${scenario.seed}`
  return [
    "import { describe } from 'vitest'",
    "import { holds } from './scenario.ts'",
    '',
    ...violations.slice(0, 3).map(({ invariant, t, text }) => `// ${invariant} at ${t} ms: ${oneLine(text)}`),
    "describe('a fleet', () => {",
    `  holds(${quoted(name)}, ${printScenario(scenario, 2)})`,
    '})',
    '',
  ].join('\n')
}

/** The scenario as an object literal: a line for each isolate and each step. */
export function printScenario({ seed, world, isolates, steps }: Scenario, indent = 0): string {
  const pad = ' '.repeat(indent)
  const lines = (items: readonly object[]): string =>
    items.map((item) => `${pad}    ${literal(item)},\n`).join('')
  return [
    '{',
    `${pad}  seed: ${seed},`,
    `${pad}  world: ${literal(world)},`,
    `${pad}  isolates: [\n${lines(isolates)}${pad}  ],`,
    `${pad}  steps: [\n${lines(steps)}${pad}  ],`,
    `${pad}}`,
  ].join('\n')
}

function literal(value: object): string {
  const members = Object.entries(value).map(([name, of]) => `${name}: ${scalar(of)}`)
  return `{ ${members.join(', ')} }`
}

const scalar = (value: unknown): string =>
  typeof value === 'string' ? quoted(value) : value === undefined ? 'undefined' : JSON.stringify(value)

const quoted = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

const oneLine = (text: string): string => text.replaceAll(/\s+/gu, ' ')
