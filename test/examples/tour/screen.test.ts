import { describe, expect, it } from 'vitest'
import { curlLine, setupLine } from '../../../examples/tour/curl.ts'
import { reportOf, screenOf } from '../../../examples/tour/screen.ts'
import { ROW, TOUR, type Step } from '../../../examples/tour/tour.ts'

const places = {
  a: 'http://127.0.0.1:58787',
  b: 'http://127.0.0.1:58788',
  origin: 'http://127.0.0.1:58789',
  log: 'http://127.0.0.1:58790',
  switch: 'http://127.0.0.1:58791',
  page: 'http://127.0.0.1:58791/ui',
}
const steps = TOUR.flatMap((chapter) => chapter.steps)

describe('the screen', () => {
  const screen = screenOf(places, 1234, (text) => text)

  it('fits 40 lines of 100 columns below the four lines of npm', () => {
    expect(screen.length + 4).toBeLessThanOrEqual(40)
    expect(Math.max(...screen.map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(screen.join('').includes('\n')).toBe(false)
  })

  it('has the line of every step, in order, after the one that they need', () => {
    const lines = screen.filter((line) => line.startsWith('  ')).map((line) => line.trim())
    expect(lines.slice(-steps.length)).toStrictEqual(steps.map((step) => curlLine(step, places)))
    expect(lines.at(-steps.length - 1)).toBe(setupLine(places))
  })

  it('names every address', () => {
    for (const url of Object.values(places)) expect(screen.join('\n')).toContain(url.replace('http://', ''))
  })
})

describe('the report of a step', () => {
  const step: Step = { to: 'a', path: ROW, expect: { status: 200 } }
  const text = '{"namespace":"airports","key":"KEF"}'
  const seen = { status: 200, cacheStatus: 'kedge; hit; ttl=299', text, body: {} }

  it('is its line and what it saw', () => {
    expect(reportOf({ step, seen, difference: undefined, tookMs: 3 }, places)).toStrictEqual([
      '  ok   curl -si $A$KEF',
      `       200 · kedge; hit; ttl=299 · ${text}`,
    ])
  })

  it('shows of a body what was foretold of it', () => {
    const foretelling: Step = { ...step, expect: { status: 200, body: { value: { city: 'A' }, n: 1 } } }
    const body = { key: 'KEF', value: { code: 'KEF', city: 'A' }, n: 1 }
    const full = { ...seen, text: JSON.stringify(body), body }
    const [, line] = reportOf({ step: foretelling, seen: full, difference: undefined, tookMs: 3 }, places)
    expect(line).toBe('       200 · kedge; hit; ttl=299 · {"value":{"city":"A"},"n":1}')
    const differing = { step: foretelling, seen: full, difference: 'it differs', tookMs: 3 }
    expect(reportOf(differing, places)[1]).toBe(`       200 · kedge; hit; ttl=299 · ${full.text}`)
  })

  it('shows the difference, and how long the step waited', () => {
    const waited = { ...step, within: 2 }
    const report = reportOf(
      { step: waited, seen, difference: 'status is 200, not 503', tookMs: 2040 },
      places,
    )
    expect(report).toStrictEqual([
      '  DIFF sleep 2; curl -si $A$KEF',
      `       after 2.0 s: 200 · kedge; hit; ttl=299 · ${text}`,
      '       status is 200, not 503',
    ])
  })

  it('shows that there was no answer', () => {
    const report = reportOf({ step, seen: undefined, difference: 'no answer', tookMs: 3 }, places)
    expect(report).toStrictEqual(['  DIFF curl -si $A$KEF', '       no answer'])
  })

  it('cuts a long answer to the width of the screen', () => {
    const long = { ...seen, text: 'x'.repeat(500) }
    const [, line = ''] = reportOf({ step, seen: long, difference: undefined, tookMs: 3 }, places)
    expect(line).toHaveLength(100)
    expect(line.endsWith('…')).toBe(true)
  })
})
