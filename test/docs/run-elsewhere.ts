/** Commands that other parts of `.ci/run` run, as they stand or by what they stand for. */
import { existsSync, globSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { ROOT } from '../package/tarball.ts'
import { EXAMPLES } from './example-files.ts'
import { sourceOf } from './page.ts'
import type { Page } from './page.ts'
import { mustExist } from './rule.ts'
import type { Rule } from './rule.ts'
import { after } from './shell-command.ts'

function mustSay(path: string, ...lines: readonly string[]): void {
  for (const line of lines) if (!sourceOf(path).includes(line)) throw new Error(`${path} has no ${line}`)
}

/** How `npm run test:all`, which .ci/run runs, takes the tour. */
const TOUR = 'npm start --silent -- --check'

/** Types the lines of docs/quick-start.md in empty folders. */
const QUICK_STARTS = 'test/package/quick-starts.test.ts'

export const RUN_ELSEWHERE: readonly Rule[] = [
  {
    way: 'run elsewhere',
    why: 'test/package/quick-starts.test.ts types every line below a heading that is a runtime’s',
    takes: ({ page }) => page.path === 'docs/quick-start.md',
    hold: ({ text, page }) => {
      mustExist(QUICK_STARTS)
      const [, getting = ''] = page.text.split('## Getting the package')
      // These two make the tarball, which test/package/tarball.ts does.
      if (['npm ci', 'npm pack'].includes(text)) return
      if (getting.split('## What all of them need')[0]!.includes(text))
        throw new Error(`nothing types ${text}`)
    },
  },
  {
    way: 'run elsewhere',
    why: 'test/package/quick-starts.test.ts types it, as docs/quick-start.md has it',
    takes: ({ words }) => words[0] === 'cp',
    hold: ({ text }) => mustSay('docs/quick-start.md', text),
  },
  {
    way: 'run elsewhere',
    why: '.ci/run takes the tour, whose lines test/examples/tour/tour-page.test.ts holds the page to',
    takes: ({ page, words }) => page.path === 'docs/tour.md' && words[0] !== 'npm',
    hold: () => {
      mustExist('test/examples/tour/tour-page.test.ts')
      mustSay('tools/test-all.ts', TOUR)
    },
  },
  {
    way: 'run elsewhere',
    why: '.ci/run begins with it in a clean clone; npm cit is npm ci and npm test',
    takes: ({ text, page }) => ['npm ci', 'npm cit', 'npm test'].includes(text) && !inFolder(page),
    hold: () => mustSay('.ci/run', 'npm cit'),
  },
  {
    way: 'run elsewhere',
    why: '.ci/run starts the demo, and has it take the tour by itself',
    takes: ({ text }) => text === 'npm start' || text === 'npm start -- --check',
    hold: () => mustSay('tools/test-all.ts', TOUR),
  },
  {
    way: 'run elsewhere',
    why: 'test/examples/tour/colo.test.ts starts it, and ends it',
    takes: ({ text }) => text === 'npm start -- --colo',
    hold: () => mustSay('test/examples/tour/colo.test.ts', "'--colo'"),
  },
  {
    way: 'run elsewhere',
    why: '.ci/run runs it by npm run test:all',
    takes: ({ text, page }) => text === 'npm run check' && !inFolder(page),
    hold: () => {
      mustSay('.ci/run', 'npm run test:all')
      mustSay('tools/test-all.ts', 'tools/check.ts')
    },
  },
  {
    way: 'run elsewhere',
    why: 'test/deploy/board.test.ts compares what it writes with the board that is there',
    takes: ({ text }) => text === 'node deploy/grafana/build.ts --write',
    hold: () => {
      mustSay('deploy/grafana/build.ts', "'--write'", "from './board.ts'")
      mustSay('test/deploy/board.test.ts', '/deploy/grafana/board.ts')
    },
  },
  {
    way: 'run elsewhere',
    why: 'examples.test.ts runs every example',
    takes: ({ words, env }) => words[0] === 'node' && words.length === 2 && Object.keys(env).length === 0,
    hold: ({ words: [, path = ''] }) => {
      mustExist(path)
      mustExist('test/docs/examples.test.ts')
      if (!EXAMPLES.some((glob) => matchesGlob(path, glob))) throw new Error(`nothing runs ${path}`)
    },
  },
  {
    way: 'run elsewhere',
    why: 'npm run test:all runs these files (rounds, seeds and proxies, where they are given, are more of the same)',
    takes: (command) => after(command, 'npx', 'vitest', 'run') !== undefined,
    hold: (command) => {
      const paths = after(command, 'npx', 'vitest', 'run') ?? []
      for (const path of paths) {
        const found = globSync([path, `${path}/**/*.test.ts`], { cwd: ROOT })
        if (!found.some((each) => each.endsWith('.test.ts'))) throw new Error(`${path} has no tests`)
      }
    },
  },
]

/** A page of an example that is a project of its own, with scripts of its own. */
function inFolder({ folder }: Page): boolean {
  return folder !== '.' && existsSync(join(ROOT, folder, 'package.json'))
}
