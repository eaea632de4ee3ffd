import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { MarkLimit } from '../../../src/coherence/mark-limit.ts'
import { EvictionTable } from '../../../src/coherence/eviction-table.ts'
import type { Provenance } from '../../../src/store/entry.ts'

function tableOf({
  horizon = 0,
  maxMarks = 1000,
  dropGroupKilled = (): void => undefined,
  limit = new MarkLimit(4096),
} = {}) {
  const horizons: number[] = []
  const table = new EvictionTable({
    onMark: () => limit.added(),
    horizon,
    maxMarks,
    dropGroupKilled,
    onHorizon: (to) => horizons.push(to),
  })
  limit.tables.add(table)
  return { table, horizons }
}

const from = (asOf: number, more: Partial<Provenance> = {}): Provenance => ({
  asOf,
  tags: undefined,
  version: undefined,
  ...more,
})

describe('an eviction', () => {
  it('kills every value of its key as of its offset or before, and none as of a later one', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0)

    expect(table.refuses('a', from(6))).toBe('fenced')
    expect(table.refuses('a', from(7))).toBe('fenced')
    expect(table.refuses('a', from(8))).toBeUndefined()
    expect(table.refuses('b', from(7))).toBeUndefined()
  })

  it('of a tag kills what carries it, also what is held', () => {
    const { table } = tableOf()
    table.evictTag('red', 7, 0)

    expect(table.refuses('a', from(7, { tags: ['blue', 'red'] }))).toBe('fenced')
    expect(table.groupKills('a', from(7, { tags: ['red'] }))).toBe(true)
    expect(table.groupKills('a', from(8, { tags: ['red'] }))).toBe(false)
    expect(table.refuses('a', from(7, { tags: ['blue'] }))).toBeUndefined()
    expect(table.refuses('red', from(7))).toBeUndefined()
  })

  it('of a prefix kills what begins with it, also what is held', () => {
    const { table } = tableOf()
    table.evictPrefix('eu/', 7, 0)

    expect(table.refuses('eu/1', from(7))).toBe('fenced')
    expect(table.groupKills('eu/', from(7))).toBe(true)
    expect(table.groupKills('eu', from(7))).toBe(false)
    expect(table.groupKills('us/eu/', from(7))).toBe(false)
    expect(table.groupKills('eu/1', from(8))).toBe(false)
  })

  it('of everything kills everything before it', () => {
    const { table } = tableOf()
    table.clear(7, 0)

    expect(table.refuses('a', from(7))).toBe('fenced')
    expect(table.groupKills('a', from(7, { version: 9 }))).toBe(true)
    expect(table.groupKills('a', from(8))).toBe(false)
  })

  it('of a key is no matter for what is held: it was dropped when the eviction arrived', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0)

    expect(table.groupKills('a', from(3))).toBe(false)
    expect(table.groupEpoch).toBe(-1)
  })

  it('of a group raises the epoch, by which a read knows that there is something to look at', () => {
    const { table } = tableOf()
    table.evictTag('red', 7, 0)
    expect(table.groupEpoch).toBe(7)
    table.evictPrefix('eu/', 9, 0)
    expect(table.groupEpoch).toBe(9)
    table.clear(11, 0)
    expect(table.groupEpoch).toBe(11)
    table.evictTag('red', 3, 0)
    expect(table.groupEpoch).toBe(11)
  })
})

describe('a version', () => {
  it('spares values of the same version or a later one, and kills older ones as of any time', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: 5 })

    expect(table.refuses('a', from(3, { version: 5 }))).toBeUndefined()
    expect(table.refuses('a', from(3, { version: 6 }))).toBeUndefined()
    expect(table.refuses('a', from(3, { version: 4 }))).toBe('superseded')
    expect(table.refuses('a', from(99, { version: 4 }))).toBe('superseded')
  })

  it('that the value does not have leaves it to the as-of', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: 5 })

    expect(table.refuses('a', from(7))).toBe('fenced')
    expect(table.refuses('a', from(8))).toBeUndefined()
  })

  it('that the eviction does not have kills values of any', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0)

    expect(table.refuses('a', from(7, { version: 99 }))).toBe('fenced')
  })

  it('that is lower than one seen before changes nothing for older values', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: 5 })
    table.evictKey('a', 9, 0, { version: 2 })

    expect(table.refuses('a', from(3, { version: 4 }))).toBe('superseded')
    expect(table.refuses('a', from(3, { version: 5 }))).toBeUndefined()
    expect(table.refuses('a', from(9))).toBe('fenced')
  })

  it('does not save from an eviction of everything', () => {
    const { table } = tableOf()
    table.clear(7, 0)

    expect(table.refuses('a', from(7, { version: 99 }))).toBe('fenced')
  })
})

