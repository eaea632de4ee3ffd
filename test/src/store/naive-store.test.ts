import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Budget, type StoreLimits } from '../../../src/store/budget.ts'
import { storedEntry, type StoredEntry } from '../../../src/store/entry.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'
import { NaiveBudget, NaiveStore } from './naive-store.ts'

/** What is done to one of the stores, and to which of their keys. */
type Step = { readonly at: number; readonly key: number } & (
  | { readonly do: 'set'; readonly bytes: number }
  | { readonly do: 'get' }
  | { readonly do: 'peek' }
  | { readonly do: 'delete' }
  | { readonly do: 'empty' }
  | { readonly do: 'evict'; readonly by: 'entries' | 'bytes' }
  | { readonly do: 'fill' | 'read all' | 'sweep'; readonly to: number }
)

const KEYS = 120
const NAMES = Array.from({ length: KEYS }, (_, each) => `k${each}`)
/** Sizes: all alike, or up to what a store can hold at most. */
const MOST_BYTES = 200
const bytes = fc.oneof(fc.constant(10), fc.integer({ min: 0, max: MOST_BYTES }))
const which = { at: fc.nat(2), key: fc.nat(KEYS - 1) }

function weighed<T extends object>(weight: number, record: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return { weight, arbitrary: fc.record({ ...which, ...record }) }
}

const steps = fc.oneof(
  weighed(40, { do: fc.constant('set' as const), bytes }),
  weighed(40, { do: fc.constantFrom('get' as const, 'peek' as const, 'delete' as const) }),
  weighed(12, {
    do: fc.constantFrom('fill' as const, 'read all' as const, 'sweep' as const),
    to: fc.nat(KEYS - 1),
  }),
  weighed(6, {
    do: fc.constant('evict' as const),
    by: fc.constantFrom('entries' as const, 'bytes' as const),
  }),
  weighed(1, { do: fc.constant('empty' as const) }),
) as fc.Arbitrary<Step>

const limits: fc.Arbitrary<StoreLimits> = fc.record({
  maxEntries: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: KEYS })),
  maxBytes: fc.oneof(
    fc.integer({ min: MOST_BYTES, max: 1000 }),
    fc.integer({ min: MOST_BYTES, max: KEYS * MOST_BYTES }),
  ),
})

/** No two are alike, and each has other parts that few entries have. */
const entryOf = (nth: number, size: number): StoredEntry<number> =>
  storedEntry(
    {
      value: nth,
      asOf: nth + 2 ** 40,
      loadedAt: nth,
      ttlMs: 1000,
      keepMs: nth % 3 === 0 ? nth : 0,
      windows: nth % 4 === 0 ? { swrMs: nth, staleIfErrorMs: 0 } : undefined,
      tags: nth % 5 === 0 ? [`t${nth}`] : undefined,
      version: nth % 7 === 0 ? nth : undefined,
    },
    size,
  )

/** The value of the key, which counts as used. */
function read(store: S3FifoStore<number>, name: string): number | undefined {
  const slot = store.get(name)
  return slot === undefined ? undefined : store.columns.value(slot)
}

/** Stores that share a budget, beside plain ones. */
class Pair {
  readonly budget: Budget
  readonly parts: {
    readonly store: S3FifoStore<number>
    readonly naive: NaiveStore
    readonly evicted: string[]
  }[]
  #nth = 0

  constructor(shared: StoreLimits, own: readonly StoreLimits[]) {
    this.budget = new Budget(shared)
    const naiveBudget = new NaiveBudget(shared)
    this.parts = own.map((each) => {
      const evicted: string[] = []
      // Room is made before a value is put in: no bound is exceeded at this moment either.
      const onCapacity = (gone: string) => {
        evicted.push(gone)
        this.#checkBounds()
      }
      return {
        store: new S3FifoStore<number>(each, this.budget, onCapacity),
        naive: new NaiveStore(each, naiveBudget),
        evicted,
      }
    })
  }

  run(step: Step): void {
    const { store, naive } = this.parts[step.at % this.parts.length]!
    const name = `k${step.key}`
    const set = (own: string, size: number) => {
      store.set(own, entryOf(this.#nth, size))
      naive.set(own, this.#nth, size)
      expect(store.peek(own)?.value).toBe(this.#nth++)
    }
    if (step.do === 'set') set(name, step.bytes)
    else if (step.do === 'get') expect(read(store, name)).toBe(naive.get(name)?.nth)
    else if (step.do === 'peek') store.peek(name)
    else if (step.do === 'delete') expect(store.delete(name)).toBe(naive.delete(name))
    else if (step.do === 'empty') this.#sweep(store, naive, 0, KEYS)
    else if (step.do === 'evict') {
      if (store.entries === 0) return
      store.evict(step.by)
      naive.evict(step.by)
    } else if (step.do === 'sweep') this.#sweep(store, naive, step.key, step.to)
    else {
      for (let each = step.key; each <= step.to; each++) {
        if (step.do === 'fill') set(`k${each}`, 10)
        else
          for (let use = 0; use < 3; use++) expect(read(store, `k${each}`)).toBe(naive.get(`k${each}`)?.nth)
      }
    }
  }

  /** Drops some, in the order in which the store names them: it promises none. */
  #sweep(store: S3FifoStore<number>, naive: NaiveStore, from: number, to: number): void {
    const seen: string[] = []
    const before = [...naive.held.keys()]
    store.sweep((name) => {
      seen.push(name)
      const nth = Number(name.slice(1))
      return nth >= from && nth <= to
    })
    expect(seen.toSorted()).toEqual(before.toSorted())
    for (const name of seen)
      if (Number(name.slice(1)) >= from && Number(name.slice(1)) <= to) naive.delete(name)
  }

  #checkBounds(): void {
    const bounded = [...this.parts.map(({ store }) => store), this.budget]
    const over = bounded.filter(
      ({ entries, bytes: held, limits: most }) => entries > most.maxEntries || held > most.maxBytes,
    )
    expect(over).toEqual([])
  }

  check(): void {
    this.#checkBounds()
    let [entries, sum] = [0, 0]
    for (const { store, naive, evicted } of this.parts) {
      const { held } = naive
      expect(evicted).toEqual(naive.evicted)
      expect([store.entries, store.bytes]).toEqual([held.size, naive.bytes])
      const there = NAMES.map((name) => store.peek(name))
      const should = NAMES.map((name) => held.get(name)).map((item) => item && entryOf(item.nth, item.bytes))
      expect(there).toEqual(should)
      entries += store.entries
      sum += store.bytes
    }
    expect([this.budget.entries, this.budget.bytes]).toEqual([entries, sum])
  }
}

describe('the store beside S3-FIFO written with arrays', () => {
  // fast-check prints the seed and the steps of a run that failed.
  it.each([
    ['alone', 1],
    ['sharing a budget', 3],
  ])(
    '%s, holds the same, evicts the same in the same order and is within its bounds at every step',
    (_, stores) => {
      fc.assert(
        fc.property(
          limits,
          fc.array(limits, { minLength: stores, maxLength: stores }),
          fc.array(steps, { maxLength: 80, size: 'max' }),
          (shared, own, taken) => {
            const pair = new Pair(shared, own)
            for (const step of taken) {
              pair.run(step)
              pair.check()
            }
          },
        ),
        { numRuns: 60 },
      )
    },
  )
})
