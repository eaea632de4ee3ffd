import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { Budget, LruStore } from '../../../src/store/lru-store.ts'
import type { StoredEntry } from '../../../src/store/entry.ts'
import type { StoreLimits } from '../../../src/store/lru-store.ts'

const entry = <T>(value: T, bytes: number): StoredEntry<T> => ({
  value,
  bytes,
  freshUntil: 1000,
  keepUntil: 1000,
  loadedAt: 0,
  asOf: 0,
  windows: undefined,
  tags: undefined,
  version: undefined,
  used: false,
})

function storeOf(limits: StoreLimits, budget = new Budget(limits)) {
  const evicted: string[] = []
  const store = new LruStore<number>(limits, budget, (key) => evicted.push(key))
  return { store, budget, evicted }
}

const keysOf = (store: LruStore<number>): string[] => {
  const keys: string[] = []
  store.sweep((key) => {
    keys.push(key)
    return false
  })
  return keys
}

describe('a store', () => {
  it('holds what was set until it is deleted', () => {
    const { store, budget } = storeOf({ maxEntries: 10, maxBytes: 1000 })
    store.set('a', entry(1, 100))
    expect([store.get('a')?.value, store.peek('a')?.value, store.entries, store.bytes]).toEqual([
      1, 1, 1, 100,
    ])

    expect(store.delete('a')).toBe(true)
    expect(store.delete('a')).toBe(false)
    expect([store.get('a'), store.entries, store.bytes, budget.entries, budget.bytes]).toEqual([
      undefined,
      0,
      0,
      0,
      0,
    ])
  })

  it('counts a replaced entry once, and does not report it, at once or later', () => {
    const { store, evicted } = storeOf({ maxEntries: 10, maxBytes: 10_000 })
    for (let round = 0; round < 50; round++) store.set('a', entry(round, 10 + round))

    expect([store.get('a')?.value, store.entries, store.bytes]).toEqual([49, 1, 59])
    for (let each = 0; each < 9; each++) store.set(`k${each}`, entry(each, 1))
    expect(evicted.filter((key) => key === 'a').length).toBeLessThanOrEqual(1)
    expect(store.entries).toBe(keysOf(store).length)
  })

  it('evicts the oldest first when bytes run out', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 300 })
    for (const key of ['a', 'b', 'c', 'd', 'e']) store.set(key, entry(0, 100))

    expect(evicted).toEqual(['a', 'b'])
  })

  it('keeps what is used when bytes run out, however long ago it was set', () => {
    const { store } = storeOf({ maxEntries: 100, maxBytes: 400 })
    store.set('hot', entry(0, 100))
    for (let n = 0; n < 50; n++) {
      store.get('hot')
      store.set(`cold${n}`, entry(n, 100))
    }
    expect(store.peek('hot')?.value).toBe(0)
    expect(store.bytes).toBeLessThanOrEqual(400)
  })

  it('takes an entry that is set again for the newest', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 300 })
    for (const key of ['a', 'b', 'c', 'a', 'd']) store.set(key, entry(0, 100))

    expect(evicted[0]).toBe('b')
    expect(evicted).not.toContain('a')
  })

  it('keeps what is read again and again, and not what is only peeked at', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 1_000_000 })
    store.set('read', entry(1, 1))
    store.set('peeked', entry(2, 1))
    for (let each = 0; each < 1000; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(store.get('read')?.value).toBe(1)
      store.peek('peeked')
    }

    expect(evicted).toContain('peeked')
    expect(evicted).not.toContain('read')
  })

  it('never evicts what has just been set within its limits, even where everything else must go', () => {
    const { store } = storeOf({ maxEntries: 100, maxBytes: 1000 })
    for (let each = 0; each < 50; each++) store.set(`k${each}`, entry(each, 20))
    store.set('large', entry(0, 1000))

    expect([store.peek('large')?.bytes, store.entries, store.bytes]).toEqual([1000, 1, 1000])
  })

  it('keeps the most recent half at least, however many are written', () => {
    const { store } = storeOf({ maxEntries: 100, maxBytes: 1_000_000 })
    for (let each = 0; each < 1000; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(store.entries).toBeLessThanOrEqual(100)
    }

    for (let each = 950; each < 1000; each++) expect(store.peek(`k${each}`)?.value).toBe(each)
  })

  it.each([[1], [2], [3]])('of %i entries still holds the last one', (maxEntries) => {
    const { store } = storeOf({ maxEntries, maxBytes: 1000 })
    for (let each = 0; each < 10; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(store.entries).toBeLessThanOrEqual(maxEntries)
      expect(store.get(`k${each}`)?.value).toBe(each)
    }
  })

  it('sweeps out what is named, while the rest stays', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 1000 })
    for (let each = 0; each < 90; each++) store.set(`k${each}`, entry(each, 1))
    const before = store.entries
    store.sweep((_, { value }) => value % 2 === 0)

    expect(keysOf(store).every((key) => Number(key.slice(1)) % 2 === 1)).toBe(true)
    expect(store.entries).toBeLessThan(before)
    expect(store.entries).toBe(keysOf(store).length)
    expect(evicted.length).toBe(90 - before)
  })

  it('evicts some of what it is sweeping, and stays right', () => {
    const { store, budget } = storeOf({ maxEntries: 100, maxBytes: 1000 })
    for (let each = 0; each < 60; each++) store.set(`k${each}`, entry(each, 10))
    store.sweep((key) => {
      store.evict(1, 0, 0)
      return key.endsWith('5')
    })

    expect(store.entries).toBe(keysOf(store).length)
    expect(store.bytes).toBe(store.entries * 10)
    expect([budget.entries, budget.bytes]).toEqual([store.entries, store.bytes])
  })

  it('sweeps out everything that is named, though entries are read meanwhile', () => {
    for (let count = 1; count <= 12; count++) {
      for (let from = 0; from < count; from++) {
        const { store, budget } = storeOf({ maxEntries: 12, maxBytes: 1000 })
        for (let each = 0; each < count; each++) store.set(`k${each}`, entry(each, 1))
        store.sweep(() => {
          for (let each = from; each < count; each++) store.get(`k${each}`)
          return true
        })
        expect([store.entries, budget.bytes]).toEqual([0, 0])
      }
    }
  })

  it('is swept without a word about what was evicted meanwhile', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 1000 })
    for (let each = 0; each < 40; each++) store.set(`k${each}`, entry(each, 1))
    const named: string[] = []
    store.sweep((key) => {
      expect(evicted).not.toContain(key)
      named.push(key)
      store.evict(3, 0, 0)
      return false
    })

    expect(named.length).toBeLessThan(40)
    expect(new Set(named).size).toBe(named.length)
  })

  it('is empty after it was cleared, and goes on', () => {
    const { store, budget, evicted } = storeOf({ maxEntries: 10, maxBytes: 1000 })
    for (let each = 0; each < 8; each++) store.set(`k${each}`, entry(each, 10))
    store.clear()
    expect([store.entries, store.bytes, budget.entries, budget.bytes, evicted]).toEqual([0, 0, 0, 0, []])
    expect(store.get('k7')).toBeUndefined()

    store.set('a', entry(1, 10))
    expect([store.entries, budget.bytes]).toEqual([1, 10])
  })
})