describe('the horizon', () => {
  it('refuses what cannot be judged, before anything else', () => {
    const { table } = tableOf({ horizon: 10 })
    table.evictKey('a', 12, 0)

    expect(table.refuses('a', from(9))).toBe('horizon')
    expect(table.refuses('b', from(10))).toBeUndefined()
  })

  it('rises above what is forgotten when there are too many keys, the oldest first, and reports it', () => {
    const { table, horizons } = tableOf({ maxMarks: 4 })
    for (let offset = 0; offset < 4; offset++) table.evictKey(`k${offset}`, offset, 0)
    expect([table.horizon, horizons]).toEqual([0, []])

    table.evictKey('k4', 4, 0)
    expect([table.horizon, horizons]).toEqual([3, [3]])
    expect(table.refuses('k3', from(3))).toBe('fenced')
    expect(table.refuses('k0', from(2))).toBe('horizon')
    expect(table.refuses('k0', from(3))).toBeUndefined()
  })

  it('does not forget first what was evicted again', () => {
    const { table } = tableOf({ maxMarks: 4 })
    for (const [offset, key] of ['a', 'b', 'c', 'd', 'a', 'e'].entries()) table.evictKey(key, offset, 0)

    expect(table.horizon).toBe(4)
    expect(table.refuses('a', from(4))).toBe('fenced')
  })

  it('does not rise however often the same keys are evicted', () => {
    const { table } = tableOf({ maxMarks: 4 })
    for (let offset = 0; offset < 1000; offset++) {
      table.evictKey(`k${offset % 4}`, offset, 0)
      table.evictTag(`t${offset % 4}`, offset, 0)
      table.evictPrefix(`p${offset % 64}`, offset, 0)
      table.clear(offset, 0)
    }

    expect(table.horizon).toBe(0)
  })

  it('rises when there are more than 64 prefixes, after what is held was settled', () => {
    let settled = 0
    const held = from(3)
    const { table, horizons } = tableOf({
      dropGroupKilled: () => {
        settled++
        expect(table.groupKills('p64/x', held)).toBe(true)
        expect(table.groupKills('p0/x', from(0))).toBe(true)
        expect(table.horizon).toBe(0)
      },
    })
    for (let offset = 0; offset < 64; offset++) table.evictPrefix(`p${offset}/`, offset, 0)
    expect([settled, horizons]).toEqual([0, []])

    table.evictPrefix('p64/', 64, 0)
    expect([settled, table.horizon, horizons]).toEqual([1, 65, [65]])
    expect(table.groupKills('p64/x', held)).toBe(false)
  })

  it('rises when there are too many tags, after what is held was settled', () => {
    let settled = 0
    const { table } = tableOf({ maxMarks: 4, dropGroupKilled: () => void settled++ })
    for (let offset = 0; offset < 5; offset++) table.evictTag(`t${offset}`, offset, 0)

    expect([settled, table.horizon]).toEqual([1, 5])
  })

  it('falls when what is below it was read again', () => {
    const { table } = tableOf({ horizon: 100 })
    table.evictKey('a', 60, 0)
    table.extend(50)

    expect(table.horizon).toBe(50)
    expect(table.refuses('a', from(60))).toBe('fenced')
    expect(table.refuses('b', from(50))).toBeUndefined()
    expect(table.refuses('b', from(49))).toBe('horizon')
  })

  it('does not fall below what was forgotten, and never rises by falling', () => {
    const { table } = tableOf({ horizon: 100, maxMarks: 2 })
    for (let offset = 50; offset < 60; offset++) table.evictKey(`k${offset}`, offset, 0)
    table.extend(50)

    expect(table.horizon).toBeGreaterThan(50)
    expect(table.horizon).toBeLessThan(100)
    const { horizon } = table
    table.extend(1000)
    expect(table.horizon).toBe(horizon)
  })

  it('is where a table begins again after a reset, with nothing remembered', () => {
    const { table } = tableOf()
    table.evictKey('a', 900, 0)
    table.evictTag('red', 900, 0)
    table.evictPrefix('eu/', 900, 0)
    table.clear(900, 0)
    table.reset(5, 0)

    expect([table.horizon, table.groupEpoch]).toEqual([5, -1])
    expect(table.refuses('a', from(4))).toBe('horizon')
    expect(table.refuses('eu/a', from(5, { tags: ['red'] }))).toBeUndefined()
  })

  it('may fall after a reset to what was read since, whatever was forgotten before it', () => {
    const { table } = tableOf({ maxMarks: 1 })
    for (let offset = 0; offset < 500; offset++) table.evictKey(`k${offset}`, offset, 0)
    table.reset(10, 0)
    table.extend(3)

    expect(table.horizon).toBe(3)
  })
})

