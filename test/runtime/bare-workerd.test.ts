import { describe, expect, it } from 'vitest'
import { startIsolate } from '../worker/miniflare-isolate.ts'
import { bundle } from './bundle.ts'
import type { Bundle, Replacement } from './bundle.ts'
import { Harness } from './harness.ts'
import type { Report } from './workerd-entry.ts'

/** Only a workerd that hangs takes this long. */
const LIMIT_MS = 60_000

const SUITE = new URL('./workerd-entry.ts', import.meta.url)
const ROOT = new URL('../../', import.meta.url)

const bundled = (entry: URL, replacements: readonly Replacement[] = []): Promise<Bundle> =>
  bundle(entry, { replacements, external: ['cloudflare:*'] })

async function reportOf(code: string): Promise<Report> {
  const isolate = await startIsolate(code)
  try {
    const response = await fetch(isolate.url, { signal: AbortSignal.timeout(LIMIT_MS) })
    if (response.status !== 200) throw new Error(await response.text())
    return (await response.json()) as Report
  } finally {
    await isolate.close()
  }
}

// Run before the tests are declared, so that each of the suite is one here.
const suite = await bundled(SUITE)
const { platform } = await reportOf(suite.code)

// That the suite passes there, as in every runtime, stands in `every-runtime.test.ts`.
describe('in a bare workerd', () => {
  it('has none of what only Node has, and is known for what it is', () => {
    expect(platform).toEqual({ userAgent: 'Cloudflare-Workers', isolatesRequests: true, nodeGlobals: [] })
  })

  it('fails what the core does not keep, when the core lacks what keeps it', async () => {
    const fence = {
      file: 'src/coherence/coherent-store.ts',
      from: 'if (reason !== undefined) return this.#refuse(key, reason)\n',
      to: "if (reason !== undefined && reason !== 'fenced') return this.#refuse(key, reason)\n",
    }
    const lacking = await bundled(SUITE, [fence])
    const failed = (await reportOf(lacking.code)).results.filter(({ error }) => error !== undefined)
    const across = 'coherence > a load under way across a delete is returned to its caller and not kept'
    expect(failed.map(({ name }) => name)).toContain(across)
    expect(failed.length).toBeLessThan(20)
  })

  it('a test that fails is reported as failed, and so is one that throws', async () => {
    const harness = new Harness()
    harness.describe('outer', () => {
      harness.it('passes', async () =>
        harness.expect(new Map([[1, { a: [1] }]])).toEqual(new Map([[1, { a: [1] }]])),
      )
      harness.it('be', async () => harness.expect(1).toBe(2))
      harness.it('equal', async () => harness.expect({ a: [1, 2] }).toEqual({ a: [1, 3] }))
      harness.it('match', async () => harness.expect({ a: 1 }).toMatchObject({ a: 1, b: 2 }))
      harness.it('throw', () => Promise.reject(new RangeError('thrown')))
    })
    const told = await harness.run()
    expect(told.map(({ name, error }) => [name, error?.split('\n')[0]])).toEqual([
      ['outer > passes', undefined],
      ['outer > be', 'Error: expected 1 to be 2'],
      ['outer > equal', 'Error: expected {"a":[1,2]} to equal {"a":[1,3]}'],
      ['outer > match', 'Error: expected {"a":1} to match {"a":1,"b":2}'],
      ['outer > throw', 'RangeError: thrown'],
    ])
  })
})

describe('what is bundled', () => {
  it('of the core and its testing tools imports nothing', () => {
    expect(suite.files).toEqual(expect.arrayContaining(['src/index.ts', 'src/testing/index.ts']))
    expect(suite.imports).toEqual([])
  })

  it.for(['src/index.ts', 'src/testing/index.ts', 'worker/index.ts', 'worker/cloudflare.ts'])(
    '%s needs none of the modules of Node',
    async (path) => {
      const { code, imports } = await bundled(new URL(path, ROOT))
      expect(imports).toEqual([])
      expect(code).not.toMatch(/(?:from|import|require)\s*\(?\s*["'](?:node:|cloudflare:)/)
    },
  )
})
