/**
 * The pages that people read: README.md, docs/ and its decisions without the generated reference, and those of the
 * examples.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../package/tarball.ts'

export interface Page {
  /** From the root of the repository. */
  readonly path: string
  /** The folder that its links start from. */
  readonly folder: string
  readonly text: string
}

export interface Block {
  readonly page: Page
  readonly line: number
  readonly text: string
}

export const PAGES: readonly Page[] = pagesOf([
  'README.md',
  'docs/*.md',
  'docs/decisions/*.md',
  'examples/*/README.md',
])

/** Those, and the pages for people who change the code. */
export const LINKED_PAGES: readonly Page[] = [
  ...PAGES,
  ...pagesOf(['CONTRIBUTING.md', 'SECURITY.md', 'deploy/*/README.md', 'deploy/helm/kedge/README.md']),
]

function pagesOf(globs: string[]): Page[] {
  return globSync(globs, { cwd: ROOT })
    .toSorted()
    .map((path) => ({ path, folder: dirname(path), text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** The fenced blocks of a language; `''` are those that name none. */
export function blocksOf(page: Page, language: string): Block[] {
  const found: Block[] = []
  let begun: { language: string; line: number; lines: string[] } | undefined
  for (const [index, line] of page.text.split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(line)
    if (fence === null) begun?.lines.push(line)
    else if (begun === undefined) begun = { language: fence[1] ?? '', line: index + 1, lines: [] }
    else {
      if (begun.language === language) found.push({ page, line: begun.line, text: begun.lines.join('\n') })
      begun = undefined
    }
  }
  return found
}

/** What is no code. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(/^\s*```[^]*?^\s*```$/gm, '')
}

export function pageAt(path: string): Page {
  const page = PAGES.find((each) => each.path === path)
  if (page === undefined) throw new Error(`there is no page ${path}`)
  return page
}

export function sourceOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