describe('joining a load', () => {
  it('ends with an eviction of its key, of any kind', () => {
    const { table } = tableOf()
    expect(table.joinable('a', 0)).toBe(true)
    table.evictKey('a', 7, 0)
    table.evictKey('b', 9, 0, { version: 5 })

    expect([table.joinable('a', 7), table.joinable('a', 8)]).toEqual([false, true])
    expect([table.joinable('b', 9), table.joinable('b', 10)]).toEqual([false, true])
    expect(table.joinable('c', 7)).toBe(true)
  })

  it('ends with an eviction of any group: the tags of a load are not known yet', () => {
    for (const evict of ['evictTag', 'evictPrefix'] as const) {
      const { table } = tableOf()
      table[evict]('other', 7, 0)
      expect([table.joinable('a', 7), table.joinable('a', 8)]).toEqual([false, true])
    }
    const { table } = tableOf()
    table.clear(7, 0)
    expect([table.joinable('a', 7), table.joinable('a', 8)]).toEqual([false, true])
  })

  it('ends where an eviction of its key may have been forgotten', () => {
    const { table } = tableOf({ maxMarks: 2 })
    table.evictKey('a', 7, 0)
    for (let offset = 8; offset < 20; offset++) table.evictKey(`k${offset}`, offset, 0)

    expect(table.joinable('a', 7)).toBe(false)
  })

  it('goes on for a load that has not begun yet', () => {
    const { table } = tableOf({ horizon: 50 })
    table.evictKey('a', 70, 0)
    table.clear(71, 0)

    expect(table.joinable('a', Infinity)).toBe(true)
  })
})

describe('settling', () => {
  it('knows whether a key, a tag, a prefix or everything was evicted after a moment', () => {
    const { table } = tableOf()
    table.evictKey('a', 1, 1000)
    table.evictTag('red', 2, 1000)
    table.evictPrefix('eu/', 3, 1000)

    for (const [since, was] of [
      [999, true],
      [1000, false],
    ] as const) {
      expect(table.evictedSince('a', undefined, since)).toBe(was)
      expect(table.evictedSince('b', ['blue', 'red'], since)).toBe(was)
      expect(table.evictedSince('eu/1', undefined, since)).toBe(was)
      expect(table.evictedSince('b', ['blue'], since)).toBe(false)
    }
    table.clear(4, 2000)
    expect(table.evictedSince('b', undefined, 1999)).toBe(true)
    expect(table.evictedSince('b', undefined, 2000)).toBe(false)
  })

  it('counts an eviction with a version too', () => {
    const { table } = tableOf()
    table.evictKey('a', 1, 1000, { version: 5 })

    expect(table.evictedSince('a', undefined, 999)).toBe(true)
  })

  it('takes what was forgotten for an eviction of everything', () => {
    const { table } = tableOf({ maxMarks: 2 })
    for (let offset = 0; offset < 3; offset++) table.evictKey(`k${offset}`, offset, 1000 + offset)

    expect(table.evictedSince('other', undefined, 1000)).toBe(true)
    expect(table.evictedSince('other', undefined, 1001)).toBe(false)
    table.reset(10, 5000)
    expect(table.evictedSince('other', undefined, 4999)).toBe(true)
    expect(table.evictedSince('other', undefined, 5000)).toBe(false)
  })
})

type Kind = 'key' | 'tag' | 'prefix' | 'clear'

interface Happened {
  readonly kind: Kind
  readonly id: string
  readonly version: number | undefined
  /** Of a key, without a version: whether it is a delete. */
  readonly resets: boolean
  readonly offset: number
}

