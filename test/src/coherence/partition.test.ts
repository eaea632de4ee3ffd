import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { digestOf } from '../../../src/coherence/log-identity.ts'
import { Partition } from '../../../src/coherence/partition.ts'
import type { EvictionTarget } from '../../../src/coherence/partition.ts'
import type { LogRecord, PartitionOffsets } from '../../../src/ports/kafka-log.ts'

const bounds = (beginning: number, end: number, logId?: string): PartitionOffsets => ({
  partition: 0,
  beginning,
  end,
  ...(logId !== undefined && { logId }),
})

function withPosition(at = bounds(0, 100, 'log')): Partition {
  const partition = new Partition(0)
  partition.reanchor(at)
  return partition
}

describe('a partition', () => {
  it('knows nothing before it has a position', () => {
    const partition = new Partition(3)

    expect(partition).toMatchObject({ id: 3, hasPosition: false, position: 0, tail: 0, freshAt: -Infinity })
    expect(partition.contradiction(bounds(0, 0), 0, 10)).toBe('start')
  })

  it('begins at the end of the log when it first resyncs, proved by nothing yet', () => {
    const partition = withPosition()

    expect(partition).toMatchObject({
      hasPosition: true,
      position: 100,
      tail: 100,
      asOf: 100,
      logId: 'log',
      freshAt: -Infinity,
      verifiedAt: -Infinity,
      last: undefined,
      generation: 1,
    })
  })

  it('forgets everything when it resyncs again, also where the log is shorter', () => {
    const partition = withPosition()
    partition.advance(150)
    partition.reaches(170)
    partition.last = { offset: 149, digest: 'x' }
    partition.freshAt = 5000
    partition.verifiedAt = 5000
    partition.stalls = 3
    partition.reanchor(bounds(0, 20, 'other'))

    expect(partition).toMatchObject({
      position: 20,
      tail: 20,
      logId: 'other',
      freshAt: -Infinity,
      verifiedAt: -Infinity,
      last: undefined,
      stalls: 0,
      generation: 2,
    })
  })

  it('has its targets drop everything before its position moves', () => {
    const partition = withPosition()
    const told: unknown[] = []
    const target = {
      name: 'users',
      reanchor: (horizon: number) => void told.push([horizon, partition.position, partition.generation]),
    } as EvictionTarget
    partition.join(target)
    partition.reanchor(bounds(0, 500))

    // The new generation already: what is dropped must not be held again by a load of the old one.
    expect(told).toEqual([[500, 100, 2]])
  })
})

describe('bounds that contradict what is known', () => {
  it.each<[string, PartitionOffsets, number, string | undefined]>([
    ['nothing new', bounds(0, 100, 'log'), 100, undefined],
    ['records to be read', bounds(0, 150, 'log'), 100, undefined],
    ['as many records as may be caught up', bounds(0, 1100, 'log'), 100, undefined],
    ['one more than that', bounds(0, 1101, 'log'), 100, 'behind'],
    ['records lost up to the position', bounds(100, 150, 'log'), 100, undefined],
    ['records lost that were not read', bounds(101, 150, 'log'), 100, 'truncated'],
    ['an end before the position', bounds(0, 99, 'log'), 100, 'rewound'],
    ['another log', bounds(0, 100, 'other'), 100, 'replaced'],
    ['another log that is shorter', bounds(0, 5, 'other'), 100, 'replaced'],
    ['a log without an identity', bounds(0, 100), 100, undefined],
    ['an end before the position of now, not of when it was asked', bounds(0, 90, 'log'), 80, undefined],
  ])('are judged: %s', (_, sampled, positionThen, reason) => {
    expect(withPosition().contradiction(sampled, positionThen, 1000)).toBe(reason)
  })

  it('are not found in the identity where none was known', () => {
    expect(withPosition(bounds(0, 100)).contradiction(bounds(0, 100, 'log'), 100, 1000)).toBeUndefined()
  })
})