describe('stores that share a budget', () => {
  it('hold together no more than it, each no more than its own part', () => {
    const budget = new Budget({ maxEntries: 100, maxBytes: 10_000 })
    const { store: small } = storeOf({ maxEntries: 10, maxBytes: 10_000 }, budget)
    const { store: large } = storeOf({ maxEntries: 100, maxBytes: 10_000 }, budget)
    for (let each = 0; each < 300; each++) {
      small.set(`k${each}`, entry(each, 10))
      large.set(`k${each}`, entry(each, 10))
      expect(small.entries).toBeLessThanOrEqual(10)
      expect(budget.entries).toBeLessThanOrEqual(100)
      expect(budget.entries).toBe(small.entries + large.entries)
    }
  })

  it('do not share keys', () => {
    const budget = new Budget({ maxEntries: 100, maxBytes: 10_000 })
    const { store: one } = storeOf({ maxEntries: 100, maxBytes: 10_000 }, budget)
    const { store: other } = storeOf({ maxEntries: 100, maxBytes: 10_000 }, budget)
    one.set('a', entry(1, 10))
    other.set('a', entry(2, 10))
    one.delete('a')

    expect([one.get('a'), other.get('a')?.value]).toEqual([undefined, 2])
  })

  it('give way by how much of their own part they use: a flood in one does not empty the other', () => {
    const budget = new Budget({ maxEntries: 1000, maxBytes: 1000 })
    const { store: quiet } = storeOf({ maxEntries: 1000, maxBytes: 1000 }, budget)
    const { store: flooded } = storeOf({ maxEntries: 1000, maxBytes: 1000 }, budget)
    for (let each = 0; each < 20; each++) quiet.set(`k${each}`, entry(each, 10))
    for (let each = 0; each < 500; each++) flooded.set(`k${each}`, entry(each, 10))

    expect(quiet.entries).toBe(20)
    expect(flooded.bytes).toBeLessThanOrEqual(800)
  })

  it('leave one entry to a part of one, though others are used less of theirs', () => {
    const budget = new Budget({ maxEntries: 10, maxBytes: 10_000 })
    const { store: one } = storeOf({ maxEntries: 1, maxBytes: 10_000 }, budget)
    const { store: large } = storeOf({ maxEntries: 10, maxBytes: 10_000 }, budget)
    for (let n = 0; n < 20; n++) large.set(`${n}`, entry(n, 10))
    one.set('x', entry(7, 10))
    expect(one.peek('x')?.value).toBe(7)
    expect(budget.entries).toBeLessThanOrEqual(10)
  })

  it('let one of them take all while the others are empty', () => {
    const budget = new Budget({ maxEntries: 1000, maxBytes: 1000 })
    storeOf({ maxEntries: 1000, maxBytes: 1000 }, budget)
    const { store } = storeOf({ maxEntries: 1000, maxBytes: 1000 }, budget)
    for (let each = 0; each < 100; each++) store.set(`k${each}`, entry(each, 10))

    expect(store.bytes).toBe(1000)
  })
})