/** What Kafka's log holds: one eviction at each offset. */
const logOf = (maxLength: number) =>
  fc
    .array(
      fc.record({
        kind: fc.constantFrom<Kind>('key', 'key', 'key', 'key', 'tag', 'tag', 'prefix', 'clear'),
        id: fc.constantFrom('a', 'b', 'c', 'aa', 'ab', 'abc', 'ba', 'd', 'e'),
        version: fc.option(fc.nat(5), { nil: undefined }),
        resets: fc.boolean(),
      }),
      { maxLength },
    )
    .map((all) => all.map((each, offset): Happened => ({ ...each, offset })))

const values = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'aa', 'ab', 'abc', 'ba', 'd', 'e', 'f'),
    asOf: fc.nat(45),
    tags: fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')), { nil: undefined }),
    version: fc.option(fc.nat(6), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 12 },
)
type Value = Provenance & { readonly key: string }

function apply(table: EvictionTable, { kind, id, version, resets, offset }: Happened): void {
  if (kind === 'key') table.evictKey(id, offset, offset, { version, resets })
  else if (kind === 'tag') table.evictTag(id, offset, offset)
  else if (kind === 'prefix') table.evictPrefix(id, offset, offset)
  else table.clear(offset, offset)
}

/** Whether the eviction kills the value, by the as-of rule alone. */
function kills({ kind, id, version, offset }: Happened, value: Value): boolean {
  if (offset < value.asOf) return false
  if (kind === 'clear') return true
  if (kind === 'tag') return value.tags?.includes(id) ?? false
  if (kind === 'prefix') return value.key.startsWith(id)
  return (
    value.key === id && !(version !== undefined && value.version !== undefined && value.version >= version)
  )
}

const supersedes = (
  { kind, id, version, offset }: Happened,
  value: Value,
  log: readonly Happened[],
): boolean =>
  kind === 'key' &&
  id === value.key &&
  version !== undefined &&
  (value.version ?? Infinity) < version &&
  !log.some((later) => later.offset > offset && forgets(later, id))

/** Whether it takes back the versions of a key that were named before it. */
const forgets = ({ kind, id, version, resets }: Happened, key: string): boolean =>
  kind === 'clear' || (kind === 'key' && id === key && version === undefined && resets)

/** The log in any order, each eviction once at least and some of them again. */
const anyOrder = (all: readonly Happened[]) =>
  fc
    .tuple(fc.shuffledSubarray([...all], { minLength: all.length }), fc.shuffledSubarray([...all]))
    .chain(([once, again]) => {
      const each = [...once, ...again]
      return fc.shuffledSubarray(each, { minLength: each.length })
    })

const logAndOrder = (maxLength: number) =>
  logOf(maxLength).chain((log) => fc.tuple(fc.constant(log), anyOrder(log)))

describe('a delete', () => {
  it('takes back every version named before it in the log: values of a lower one are held again', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: Number.MAX_SAFE_INTEGER })
    expect(table.refuses('a', from(20, { version: 5 }))).toBe('superseded')
    table.evictKey('a', 9, 0, { resets: true })

    expect(table.refuses('a', from(20, { version: 5 }))).toBeUndefined()
    expect(table.refuses('a', from(9, { version: 5 }))).toBe('fenced')
    // Read again, as by a look back, it is still the earlier one.
    table.evictKey('a', 7, 0, { version: Number.MAX_SAFE_INTEGER })
    expect(table.floorOf('a')).toBe(-Infinity)
  })

  it('takes back none that was named after it, whichever is read first', () => {
    for (const order of [
      [7, 9, 8],
      [8, 7, 9],
      [9, 8, 7],
    ]) {
      const { table } = tableOf()
      const terms = { 7: { version: 100 }, 8: { resets: true }, 9: { version: 5 } } as Record<number, object>
      for (const offset of order) table.evictKey('a', offset, 0, terms[offset])
      expect(table.floorOf('a')).toBe(5)
      expect(table.refuses('a', from(9, { version: 5 }))).toBeUndefined()
      expect(table.refuses('a', from(20, { version: 4 }))).toBe('superseded')
    }
  })

  it('of everything does so too', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: 100 })
    table.clear(8, 0)
    expect(table.refuses('a', from(9, { version: 5 }))).toBeUndefined()
    table.evictKey('a', 9, 0, { version: 6 })
    expect(table.refuses('a', from(20, { version: 5 }))).toBe('superseded')
  })

  it('is not what an eviction is that only announces a write, or an expiry', () => {
    const { table } = tableOf()
    table.evictKey('a', 7, 0, { version: 6 })
    table.evictKey('a', 9, 0)
    expect(table.refuses('a', from(20, { version: 5 }))).toBe('superseded')
  })

  it('takes back versions however many stand in the way, and bars no less with few of them remembered', () => {
    const { table } = tableOf()
    const versions = Array.from({ length: 100 }, (_, at) => ({ offset: 2 * at, version: 1000 - at }))
    for (const { offset, version } of versions) table.evictKey('a', offset, 0, { version })
    expect(table.floorOf('a')).toBe(1000)
    // A delete that is read late: at least the versions named after it stay.
    table.evictKey('a', 101, 0, { resets: true })
    expect(table.floorOf('a')).toBeGreaterThanOrEqual(1000 - 51)
    table.evictKey('a', 201, 0, { resets: true })
    expect(table.floorOf('a')).toBe(-Infinity)
  })
})

