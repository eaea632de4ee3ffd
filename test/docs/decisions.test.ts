/** The decisions: each is a file with a number, the list has them all, and the code names them where they rule. */
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../package/tarball.ts'
import { pageAt, sourceOf } from './page.ts'

interface Decision {
  readonly number: number
  readonly file: string
  readonly title: string
  readonly date: string
  readonly about: string
  readonly status: string
}

/** Where the code that a decision rules can stand, by what it is about. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  cli: ['cli/'],
  code: ['src/', 'tools/', 'adapters/', 'test/adapters/'],
  coherence: ['src/'],
  deploy: ['deploy/', 'test/deploy/'],
  docs: ['tools/', 'test/docs/'],
  frameworks: ['adapters/frameworks/'],
  gateway: ['services/gateway/'],
  kafka: ['adapters/kafka/', 'src/api/', 'src/ports/'],
  loader: ['services/loader/', 'src/loader-client/', 'src/replicate/', 'src/wire/'],
  packaging: ['tools/', 'worker/'],
  platforms: ['worker/'],
  runtime: ['src/runtime/', 'test/sim/'],
  store: ['src/store/'],
  stores: ['adapters/stores/'],
  sync: ['services/sync/', 'adapters/stores/', 'src/ports/'],
  tests: ['test/', 'tools/'],
  tiers: ['src/', 'adapters/stores/', 'services/sync/'],
  wire: ['src/', 'adapters/kafka/'],
  worker: ['worker/'],
  writes: ['src/', 'services/persister/', 'cli/'],
}
/** Of more than a hundred: those that explain a line of code. */
const NAMED_AT_LEAST = 25

function read(path: string): Decision {
  const [, number, title, date, about, status] =
    /^# (\d+)\. (.+)\n\n(\d{4}-\d\d-\d\d) · (\S+) · (in force|replaced by \d+)\n/.exec(sourceOf(path)) ?? []
  return {
    number: Number(number),
    file: basename(path),
    title: title!,
    date: date!,
    about: about!,
    status: status!,
  }
}

const DECISIONS = globSync('docs/decisions/0*.md', { cwd: ROOT }).toSorted().map(read)

/** Each place of the code that names a decision. */
const NAMED = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.js', '*.mjs'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && path !== 'test/docs/decisions.test.ts')
  .flatMap((path) =>
    [...sourceOf(path).matchAll(/\bdecision (\d+)/g)].map(([, number]) => ({
      path,
      number: Number(number),
    })),
  )

describe('the decisions', () => {
  it('are numbered from 1, without a gap, as their files are', () => {
    expect(DECISIONS.length).toBeGreaterThan(100)
    for (const [index, { number, file }] of DECISIONS.entries()) {
      expect(number).toBe(index + 1)
      expect(file).toMatch(new RegExp(`^${String(number).padStart(4, '0')}-[a-z0-9-]+\\.md$`))
    }
  })

  it('have the dates in the order of their numbers', () => {
    const dates = DECISIONS.map(({ date }) => date)
    expect(dates).toEqual(dates.toSorted())
  })

  it.each(DECISIONS.map((each) => [each.file, each] as const))(
    '%s: says why, what was rejected, and what it costs',
    (file) => {
      const headings = [...sourceOf(`docs/decisions/${file}`).matchAll(/^## (.+)\n\n\S/gm)].map(
        ([, each]) => each,
      )
      expect(headings).toEqual(['Why', 'Rejected', 'Costs'])
    },
  )

  it('stand in the list as in their files', () => {
    const rows = pageAt('docs/decisions/README.md')
      .text.split('\n')
      .filter((line) => /^\| +\d/.test(line))
    const cells = rows.map((row) => row.split(/ *\| */).slice(1, -1))
    expect(cells).toEqual(
      DECISIONS.map(({ number, title, file, about, date, status }) => [
        String(number),
        `[${title}](${file})`,
        about,
        date,
        status,
      ]),
    )
  })

  it('exist where the code names them, and stand in the part of the code that they are about', () => {
    const wrong = NAMED.filter(({ path, number }) => {
      const about = DECISIONS[number - 1]?.about ?? ''
      return !FOLDERS[about]?.some((folder) => path.startsWith(folder))
    })
    expect(wrong).toEqual([])
  })

  it(`are named by the code, at least ${NAMED_AT_LEAST} of them`, () => {
    expect(new Set(NAMED.map(({ number }) => number)).size).toBeGreaterThanOrEqual(NAMED_AT_LEAST)
  })
})