interface Operation {
  readonly op: 'set' | 'get' | 'peek' | 'delete' | 'evict' | 'sweep' | 'clear'
  readonly at: number
  readonly key: string
  readonly bytes: number
}

const operations = fc.array(
  fc.record<Operation>({
    op: fc.constantFrom(
      'set',
      'set',
      'set',
      'set',
      'get',
      'get',
      'peek',
      'delete',
      'evict',
      'sweep',
      'clear',
    ),
    at: fc.nat(2),
    key: fc.nat(30).map((key) => `k${key}`),
    bytes: fc.integer({ min: 0, max: 120 }),
  }),
  { maxLength: 120 },
)
const limits = (maxEntries: number) =>
  fc.record({
    maxEntries: fc.integer({ min: 1, max: maxEntries }),
    maxBytes: fc.integer({ min: 120, max: 900 }),
  })

/** Stores beside what they ought to hold: what was set, less what was deleted or reported as evicted. */
class Modelled {
  readonly budget: Budget
  readonly parts: { readonly store: LruStore<number>; readonly model: Map<string, number> }[] = []
  #count = 0

  constructor(shared: StoreLimits, parts: readonly StoreLimits[]) {
    this.budget = new Budget(shared)
    for (const part of parts) {
      const model = new Map<string, number>()
      const onCapacity = (key: string) => {
        expect(model.delete(key)).toBe(true)
      }
      this.parts.push({ store: new LruStore<number>(part, this.budget, onCapacity), model })
    }
  }

  run({ op, at, key, bytes }: Operation): void {
    const { store, model } = this.parts.at(at % this.parts.length)!
    if (op === 'set') {
      model.set(key, bytes)
      store.set(key, entry(this.#count++, bytes))
    } else if (op === 'get') expect(store.get(key)?.bytes).toBe(model.get(key))
    else if (op === 'peek') expect(store.peek(key)?.bytes).toBe(model.get(key))
    else if (op === 'delete') expect(store.delete(key)).toBe(model.delete(key))
    else if (op === 'evict') store.evict(1, bytes, bytes * 2)
    else if (op === 'clear') {
      model.clear()
      store.clear()
    } else {
      const drops = (candidate: string) => Number(candidate.slice(1)) % 3 === 0
      store.sweep(drops)
      for (const candidate of model.keys()) if (drops(candidate)) model.delete(candidate)
    }
  }

  check(): void {
    const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0)
    for (const { store, model } of this.parts) {
      expect([store.entries, store.bytes]).toEqual([model.size, sum(model.values())])
      expect(store.entries).toBeLessThanOrEqual(store.limits.maxEntries)
      expect(store.bytes).toBeLessThanOrEqual(store.limits.maxBytes)
      expect(keysOf(store).toSorted()).toEqual([...model.keys()].toSorted())
    }
    expect(this.budget.entries).toBe(sum(this.parts.map(({ store }) => store.entries)))
    expect(this.budget.bytes).toBe(sum(this.parts.map(({ store }) => store.bytes)))
    expect(this.budget.entries).toBeLessThanOrEqual(this.budget.limits.maxEntries)
    expect(this.budget.bytes).toBeLessThanOrEqual(this.budget.limits.maxBytes)
  }
}

describe('the bounds', () => {
  it('hold at every step, and what is counted is what is there and what was reported', () => {
    fc.assert(
      fc.property(
        limits(40),
        fc.array(limits(30), { minLength: 1, maxLength: 3 }),
        operations,
        (shared, parts, all) => {
          const modelled = new Modelled(shared, parts)
          for (const each of all) {
            modelled.run(each)
            modelled.check()
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