describe('evictions in any order, some of them twice', () => {
  it('refuse what the log says that they kill, and nothing else', () => {
    fc.assert(
      fc.property(logAndOrder(40), values, ([log, order], all) => {
        const { table } = tableOf()
        for (const each of order) apply(table, each)
        for (const value of all) {
          const killed = log.some((each) => kills(each, value) || supersedes(each, value, log))
          expect(table.refuses(value.key, value) !== undefined).toBe(killed)
          const byGroup = log.some((each) => each.kind !== 'key' && kills(each, value))
          expect(table.groupKills(value.key, value)).toBe(byGroup)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('answer all questions as they do in order', () => {
    fc.assert(
      fc.property(logAndOrder(40), values, ([log, order], all) => {
        const { table: one } = tableOf()
        const { table: other } = tableOf()
        for (const each of log) apply(one, each)
        for (const each of order) apply(other, each)
        expect(other.groupEpoch).toBe(one.groupEpoch)
        for (const value of all) {
          const { key, asOf, tags } = value
          expect(other.refuses(key, value)).toBe(one.refuses(key, value))
          expect(other.joinable(key, asOf)).toBe(one.joinable(key, asOf))
          expect(other.evictedSince(key, tags, asOf)).toBe(one.evictedSince(key, tags, asOf))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('let nothing in that one of them kills, however few the table remembers', () => {
    fc.assert(
      fc.property(logAndOrder(40), values, fc.integer({ min: 1, max: 4 }), ([, order], all, maxMarks) => {
        const { table } = tableOf({ maxMarks })
        const applied: Happened[] = []
        let { horizon } = table
        for (const each of order) {
          apply(table, each)
          applied.push(each)
          expect(table.horizon).toBeGreaterThanOrEqual(horizon)
          horizon = table.horizon
          for (const value of all) {
            if (!applied.some((one) => kills(one, value))) continue
            expect(table.refuses(value.key, value)).toBeDefined()
            expect(table.joinable(value.key, value.asOf)).toBe(false)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('leave nothing held that a group of them kills, however few the table remembers', () => {
    fc.assert(
      fc.property(logAndOrder(40), values, fc.integer({ min: 1, max: 3 }), ([, order], all, maxMarks) => {
        const held = new Set<Value>()
        const { table } = tableOf({
          maxMarks,
          dropGroupKilled: () => {
            for (const value of held) if (table.groupKills(value.key, value)) held.delete(value)
          },
        })
        const applied: Happened[] = []
        for (const [at, each] of order.entries()) {
          const value = all[at % all.length]
          if (value !== undefined && table.refuses(value.key, value) === undefined) held.add(value)
          apply(table, each)
          applied.push(each)
          for (const one of held) {
            const killed = applied.some((eviction) => eviction.kind !== 'key' && kills(eviction, one))
            expect(table.groupKills(one.key, one)).toBe(killed)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('let nothing in after the log was read again from further back', () => {
    fc.assert(
      fc.property(
        logAndOrder(40),
        values,
        fc.integer({ min: 1, max: 8 }),
        fc.nat(40),
        fc.nat(40),
        ([log, order], all, maxMarks, start, back) => {
          const { table } = tableOf({ horizon: start, maxMarks })
          for (const each of log) if (each.offset >= start) apply(table, each)
          const again = Math.min(start, back)
          for (const each of order) if (each.offset >= again && each.offset < start) apply(table, each)
          table.extend(again)

          expect(table.horizon).toBeGreaterThanOrEqual(again)
          for (const value of all) {
            if (log.some((each) => kills(each, value))) expect(table.refuses(value.key, value)).toBeDefined()
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('the tables of one cache', () => {
  const both = fc.tuple(logAndOrder(40), logAndOrder(40), values, fc.integer({ min: 1, max: 12 }))

  it('remember no more together than they may, and let nothing in that one of them has forgotten', () => {
    fc.assert(
      fc.property(both, ([[, here], [, there], all, max]) => {
        const limit = new MarkLimit(1, max)
        const held = new Set<Value>()
        const dropGroupKilled = () => {
          for (const value of held) if (table.groupKills(value.key, value)) held.delete(value)
        }
        const { table } = tableOf({ limit, dropGroupKilled })
        const { table: other } = tableOf({ limit })
        const applied: Happened[] = []
        for (const [at, each] of here.entries()) {
          const value = all[at % all.length]
          if (value !== undefined && table.refuses(value.key, value) === undefined) held.add(value)
          apply(table, each)
          applied.push(each)
          const others = there[at]
          if (others) apply(other, others)
          // The last mark of either stays.
          expect(table.size + other.size).toBeLessThanOrEqual(Math.max(max, 2))
          for (const one of all)
            if (applied.some((eviction) => kills(eviction, one)))
              expect(table.refuses(one.key, one)).toBeDefined()
          for (const one of held) {
            const killed = applied.some((eviction) => eviction.kind !== 'key' && kills(eviction, one))
            expect(table.groupKills(one.key, one)).toBe(killed)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('are a thousand, each with two hundred keys, and remember as many as sixteen that are full', () => {
    const limit = new MarkLimit(4096)
    const tables = Array.from({ length: 1000 }, () => tableOf({ limit, maxMarks: 4096 }).table)
    let most = 0
    for (let offset = 0; offset < 200_000; offset++) {
      tables[offset % 1000]!.evictKey(`${offset}`, offset, 0)
      if (offset % 1000 === 999)
        most = Math.max(
          most,
          tables.reduce((sum, { size }) => sum + size, 0),
        )
    }
    expect(most).toBeLessThanOrEqual(16 * 4096)
    expect(most).toBeGreaterThan(15 * 4096)
    // Each namespace still knows what was evicted last, and judges what was loaded after that.
    for (const [at, table] of tables.entries()) {
      const last = 199_000 + at
      expect(table.refuses(`${last}`, from(last))).toBeDefined()
      expect(table.refuses('other', from(last + 1))).toBeUndefined()
    }
  })

  it('leave a quiet one what it remembers, while another forgets by itself', () => {
    const limit = new MarkLimit(4, 64)
    const { table: quiet, horizons } = tableOf({ limit })
    const { table: busy } = tableOf({ limit, maxMarks: 4 })
    quiet.evictKey('a', 0, 0)
    quiet.evictTag('t', 1, 0)
    for (let offset = 2; offset < 1000; offset++) busy.evictKey(`${offset}`, offset, 0)
    expect([quiet.size, horizons]).toEqual([2, []])
  })

  it('keep their last mark, by whose version what is held is judged next', () => {
    const limit = new MarkLimit(1, 1)
    const { table } = tableOf({ limit })
    tableOf({ limit }).table.evictKey('b', 4, 0)
    table.evictKey('a', 5, 0, { version: 3 })
    expect(table.floorOf('a')).toBe(3)
  })

  it('count no more what one of them has given up', () => {
    const limit = new MarkLimit(1, 4)
    const { table: gone } = tableOf({ limit })
    for (let offset = 0; offset < 3; offset++) gone.evictKey(`${offset}`, offset, 0)
    gone.reset(Infinity, 0)
    limit.tables.delete(gone)
    const { table, horizons } = tableOf({ limit })
    for (let offset = 3; offset < 5; offset++) table.evictKey(`${offset}`, offset, 0)
    expect([table.size, horizons, gone.size, gone.horizon]).toEqual([2, [], 0, Infinity])
  })
})
