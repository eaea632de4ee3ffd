/** Limits that keep files readable: the linter holds the length of each file and function, this page the rest. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { brokenRules } from './oxlint.ts'

const FOLDERS = ['src', 'adapters', 'services', 'worker', 'cli', 'tools']
const lines = (count: number): string => 'export {}\n'.repeat(count)
const functionOf = (count: number): string => `export function f(a) {\n${'  a()\n'.repeat(count - 2)}}\n`

/** No more than one file in twenty may be longer. */
const MOST_LINES_OF_MOST = 250

describe('the linter', () => {
  it('refuses files of more than 300 lines, and functions of more than 70', async () => {
    const files = Object.fromEntries(
      FOLDERS.flatMap((folder) => [
        [`${folder}/long.ts`, lines(301)],
        [`${folder}/short.ts`, lines(300)],
        [`${folder}/long-function.ts`, functionOf(71)],
        [`${folder}/short-function.ts`, functionOf(70)],
      ]),
    )
    const broken = await brokenRules(files)
    const over = (rule: string) =>
      [...broken].filter(([, rules]) => rules.includes(rule)).map(([path]) => path)

    expect(over('eslint(max-lines)').toSorted()).toEqual(FOLDERS.map((each) => `${each}/long.ts`).toSorted())
    expect(over('eslint(max-lines-per-function)').toSorted()).toEqual(
      FOLDERS.map((each) => `${each}/long-function.ts`).toSorted(),
    )
  })

  it('refuses files that import each other in a circle, also where only types are imported', async () => {
    const circle = (folder: string) => ({
      [`${folder}/a.ts`]: "import type { B } from './b.ts'\nexport type A = B\n",
      [`${folder}/b.ts`]: "export type { C as B } from './c.ts'\n",
      [`${folder}/c.ts`]: "import type { A } from './a.ts'\nexport type C = A[]\n",
    })
    const broken = await brokenRules(Object.assign({}, ...FOLDERS.map(circle)))

    for (const folder of FOLDERS) expect(broken.get(`${folder}/a.ts`), folder).toContain('import(no-cycle)')
  })
})

describe('the files of the core', () => {
  it(`have ${MOST_LINES_OF_MOST} lines or fewer in 19 of 20 cases`, () => {
    const lengths = globSync('src/**/*.ts')
      .map((path) => ({ path, length: readFileSync(path, 'utf8').split('\n').length - 1 }))
      .toSorted((a, b) => a.length - b.length)
    const long = lengths.slice(Math.ceil(lengths.length * 0.95) - 1)

    expect(lengths.length).toBeGreaterThan(80)
    expect(long[0]?.length, JSON.stringify(long)).toBeLessThanOrEqual(MOST_LINES_OF_MOST)
  })
})
