/** The store against a plain model: bounded at every step, and never the bearer of what was deleted. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { storedEntry } from '../../../src/store/entry.ts'
import { Budget } from '../../../src/store/budget.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

const KEYS = Array.from({ length: 12 }, (_, at) => `k${at}`)

const key = fc.constantFrom(...KEYS, '__proto__', 'constructor')
const which = fc.nat(1)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      which,
      key,
      bytes: fc.integer({ min: 1, max: 100 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), which, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), which, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), which, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('empty' as const), which }) },
)
const limits = fc.record({
  maxEntries: fc.integer({ min: 1, max: 9 }),
  maxBytes: fc.integer({ min: 100, max: 400 }),
})

describe('stores that share a budget', () => {
  it('keep every bound at every step, count what they hold, and return nothing but what was set last', () => {
    fc.assert(
      fc.property(
        limits,
        limits,
        limits,
        fc.array(step, { maxLength: 120 }),
        (shared, first, second, steps) => {
          const budget = new Budget(shared)
          const models = [
            new Map<string, { value: number; bytes: number }>(),
            new Map<string, { value: number; bytes: number }>(),
          ]
          const own = [first, second]
          const stores = own.map(
            (each, at) =>
              new S3FifoStore<number>(each, budget, (gone) => expect(models[at]!.delete(gone)).toBe(true)),
          )
          for (const [nth, each] of steps.entries()) {
            const store = stores[each.which]!
            const model = models[each.which]!
            if (each.do === 'set') {
              const content = {
                value: nth,
                loadedAt: 0,
                ttlMs: 1000,
                keepMs: 0,
                asOf: nth,
                tags: undefined,
                version: undefined,
              }
              // The store reports what it evicts to make room during `set`: the model has the new entry by then.
              model.set(each.key, { value: nth, bytes: each.bytes })
              store.set(each.key, storedEntry(content, each.bytes))
              expect(store.peek(each.key)?.value).toBe(nth)
            } else if (each.do === 'get') {
              const slot = store.get(each.key)
              expect(slot === undefined ? undefined : store.columns.value(slot)).toBe(
                model.get(each.key)?.value,
              )
            } else if (each.do === 'delete') {
              expect(store.delete(each.key)).toBe(model.delete(each.key))
              expect(store.get(each.key)).toBeUndefined()
            } else if (each.do === 'sweep') {
              store.sweep((name) => name >= each.key)
              for (const name of model.keys()) if (name >= each.key) model.delete(name)
            } else {
              store.sweep(() => true)
              model.clear()
            }
            let entries = 0
            let bytes = 0
            for (const [at, held] of models.entries()) {
              const there = stores[at]!
              const sum = [...held.values()].reduce((total, one) => total + one.bytes, 0)
              expect([there.entries, there.bytes]).toEqual([held.size, sum])
              expect(there.entries).toBeLessThanOrEqual(own[at]!.maxEntries)
              expect(there.bytes).toBeLessThanOrEqual(own[at]!.maxBytes)
              for (const name of [...KEYS, '__proto__', 'constructor'])
                expect(there.peek(name)?.value).toBe(held.get(name)?.value)
              entries += held.size
              bytes += sum
            }
            expect([budget.entries, budget.bytes]).toEqual([entries, bytes])
            expect(entries).toBeLessThanOrEqual(Math.max(shared.maxEntries, 1))
            expect(bytes).toBeLessThanOrEqual(shared.maxBytes)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})
