/** Evictions, updates and sets, in any order of arrival and more than once: what stands is what the log says, or less. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyEviction, evictionOf } from '../../../src/coherence/apply-eviction.ts'
import { readUpdate } from '../../../src/wire/read-update.ts'
import { candidateOf } from '../../../src/coherence/admission.ts'
import type { EvictionTarget } from '../../../src/coherence/partition.ts'
import { Isolate, WALL } from '../isolate.ts'

const KEYS = ['a', 'b', 'eu/a', 'eu/b'] as const
const NAMESPACES = ['users', 'orders'] as const
const TAGS = ['even', 'odd'] as const
/** Where the log began, and where it ends: all of it is known by then. */
const FIRST = 10
const END = 30

type Key = (typeof KEYS)[number]
type Name = (typeof NAMESPACES)[number]

/** A record of the evictions topic, at its offset. */
interface Evicts {
  readonly kind: 'evict'
  readonly offset: number
  readonly ns: Name
  readonly keys?: readonly Key[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly prefixes?: readonly string[] | undefined
  readonly all?: true | undefined
}

/** A value, by the updates topic or by the isolate's own load: as of a position, which is its name as well. */
interface Puts {
  readonly kind: 'put'
  readonly ns: Name
  readonly key: Key
  readonly asOf: number
  readonly tags: readonly string[] | undefined
}

type Arrival = Evicts | Puts

const name = fc.constantFrom(...NAMESPACES)
const key = fc.constantFrom(...KEYS)
const offset = fc.integer({ min: FIRST, max: END - 1 })
const some = <T extends string>(of: readonly T[]) => fc.uniqueArray(fc.constantFrom(...of), { minLength: 1 })

const evicts: fc.Arbitrary<Evicts> = fc
  .record({
    offset,
    ns: name,
    what: fc.oneof(
      { weight: 4, arbitrary: some(KEYS).map((keys) => ({ keys })) },
      some(TAGS).map((tags) => ({ tags })),
      some(['eu/', 'e', 'a']).map((prefixes) => ({ prefixes })),
      fc.constant({ all: true as const }),
    ),
  })
  .map(({ what, ...rest }) => ({ kind: 'evict', ...rest, ...what }))
const puts: fc.Arbitrary<Puts> = fc.record({
  kind: fc.constant('put' as const),
  ns: name,
  key,
  asOf: fc.integer({ min: FIRST, max: END }),
  tags: fc.option(some(TAGS), { nil: undefined }),
})
/** Evictions have an offset each; of a key there is one value as of a position. */
const history = fc.record({
  evictions: fc.uniqueArray(evicts, { maxLength: 8, selector: ({ offset: at }) => at }),
  values: fc.uniqueArray(puts, { maxLength: 12, selector: ({ ns, key: of, asOf }) => `${ns}/${of}@${asOf}` }),
})

/** Whether an eviction kills a value: the whole rule. */
const kills = (evicted: Evicts, value: Puts): boolean =>
  evicted.ns === value.ns &&
  value.asOf <= evicted.offset &&
  (evicted.all === true ||
    evicted.keys?.includes(value.key) === true ||
    evicted.tags?.some((tag) => value.tags?.includes(tag)) === true ||
    evicted.prefixes?.some((prefix) => value.key.startsWith(prefix)) === true)

/** What the log says: the newest value of each key, if nothing kills it. Each is named by its as-of. */
function fold({
  evictions,
  values,
}: {
  evictions: readonly Evicts[]
  values: readonly Puts[]
}): Map<string, Set<number>> {
  const may = new Map<string, Set<number>>()
  for (const value of values) {
    if (evictions.some((evicted) => kills(evicted, value))) continue
    const of = `${value.ns}/${value.key}`
    may.set(of, (may.get(of) ?? new Set()).add(value.asOf))
  }
  return may
}

/** The same values, all of a key with the same tags, as a function of the value gives them in practice. */
const alike = (arrival: Arrival): Arrival =>
  arrival.kind === 'put' ? { ...arrival, tags: arrival.key.endsWith('a') ? ['even'] : undefined } : arrival

const isolateOf = (maxRememberedEvictions = 4096) => {
  const isolate = new Isolate({ namespaces: { users: {}, orders: {} }, maxRememberedEvictions })
  isolate.anchor(FIRST)
  // The end of the log is known, as by a poll that has sampled it.
  isolate.partition.reaches(END)
  return isolate
}

function arrive(isolate: Isolate, arrival: Arrival): void {
  const { partition, shared, spaces } = isolate
  if (arrival.kind === 'evict') {
    const { offset: at, ns, keys, tags, prefixes, all } = arrival
    const message = all ? { v: 1, op: 'clear', ns } : { v: 1, op: 'evict', ns, keys, tags, prefixes }
    const record = { partition: 0, offset: at, key: null, value: null }
    const targets = new Set<EvictionTarget>(partition.targets)
    applyEviction(
      targets,
      evictionOf({ record, message, recordKey: undefined, error: undefined }, targets),
      at,
    )
    return
  }
  const { ns, key: of, asOf, tags } = arrival
  const message = { v: 1, op: 'put', ns, key: of, value: asOf, ttl: 60_000, at: WALL, asOf, tags }
  const arrived = readUpdate(
    message,
    undefined,
    (each) => spaces.has(each),
    () => Infinity,
  )
  if (arrived?.kind !== 'value') throw new Error('it cannot be read')
  const space = spaces.get(ns)!
  const candidate = candidateOf(shared, space, arrived, {})
  if (typeof candidate === 'string') throw new Error(candidate)
  space.hold(of, candidate)
}

const served = (isolate: Isolate): Map<string, unknown> =>
  new Map(
    NAMESPACES.flatMap((ns) =>
      KEYS.flatMap((of) => {
        const value = isolate.peek(ns, of)
        return value === undefined ? [] : [[`${ns}/${of}`, value] as const]
      }),
    ),
  )

/** The arrivals of a history in some order, some of them twice. */
const shuffled = history.chain((log) => {
  const all: readonly Arrival[] = [...log.evictions, ...log.values]
  const again = fc.subarray([...all])
  return again.chain((twice) =>
    fc.record({
      log: fc.constant(log),
      one: fc.shuffledSubarray([...all, ...twice], { minLength: all.length + twice.length }),
      other: fc.shuffledSubarray([...all, ...twice], { minLength: all.length + twice.length }),
      lost: fc.array(fc.record({ at: fc.nat(40), ns: name, key })),
    }),
  )
})

describe('what is held', () => {
  it('is the newest value that nothing has evicted, in any order of arrival, with duplicates', () => {
    fc.assert(
      fc.property(shuffled, ({ log, one, other }) => {
        const [a, b] = [isolateOf(), isolateOf()]
        // Where a key changes its tags, a value that was evicted by one may still keep out an older one that has it not.
        for (const arrival of one) arrive(a, alike(arrival))
        for (const arrival of other) arrive(b, alike(arrival))
        const values = log.values.map(alike) as Puts[]
        const expected = new Map([...fold({ ...log, values })].map(([of, asOfs]) => [of, Math.max(...asOfs)]))
        expect(served(a)).toEqual(expected)
        expect(served(b)).toEqual(expected)
      }),
      { numRuns: 400 },
    )
  })

  it('is never more than that at any step, whatever the isolate has dropped or forgotten on the way', () => {
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 3 }), ({ log, one, lost }, maxMarks) => {
        const isolate = isolateOf(maxMarks)
        const came: Evicts[] = []
        for (const [at, arrival] of one.entries()) {
          arrive(isolate, arrival)
          if (arrival.kind === 'evict') came.push(arrival)
          for (const drop of lost) if (drop.at === at) isolate.spaces.get(drop.ns)!.drop(drop.key, 'capacity')
          const may = fold({ evictions: came, values: log.values })
          for (const [of, value] of served(isolate)) expect([...(may.get(of) ?? [])]).toContain(value)
        }
        const may = fold(log)
        for (const [of, value] of served(isolate)) expect([...(may.get(of) ?? [])]).toContain(value)
      }),
      { numRuns: 400 },
    )
  })

  it('is no longer served in any order after a resync, until it is loaded again', () => {
    fc.assert(
      fc.property(shuffled, fc.nat(30), ({ one }, cut) => {
        const isolate = isolateOf()
        for (const [at, arrival] of one.entries()) {
          if (at === cut) isolate.anchor(END + 1)
          const before = served(isolate)
          arrive(isolate, arrival)
          if (at >= cut) expect(before.size + served(isolate).size).toBe(0)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('never has a longer life than was asked for, whatever the clocks say', () => {
    const time = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, WALL, WALL - 500, WALL + 600_000, 0, -1),
    )
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        fc.double({ min: 0, noNaN: true }),
        time,
        fc.nat(5000),
        (ttl, at, writtenAt, passed) => {
          const isolate = isolateOf()
          const space = isolate.spaces.get('users')!
          const message = { v: 1, op: 'put', ns: 'users', key: 'a', value: 1, ttl, at, asOf: END }
          const arrived = readUpdate(
            message,
            undefined,
            () => false,
            () => Infinity,
          )
          if (arrived?.kind !== 'value') return
          const candidate = candidateOf(isolate.shared, space, arrived, { writtenAt })
          if (typeof candidate === 'string') return
          space.hold('a', candidate)
          const { freshUntil = 0 } = space.current('a') ?? {}
          const left = freshUntil - isolate.shared.clock.now()
          expect(left).toBeLessThanOrEqual(Math.max(0, ttl - Math.max(0, WALL - at)) + 1)
          isolate.advance(Math.max(0, left) + passed)
          expect(isolate.peek('users', 'a')).toBeUndefined()
        },
      ),
      { numRuns: 400 },
    )
  })
})
