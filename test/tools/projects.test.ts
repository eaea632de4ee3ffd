import { globSync } from 'node:fs'
import { matchesGlob } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LONGEST } from '../../tools/vitest-sequencer.ts'
import { filesOf, PROJECTS } from '../projects.ts'
import type { Part } from '../projects.ts'

const FILES = globSync('test/**/*.test.ts', { cwd: new URL('../..', import.meta.url).pathname })

const projectsOf = (file: string, part: Part): string[] =>
  PROJECTS.filter((project) => {
    const { include, exclude } = filesOf(project, part)
    const has = (globs: readonly string[]) => globs.some((glob) => matchesGlob(file, glob))
    return has(include) && !has(exclude)
  }).map(({ name }) => name)

describe('the projects of Vitest', () => {
  it('begin with files that there are', () => {
    expect(LONGEST.filter((file) => !FILES.includes(file))).toEqual([])
  })

  it('have every file of tests, and none of them twice', () => {
    const wrong = FILES.map((file) => [file, projectsOf(file, 'all')]).filter(
      ([, names]) => names?.length !== 1,
    )
    expect(wrong).toEqual([])
    expect(FILES.length).toBeGreaterThan(50)
  })

  it('run a file with the core or with the rest, and again with the rest only where the core is short', () => {
    const isShort = (name: string) => PROJECTS.some((each) => each.name === name && each.shortCore === true)
    for (const file of FILES) {
      const [name = ''] = projectsOf(file, 'all')
      const parts = [...projectsOf(file, 'core'), ...projectsOf(file, 'rest')]
      expect(new Set(parts), file).toEqual(new Set([name]))
      expect(parts.length, file).toBeLessThanOrEqual(isShort(name) ? 2 : 1)
    }
  })
})
