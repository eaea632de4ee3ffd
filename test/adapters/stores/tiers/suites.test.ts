import { describe, expect, it } from 'vitest'
import { bundle } from '../../../runtime/bundle.ts'
import type { Result } from '../../../runtime/harness.ts'
import { startIsolates } from './isolates.ts'

/** Only a workerd that hangs takes this long. */
const LIMIT_MS = 120_000

async function resultsInWorkerd(): Promise<readonly Result[]> {
  const { code } = await bundle(new URL('./suite-worker.ts', import.meta.url), { external: ['cloudflare:*'] })
  const isolates = await startIsolates(code, ['suite'])
  try {
    const response = await fetch(isolates.urls[0]!, { signal: AbortSignal.timeout(LIMIT_MS) })
    if (response.status !== 200) throw new Error(await response.text())
    return (await response.json()) as Result[]
  } finally {
    await isolates.close()
  }
}

// Run before the tests are declared, so that each of the suites is one here.
const results = await resultsInWorkerd()

describe('in workerd, on its own KV and its own cache', () => {
  it.for(results)('$name', ({ error }) => {
    expect(error).toBeUndefined()
  })

  it('all of both contracts runs', () => {
    const of = (name: string) => results.filter((result) => result.name.startsWith(name)).length
    expect(of('workersKv()')).toBeGreaterThan(20)
    expect(of('cacheApi()')).toBe(of('workersKv()'))
  })
})
