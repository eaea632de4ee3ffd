/**
 * Ten isolates miss one key at once, and a loader service loads it once.
 *
 * `memory()` stands in for Kafka; replace it by `gateway({ url })` and all of them may be a world apart.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { createLoader } from 'kedge/loader'
import { viaLoader } from 'kedge/loader-client'
import { memory, MemoryLog } from 'kedge/testing'

const log = new MemoryLog()
let loads = 0
const report = async (year: string) => {
  loads++
  await new Promise((resolve) => setTimeout(resolve, 50))
  return { year, total: 42 }
}

const stop = new AbortController()
const loader = createLoader({
  kafka: memory({ on: log }),
  loaders: {
    reports: async (years) =>
      new Map(await Promise.all(years.map(async (year) => [year, await report(year)] as const))),
  },
})
const running = loader.run({ signal: stop.signal })

const isolates = Array.from({ length: 10 }, () =>
  createCache({ kafka: memory({ on: log }) }).namespace<{ total: number }>('reports'),
)
const load = viaLoader(({ key }: { key: string }) => report(key))
const found = await Promise.all(isolates.map((reports) => reports.getOrSet('2026', load)))
assert.deepEqual(new Set(found.map(({ total }) => total)), new Set([42]))
assert.equal(loads, 1)

// What is evicted is loaded again, once.
const token = await isolates[0]!.delete('2026')
await Promise.all(isolates.map((reports) => reports.getOrSet('2026', load, { after: token })))
assert.equal(loads, 2)

stop.abort()
await running
console.log('ten isolates, two rounds,', loads, 'loads;', loader.stats().values, 'values published')
await loader.close()
