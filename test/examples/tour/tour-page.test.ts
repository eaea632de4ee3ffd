import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { curlLine, setupLine } from '../../../examples/tour/curl.ts'
import { DEFAULT_PORT } from '../../../examples/tour/options.ts'
import { headingOf } from '../../../examples/tour/screen.ts'
import { SETTINGS, TOUR } from '../../../examples/tour/tour.ts'

const page = readFileSync(new URL('../../../docs/tour.md', import.meta.url), 'utf8')

function at(nth: number): string {
  return `http://127.0.0.1:${DEFAULT_PORT + nth}`
}

const places = { a: at(0), b: at(1), origin: at(2), switch: at(4) }

describe('the page of the tour', () => {
  it('has the lines of the tour, all of them and in its order, at the default ports', () => {
    const blocks = [...page.matchAll(/^```sh\n([^]*?)\n```$/gm)].map(([, lines]) => lines)
    const steps = TOUR.flatMap((chapter) => chapter.steps)
    expect(blocks).toStrictEqual([
      'npm ci && npm start',
      setupLine(places),
      ...steps.map((step) => curlLine(step, places)),
    ])
  })

  it('has the headings of the tour', () => {
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
    expect(headings).toStrictEqual(TOUR.map(({ title }, index) => headingOf(title, index + 1)))
  })

  it('has what each step is foretold to show of the cache, in its order', () => {
    const shown = [...page.matchAll(/`kedge; ([^`]+)`/g)].map(([, status]) => status?.replace('; ttl=…', ''))
    const foretold = TOUR.flatMap((chapter) => chapter.steps).flatMap(({ expect: { cacheStatus } }) =>
      cacheStatus === undefined ? [] : [cacheStatus.join('; ')],
    )
    expect(shown).toStrictEqual(foretold)
  })

  it('has the settings of the workers', () => {
    for (const [binding, value] of Object.entries(SETTINGS)) {
      expect(page.replaceAll(/ +/g, ' ')).toContain(`| \`${binding}\` | \`${value}\` |`)
    }
  })
})