describe('what a partition has seen of its log', () => {
  it('advances, and never back', () => {
    const partition = withPosition()
    partition.advance(120)
    partition.advance(110)

    expect(partition).toMatchObject({ position: 120, tail: 120, asOf: 120 })
  })

  it('reaches as far as an acknowledgement of its own, before that is read', () => {
    const partition = withPosition()
    partition.reaches(131)
    partition.reaches(105)

    expect(partition).toMatchObject({ position: 100, tail: 131, asOf: 131 })
  })

  it('takes in the end that was sampled, and the identity where it had none', () => {
    const partition = withPosition(bounds(0, 100))
    partition.samples(bounds(0, 140, 'log'), 100)
    expect(partition).toMatchObject({ position: 100, tail: 140, logId: 'log' })

    partition.samples(bounds(0, 140, 'later'), 140)
    expect(partition.logId).toBe('log')
  })

  it('takes the sample where it does not reach an acknowledged record: a lower as-of is safe', () => {
    const partition = withPosition()
    partition.reaches(131)
    partition.samples(bounds(0, 120), 131)
    expect(partition.asOf).toBe(120)

    partition.samples(bounds(0, 90), 120)
    expect(partition.asOf).toBe(100)
  })

  it('keeps an acknowledgement that came after the sample was asked for', () => {
    const partition = withPosition()
    partition.reaches(131)
    partition.samples(bounds(0, 100), 100)

    expect(partition.asOf).toBe(131)
  })

  it('forgets the last record when retention has taken it', () => {
    const partition = withPosition()
    partition.last = { offset: 99, digest: 'x' }
    partition.samples(bounds(99, 100), 100)
    expect(partition.last).toBeDefined()

    partition.samples(bounds(100, 100), 100)
    expect(partition.last).toBeUndefined()
  })

  it('never has a tail or an as-of below its position', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('advance' as const), to: fc.nat(300), tailThen: fc.constant(0) }),
      fc.record({ do: fc.constant('reaches' as const), to: fc.nat(300), tailThen: fc.constant(0) }),
      fc.record({ do: fc.constant('samples' as const), to: fc.nat(300), tailThen: fc.nat(300) }),
      fc.record({ do: fc.constant('reanchor' as const), to: fc.nat(300), tailThen: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const partition = withPosition()
        for (const each of steps) {
          const { position, generation } = partition
          if (each.do === 'samples') partition.samples(bounds(0, each.to), each.tailThen)
          else if (each.do === 'reanchor') partition.reanchor(bounds(0, each.to))
          else partition[each.do](each.to)
          expect(partition.tail).toBeGreaterThanOrEqual(partition.position)
          expect(partition.asOf).toBeGreaterThanOrEqual(partition.position)
          if (partition.generation === generation) expect(partition.position).toBeGreaterThanOrEqual(position)
        }
      }),
    )
  })
})

describe('what a record looks like', () => {
  const record = (key: string | null, value: string | null, offset = 0): LogRecord => ({
    partition: 0,
    offset,
    key: key === null ? null : encodeUtf8(key),
    value: value === null ? null : encodeUtf8(value),
  })

  it('is the same for the same key, value and time, wherever it stands, and another for another time', () => {
    expect(digestOf(record('a', 'b', 7))).toBe(digestOf(record('a', 'b', 9)))
    expect(digestOf({ ...record('a', 'b'), timestamp: 5 })).not.toBe(
      digestOf({ ...record('a', 'b'), timestamp: 6 }),
    )
  })

  it('is the same for an empty key or value and for none, as some proxies do not tell them apart', () => {
    expect(digestOf(record('', 'b'))).toBe(digestOf(record(null, 'b')))
    expect(digestOf(record('a', ''))).toBe(digestOf(record('a', null)))
  })

  it('differs where a byte does, and where the key ends elsewhere', () => {
    expect(digestOf(record('a', 'b'))).not.toBe(digestOf(record('b', 'a')))
    expect(digestOf(record('ab', 'c'))).not.toBe(digestOf(record('a', 'bc')))
    expect(digestOf(record('a', null))).not.toBe(digestOf(record(null, 'a')))
  })

  it('differs for records that differ, as far as chance goes', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 })
    fc.assert(
      fc.property(bytes, bytes, fc.nat(63), fc.integer({ min: 1, max: 255 }), (key, value, at, flip) => {
        const changed = value.slice()
        changed[at % value.length] = (value[at % value.length] ?? 0) ^ flip
        const [one, other] = [value, changed].map((each) =>
          digestOf({ partition: 0, offset: 0, key, value: each }),
        )
        expect(one).not.toBe(other)
      }),
    )
  })
})
