/** The law of rooms (docs/architecture.md) is held by the linter: take an override away, and this fails. */
import { readdirSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { brokenRules } from './oxlint.ts'

/** The rooms of `src` from the innermost out. Rooms of one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['ports', 'store'],
  ['runtime'],
  ['wire'],
  ['api'],
  ['coherence'],
  ['read'],
  ['write'],
  ['tier', 'replicate', 'loader-client', 'write-paths', 'signing'],
]
const ROOMS = FLOORS.flat()
const floorOf = (room: string): number => FLOORS.findIndex((floor) => floor.includes(room))

/** Folders that stand around `src`, and those of them that each may import besides itself. */
const AROUND: Readonly<Record<string, readonly string[]>> = {
  src: [],
  adapters: ['src'],
  services: ['src', 'adapters'],
  worker: ['src', 'adapters', 'services'],
  cli: ['src', 'adapters', 'services', 'worker'],
}

const FORMS: readonly ((from: string) => string)[] = [
  (from) => `import { a } from '${from}'\nexport const b = a\n`,
  (from) => `import type { A } from '${from}'\nexport type B = A\n`,
  (from) => `export { a } from '${from}'\n`,
]

const FORBIDDEN = 'eslint(no-restricted-imports)'

interface Import {
  readonly path: string
  readonly text: string
  readonly allowed: boolean
}

/** Files that import from one place to the other, in each form of an import. */
const imports = (folder: string, from: string, name: string, allowed: boolean): Import[] =>
  FORMS.map((form, at) => ({ path: `${folder}/${name}-${at}.ts`, text: form(from), allowed }))

const all: Import[] = [
  ...ROOMS.flatMap((from) => [
    ...ROOMS.filter((to) => to !== from).flatMap((to) =>
      imports(`src/${from}`, `../${to}/a.ts`, `to-${to}`, floorOf(to) < floorOf(from)),
    ),
    ...imports(`src/${from}`, './a.ts', 'to-itself', true),
    ...imports(`src/${from}`, '../testing/a.ts', 'to-testing', false),
    ...imports(`src/${from}`, '../cache.ts', 'to-cache', false),
    ...imports(`src/${from}`, '../any.ts', 'to-the-top', false),
    ...imports(`src/${from}`, 'node:fs', 'to-node', false),
    ...imports(`src/${from}`, 'hono', 'to-hono', false),
  ]),
  ...ROOMS.flatMap((to) => imports('src', `./${to}/a.ts`, `to-${to}`, true)),
  ...imports('src', './testing/a.ts', 'to-testing', false),
  ...Object.entries(AROUND).flatMap(([from, may]) =>
    Object.keys(AROUND)
      .filter((to) => to !== from)
      .flatMap((to) => [
        ...imports(from, `../${to}/a.ts`, `to-${to}`, may.includes(to)),
        ...imports(`${from}/deep/er`, `../../../${to}/b/a.ts`, `to-${to}`, may.includes(to)),
      ]),
  ),
  ...ROOMS.flatMap((from) =>
    Object.keys(AROUND)
      .filter((to) => to !== 'src')
      .flatMap((to) => imports(`src/${from}`, `../../${to}/a.ts`, `out-to-${to}`, false)),
  ),
]

describe('the law of rooms', () => {
  let broken: ReadonlyMap<string, readonly string[]> = new Map()

  beforeAll(async () => {
    broken = await brokenRules(Object.fromEntries(all.map(({ path, text }) => [path, text])))
  })

  const isRefused = ({ path }: Import): boolean => broken.get(path)!.includes(FORBIDDEN)
  const pathsOf = (of: readonly Import[]): string[] => of.map(({ path }) => path)

  it('refuses each import that points outward, in every form', () => {
    expect(pathsOf(all.filter((each) => !each.allowed && !isRefused(each)))).toEqual([])
  })

  it('lets each import pass that points inward', () => {
    expect(pathsOf(all.filter((each) => each.allowed && isRefused(each)))).toEqual([])
  })

  it('has a floor for every room that there is', () => {
    const rooms = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(rooms.map(({ name }) => name).toSorted()).toEqual([...ROOMS, 'testing'].toSorted())
  })
})
