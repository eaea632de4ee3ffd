/** Every link of the pages leads somewhere: files that are there, and headings that are in them. */
import { existsSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../package/tarball.ts'
import { LINKED_PAGES, proseOf, sourceOf } from './page.ts'
import type { Page } from './page.ts'

/** As GitHub makes them: small letters, without punctuation, blanks as hyphens, repeated ones numbered. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf({ path: '', folder: '', text }).matchAll(/^#{1,6} (.*)$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-')
    let unique = anchor
    for (let again = 1; anchors.has(unique); again++) unique = `${anchor}-${again}`
    anchors.add(unique)
  }
  return anchors
}

function problemOf(page: Page, link: string): string | undefined {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page.path : normalize(join(page.folder, path))
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return `${link}: there is no ${target}`
  if (anchor === undefined) return undefined
  return anchorsOf(sourceOf(target)).has(anchor) ? undefined : `${link}: ${target} has no such heading`
}

const linksOf = (page: Page): string[] =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)

describe('the links of the pages', () => {
  it.each(LINKED_PAGES.map((page) => [page.path, page] as const))('%s: lead somewhere', (_, page) => {
    const inside = linksOf(page).filter((link) => !/^[a-z]+:/.test(link))
    expect(inside.map((link) => problemOf(page, link)).filter((problem) => problem !== undefined)).toEqual([])
  })

  it.each(LINKED_PAGES.map((page) => [page.path, page] as const))(
    '%s: is reached from the README',
    (path) => {
      const reached = new Set<string>()
      const visit = (at: string): void => {
        if (reached.has(at)) return
        reached.add(at)
        const page = LINKED_PAGES.find((each) => each.path === at)
        for (const link of page ? linksOf(page) : []) {
          const target = normalize(join(page!.folder, link.split('#')[0]!)).replace(/\/$/, '')
          visit(LINKED_PAGES.some((each) => each.path === target) ? target : `${target}/README.md`)
        }
      }
      visit('README.md')
      expect(reached).toContain(path)
    },
  )
})
