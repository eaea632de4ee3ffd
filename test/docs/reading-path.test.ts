/** The README's way through the code: short, and in an order in which nothing is needed before it was read. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
// The README rounds.
const MOST_LINES = 1030
/** The page is read up to here. */
const ASSUMPTIONS = '## What is assumed'

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const linesOf = (path: string): number => {
  const read = path.endsWith('.md') ? text(path).split(ASSUMPTIONS, 1)[0]! : text(path)
  return read.split('\n').length - 1
}

/** The files that the section of the README links to, in its order. */
function pathOf(readme: string): string[] {
  const section = /^## The idea in 1,000 lines\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? ''
  const steps = section.split('\n').filter((line) => /^\d+\. /.test(line))
  return steps.flatMap((line) => [...line.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!))
}

/** The files of this repository that a file imports, types included. */
const importsOf = (path: string): string[] =>
  [...text(path).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, to]) =>
    normalize(join(dirname(path), to!)),
  )

describe('the idea in 1,000 lines', () => {
  const path = pathOf(text('README.md'))

  it('is a path of files that exist', () => {
    expect(path.length).toBeGreaterThan(6)
    expect(path.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
  })

  it(`has at most ${MOST_LINES} lines`, () => {
    expect(text('docs/coherence.md')).toContain(ASSUMPTIONS)
    const lengths = path.map((file) => [file, linesOf(file)] as const)
    expect(
      lengths.reduce((sum, [, lines]) => sum + lines, 0),
      JSON.stringify(lengths),
    ).toBeLessThanOrEqual(MOST_LINES)
  })

  it('has no file that imports one that comes later, or is not on the path', () => {
    const early = path.flatMap((file, at) =>
      file.endsWith('.ts') ? importsOf(file).filter((to) => !path.slice(0, at).includes(to)) : [],
    )
    expect(early).toEqual([])
    expect(path.filter((file) => file.endsWith('.ts')).flatMap(importsOf).length).toBeGreaterThan(2)
  })
})
