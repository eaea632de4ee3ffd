/**
 * The suite of the core, the contracts of logs, tiers and sinks, the contract of a log over HTTP, and fleets by a
 * seed: one module, in every runtime. A table of them stands at the end of the run.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { bundle } from './bundle.ts'
import type { Told } from './everywhere.ts'
import { startOutside } from './outside.ts'
import { RUNTIMES } from './runtimes.ts'

const module = await bundle(new URL('everywhere.ts', import.meta.url))
const outside = await startOutside()
afterAll(() => outside.close())

// Run before the tests are declared, so that each of the suite is one here. Two at a time: what they wait for is
// mostly each other's long polls.
const told = new Map<string, Told | Error>()
const waiting = [...RUNTIMES]
await Promise.all(
  [1, 2].map(async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      told.set(next.name, await next.run(module.code, outside).catch((error: unknown) => error as Error))
    }
  }),
)

const namesIn = (name: string): string[] => {
  const one = told.get(name)
  return one === undefined || one instanceof Error ? [] : one.results.map((result) => result.name)
}

describe.each(RUNTIMES)('$name', ({ name, userAgent }) => {
  const one = told.get(name)

  it('runs the suite, as the platform that it is', () => {
    if (one === undefined || one instanceof Error) throw one ?? new Error('it was not run')
    expect(one.userAgent).toContain(userAgent)
    expect(one.isolatesRequests).toBe(userAgent === 'Cloudflare-Workers')
    expect(one.results.length).toBeGreaterThan(300)
    expect(namesIn(name)).toEqual(namesIn('Node 24'))
  })

  if (one !== undefined && !(one instanceof Error)) {
    it.each(one.results)('$name', ({ error }) => {
      expect(error).toBeUndefined()
    })
  }
})

it('the module that all of them run imports nothing', () => {
  expect(module.imports).toEqual([])
})
