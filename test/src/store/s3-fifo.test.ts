import { describe, expect, it } from 'vitest'
import { Budget, type StoreLimits } from '../../../src/store/budget.ts'
import { storedEntry, type StoredEntry } from '../../../src/store/entry.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

const entry = <T>(value: T, bytes: number): StoredEntry<T> => {
  const rest = { asOf: 0, loadedAt: 0, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
  return storedEntry({ value, ...rest }, bytes)
}

function storeOf(limits: StoreLimits, budget = new Budget(limits)) {
  const evicted: string[] = []
  const store = new S3FifoStore<number>(limits, budget, (key) => evicted.push(key))
  return { store, budget, evicted }
}

/** The entry of the key, which counts as used. */
const read = (store: S3FifoStore<number>, key: string): StoredEntry<number> | undefined =>
  store.get(key) === undefined ? undefined : store.peek(key)

const keysOf = (store: S3FifoStore<number>): string[] => {
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
    expect([read(store, 'a')?.value, store.peek('a')?.value, store.entries, store.bytes]).toEqual([
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

    expect([read(store, 'a')?.value, store.entries, store.bytes]).toEqual([49, 1, 59])
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

  it('leaves a value that replaces another one in its place, with the reads of the one before', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 300 })
    for (const key of ['a', 'b', 'c']) store.set(key, entry(0, 100))
    store.get('a')
    store.set('a', entry(1, 100))
    store.set('b', entry(1, 100))
    for (const key of ['d', 'e']) store.set(key, entry(0, 100))

    expect([evicted, store.peek('a')?.value]).toEqual([['b', 'c'], 1])
  })

  it('keeps all values apart where a listener of an eviction has more put in than has gone', () => {
    const budget = new Budget({ maxEntries: 10, maxBytes: 400 })
    const store = new S3FifoStore<number>({ maxEntries: 4, maxBytes: 1000 }, budget, () => {
      for (const each of [11, 12]) store.set(`more${each}`, entry(each, 1))
    })
    for (const each of [1, 2, 3]) store.set(`k${each}`, entry(each, 100))
    store.set('large', entry(7, 150))

    const values = ['k1', 'k2', 'k3', 'more11', 'more12', 'large'].map((key) => store.peek(key)?.value)
    expect(values).toEqual([undefined, 2, 3, 11, 12, 7])
  })

  it('is not emptied by keys that are asked for once', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 1_000_000 })
    const popular = Array.from({ length: 50 }, (_, each) => `popular${each}`)
    for (const key of popular) store.set(key, entry(0, 1))
    for (const key of popular) store.get(key)
    for (let each = 0; each < 1000; each++) store.set(`once${each}`, entry(0, 1))

    expect(evicted.filter((key) => key.startsWith('popular'))).toEqual([])
    expect(store.entries).toBe(100)
  })

  it('keeps a key that comes back soon after it was evicted unread, for longer than one that never does', () => {
    const { store } = storeOf({ maxEntries: 20, maxBytes: 1000 })
    const fill = (name: string, count: number) => {
      for (let each = 0; each < count; each++) store.set(`${name}${each}`, entry(0, 1))
    }
    store.set('back', entry(0, 1))
    store.set('away', entry(0, 1))
    fill('x', 30)
    expect([store.peek('back'), store.peek('away')]).toEqual([undefined, undefined])
    store.set('back', entry(1, 1))
    fill('y', 30)

    expect(store.peek('back')?.value).toBe(1)
  })

  it('remembers what has left no longer than twice as many keys have left since', () => {
    const { store } = storeOf({ maxEntries: 20, maxBytes: 1000 })
    store.set('late', entry(0, 1))
    for (let each = 0; each < 20 + 40; each++) store.set(`x${each}`, entry(0, 1))
    store.set('late', entry(1, 1))
    for (let each = 0; each < 20; each++) store.set(`y${each}`, entry(0, 1))

    expect(store.peek('late')).toBeUndefined()
  })

  it('spares sixty-four entries at one eviction, however many of them were read', () => {
    const { store, evicted } = storeOf({ maxEntries: 1000, maxBytes: 1_000_000 })
    for (let each = 0; each < 1000; each++) store.set(`k${each}`, entry(0, 1))
    for (let each = 0; each < 1000; each++) store.get(`k${each}`)
    store.set('new', entry(0, 1))

    expect([evicted, store.entries]).toEqual([['k64'], 1000])
  })

  it('gives an entry back its place when it is loaded again after it was deleted', () => {
    const { store, evicted } = storeOf({ maxEntries: 20, maxBytes: 1000 })
    store.set('popular', entry(0, 1))
    store.get('popular')
    for (let each = 0; each < 40; each++) store.set(`x${each}`, entry(0, 1))
    store.delete('popular')
    expect(store.get('popular')).toBeUndefined()
    store.set('popular', entry(1, 1))
    for (let each = 0; each < 200; each++) store.set(`y${each}`, entry(0, 1))

    expect([store.peek('popular')?.value, evicted.includes('popular')]).toEqual([1, false])
  })

  it('keeps an entry larger than the small queue if it is read before the next one comes', () => {
    const { store } = storeOf({ maxEntries: 100, maxBytes: 1000 })
    for (let each = 0; each < 100; each++) store.set(`k${each}`, entry(each, 10))
    store.set('large', entry(0, 500))
    expect([read(store, 'large')?.bytes, store.bytes]).toEqual([500, 1000])
    for (let each = 0; each < 200; each++) store.set(`x${each}`, entry(each, 10))

    expect([store.peek('large')?.bytes, store.bytes]).toEqual([500, 1000])
  })

  it('holds what is larger than 32 bits can count', () => {
    const { store, budget } = storeOf({ maxEntries: 10, maxBytes: 2 ** 40 })
    store.set('vast', entry(7, 2 ** 39))
    store.set('small', entry(8, 1))
    for (let use = 0; use < 5; use++) expect(read(store, 'vast')?.value).toBe(7)
    expect([store.bytes, budget.bytes]).toEqual([2 ** 39 + 1, 2 ** 39 + 1])
    store.delete('vast')

    expect([store.bytes, budget.bytes, store.get('vast')]).toEqual([1, 1, undefined])
  })

  it('keeps what is read again and again, and not what is only peeked at', () => {
    const { store, evicted } = storeOf({ maxEntries: 100, maxBytes: 1_000_000 })
    store.set('read', entry(1, 1))
    store.set('peeked', entry(2, 1))
    for (let each = 0; each < 1000; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(read(store, 'read')?.value).toBe(1)
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

  it('keeps the most recent where none is read, however many are written', () => {
    const { store } = storeOf({ maxEntries: 100, maxBytes: 1_000_000 })
    for (let each = 0; each < 1000; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(store.entries).toBeLessThanOrEqual(100)
    }

    for (let each = 900; each < 1000; each++) expect(store.peek(`k${each}`)?.value).toBe(each)
  })

  it.each([[1], [2], [3]])('of %i entries still holds the last one', (maxEntries) => {
    const { store } = storeOf({ maxEntries, maxBytes: 1000 })
    for (let each = 0; each < 10; each++) {
      store.set(`k${each}`, entry(each, 1))
      expect(store.entries).toBeLessThanOrEqual(maxEntries)
      expect(read(store, `k${each}`)?.value).toBe(each)
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
      store.evict('entries')
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
      for (let each = 0; each < 3 && store.entries > 0; each++) store.evict('entries')
      return false
    })

    expect(named.length).toBeLessThan(40)
    expect(new Set(named).size).toBe(named.length)
  })

  it('is empty after all of it was dropped, and goes on', () => {
    const { store, budget, evicted } = storeOf({ maxEntries: 10, maxBytes: 1000 })
    for (let each = 0; each < 8; each++) store.set(`k${each}`, entry(each, 10))
    store.sweep(() => true)
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

  it('hold each no more bytes than its own part, though there is room for more in all', () => {
    const budget = new Budget({ maxEntries: 100, maxBytes: 10_000 })
    const { store: small } = storeOf({ maxEntries: 100, maxBytes: 50 }, budget)
    for (let each = 0; each < 20; each++) small.set(`k${each}`, entry(each, 10))

    expect([small.bytes, budget.bytes]).toEqual([50, 50])
  })

  it('give way where most of the part is used, whichever of them asks for room', () => {
    const budget = new Budget({ maxEntries: 100, maxBytes: 10_000 })
    const [asks, half, full] = [100, 100, 50].map((maxEntries) =>
      storeOf({ maxEntries, maxBytes: 10_000 }, budget),
    )
    for (let each = 0; each < 50; each++) half!.store.set(`k${each}`, entry(each, 10))
    for (let each = 0; each < 50; each++) full!.store.set(`k${each}`, entry(each, 10))
    for (let each = 0; each < 5; each++) asks!.store.set(`k${each}`, entry(each, 10))

    expect([asks!.store.entries, half!.store.entries, full!.store.entries]).toEqual([5, 50, 45])
  })

  it('do not share keys', () => {
    const budget = new Budget({ maxEntries: 100, maxBytes: 10_000 })
    const { store: one } = storeOf({ maxEntries: 100, maxBytes: 10_000 }, budget)
    const { store: other } = storeOf({ maxEntries: 100, maxBytes: 10_000 }, budget)
    one.set('a', entry(1, 10))
    other.set('a', entry(2, 10))
    one.delete('a')

    expect([one.get('a'), read(other, 'a')?.value]).toEqual([undefined, 2])
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
