/** The parts of the page that need no browser. */
import { describe, expect, it } from 'vitest'
import { evictionLine } from '../../../cli/ui/eviction-line.ts'
import { evictedAt, evictionRequest } from '../../../cli/ui/page/eviction-request.ts'
import { bytesOf, countOf, lengthOf, shareOf } from '../../../cli/ui/page/format.ts'
import { gauge, rate, ratio, withHeard } from '../../../cli/ui/page/history.ts'
import type { History } from '../../../cli/ui/page/history.ts'
import { EventParser } from '../../../cli/ui/sse.ts'
import { withoutAddresses } from '../../../cli/ui/page-options.ts'
import type { LiveState } from '../../../cli/ui/state.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import { readEviction } from '../../../src/wire/read-eviction.ts'

describe('the parser of events', () => {
  const text = 'event: state\ndata: {"a":1}\n\n: a comment\n\ndata: x\ndata: y\n\n'
  const events = [
    { event: 'state', data: '{"a":1}' },
    { event: 'message', data: 'x\ny' },
  ]

  it.each([1, 2, 3, 7, 1000])('finds the same events in pieces of %i characters', (size) => {
    const parser = new EventParser()
    const found = []
    for (let at = 0; at < text.length; at += size) found.push(...parser.take(text.slice(at, at + size)))
    expect(found).toEqual(events)
  })

  it('does not keep an event without an end', () => {
    const parser = new EventParser()
    const endless = () => {
      for (;;) parser.take('x'.repeat(100_000))
    }
    expect(endless).toThrow('an event without an end')
  })
})

const stateOf = (at: number, hits: number, misses: number): LiveState =>
  ({ at, cache: { hits, misses } }) as unknown as LiveState
const heard = (...all: readonly (readonly [at: number, hits: number, misses: number])[]): History =>
  all.reduce<History>(
    (history, [at, hits, misses]) => withHeard(history, { at, state: stateOf(at, hits, misses) }),
    [],
  )
const hits = ({ cache }: LiveState) => cache?.hits
const misses = ({ cache }: LiveState) => cache?.misses

describe('the history of a chart', () => {
  it('forgets what is older than its window, and a state that it has already', () => {
    const history = heard([0, 0, 0], [1000, 1, 0], [1000, 2, 0], [400_000, 3, 0])
    expect(history.map(({ at }) => at)).toEqual([400_000])
  })

  it('has a gap where nothing was heard, also for a rate', () => {
    const history = heard([0, 0, 0], [1000, 10, 0], [9000, 500, 0], [10_000, 510, 0])
    expect(gauge(history, hits).values).toEqual([0, 10, null, 500, 510])
    expect(rate(history, hits).values).toEqual([null, 10, null, null, 10])
  })

  it('has no rate where a counter went back: that is another process', () => {
    expect(rate(heard([0, 100, 0], [1000, 3, 0], [2000, 5, 0]), hits).values).toEqual([null, null, 2])
  })

  it('has no ratio where there was no read', () => {
    const history = heard([0, 0, 0], [1000, 3, 1], [2000, 3, 1], [13_000, 3, 1])
    expect(ratio(history, hits, misses, 10_000).values).toEqual([null, 0.75, 0.75, null, null])
  })
})

describe('numbers for people', () => {
  it.each([
    [lengthOf(0), '0.0 s'],
    [lengthOf(840), '0.8 s'],
    [lengthOf(42_900), '42 s'],
    [lengthOf(300_000), '5 min'],
    [lengthOf(7_800_000), '2 h 10 min'],
    [lengthOf(180_000_000), '2 d 2 h'],
    [countOf(1234), '1,234'],
    [countOf(1_234_567), '1.2M'],
    [bytesOf(999), '999 B'],
    [bytesOf(12_345), '12 kB'],
    [bytesOf(1_500_000_000), '1.5 GB'],
    [shareOf(0.5), '50 %'],
    // A cache that misses now and then is not one that never does.
    [shareOf(0.9996), '99.9 %'],
    [shareOf(1), '100 %'],
  ])('%s', (said, expected) => expect(said).toBe(expected))
})

describe('the requests of the box that evicts', () => {
  const gateway = { by: 'gateway', topic: 'cache-evictions', partitions: 5 } as const
  const wanted = { namespace: 'users', name: 'eu/7' }

  it.each(['key', 'tag', 'prefix', 'all'] as const)(
    'a record of %s is read by caches as what was meant',
    (kind) => {
      const { path, type, body } = evictionRequest(gateway, { ...wanted, kind })
      const [record] = (body as { records: [{ partition: number; value: unknown }] }).records
      expect(path).toBe('/topics/cache-evictions')
      expect(type).toBe('application/vnd.kafka.json.v2+json')
      expect(record.partition).toBe(partitionOf(encodeUtf8('users'), 5))
      const { namespace, all, keys, tags, prefixes, unreadable } = readEviction(
        record.value,
        undefined,
        () => true,
      )
      expect({ namespace, all, keys, tags, prefixes, unreadable }).toEqual({
        namespace: 'users',
        all: kind === 'all',
        keys: kind === 'key' ? ['eu/7'] : [],
        tags: kind === 'tag' ? ['eu/7'] : [],
        prefixes: kind === 'prefix' ? ['eu/7'] : [],
        unreadable: false,
      })
    },
  )

  it('takes a status of 200 for no acknowledgement', () => {
    expect(evictedAt(gateway, { offsets: [{ partition: 3, offset: 42 }] })).toBe('at 3@42')
    expect(() =>
      evictedAt(gateway, { offsets: [{ partition: 3, error_code: 50_003, error: 'too late' }] }),
    ).toThrow('too late')
    expect(() => evictedAt(gateway, {})).toThrow('has not taken it')
  })
})

describe('an error for a viewer', () => {
  it.each([
    ['no answer from https://user:pw@kafka.internal:8082/x (refused)', 'no answer from it (refused)'],
    ['no answer from kafka-1.internal:9092, [fd00::1]:9092', 'no answer from it, it'],
    ['redis://:pw@10.0.0.1:6379 is away: try at 10:30', 'it is away: try at it'],
    ['the topic cache-evictions has no leader', 'the topic cache-evictions has no leader'],
  ])('has no address: %s', (said, shown) => expect(withoutAddresses(said)).toBe(shown))
})

describe('a line of an eviction', () => {
  const nothing = { namespace: 'users', all: false, keys: [], tags: [], prefixes: [] }

  it('is short, whatever a writer has put into the record', () => {
    const keys = Array.from({ length: 100_000 }, (_, at) => `${at}-${'x'.repeat(500)}`)
    const line = evictionLine(1, 0, 42, { ...nothing, namespace: 'n'.repeat(5000), keys })
    expect(JSON.stringify(line).length).toBeLessThan(1000)
    expect(line).toMatchObject({ what: 'keys', more: 99_996, offset: 42 })
  })

  it.each([
    [{ all: true }, 'all'],
    [{ tags: ['team:7'] }, 'tags'],
    [{ prefixes: ['eu/'] }, 'prefixes'],
    [{ keys: ['7'], intent: {} }, 'intent'],
    [{ all: true, unreadable: true }, 'unreadable'],
  ])('%j is %s', (of, what) => {
    expect(evictionLine(1, 0, 0, { ...nothing, ...of }).what).toBe(what)
  })
})
