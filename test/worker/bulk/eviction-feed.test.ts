/** The feed of a namespace: what it remembers, and whom it lets go on. */
import { describe, expect, it } from 'vitest'
import { Partition } from '../../../src/coherence/partition.ts'
import { logMark, readToken } from '../../../src/wire/token.ts'
import { EvictionFeed } from '../../../worker/bulk/eviction-feed.ts'

function feedAt(end: number, limits = { maxEvents: 10, maxLength: 10_000 }) {
  const partition = new Partition(0)
  const anchor = (at: number, logId = 'log') =>
    partition.reanchor({ partition: 0, beginning: 0, end: at, logId })
  anchor(end)
  const feed = new EvictionFeed('users', partition, limits)
  const evict = (key: string, offset: number) => feed.evictKey(key, offset, {})
  const resume = (offset: number, logId = 'log') => feed.resume(readToken(`k1.0-${offset}~${logMark(logId)}`))
  const told = (from: number) => {
    const events = feed.since(from)
    return events === 'gap' ? events : events.map(({ data }) => JSON.parse(data) as unknown)
  }
  return { partition, feed, anchor, evict, resume, told }
}

describe('what is applied ahead of the position', () => {
  it('comes out when the position has passed it, in the order of the log, and once', () => {
    const { feed, partition, evict, told } = feedAt(5)
    evict('own', 7)
    evict('long poll', 5)
    evict('long poll', 5)
    expect([told(5), feed.isAhead, feed.position]).toEqual([[], true, 5])
    partition.advance(6)
    expect([told(5), feed.isAhead, feed.position]).toEqual([[{ offset: 5, keys: ['long poll'] }], true, 6])
    feed.evictTag('t', 6)
    evict('own', 7)
    partition.advance(8)
    // The past is read again, now and then.
    evict('long ago', 2)
    expect(told(6)).toEqual([
      { offset: 6, tags: ['t'] },
      { offset: 7, keys: ['own'] },
    ])
    expect(feed.isAhead).toBe(false)
  })

  it('becomes one eviction of everything where it says more than is kept', () => {
    const { feed, partition, evict, told } = feedAt(0)
    for (let offset = 0; offset < 3000; offset++) evict(`${offset}`.padStart(500, 'x'), offset)
    // Told at the last of them, and not before it is passed: a reader would go on past what it has not heard of.
    partition.advance(1500)
    expect([told(0), feed.position]).toEqual([[], 0])
    partition.advance(2001)
    expect([told(0), feed.position]).toEqual([[{ offset: 2000, all: true }], 2001])
    partition.advance(2003)
    expect((told(2001) as object[]).length).toBe(2)
    expect([feed.position, feed.isAhead]).toEqual([2003, true])
  })

  it('becomes an eviction of everything where one record alone says more than is remembered', () => {
    const { partition, evict, told } = feedAt(0)
    for (let n = 0; n < 100; n++) evict(`${n}`.padStart(200, 'x'), 0)
    partition.advance(1)
    expect(told(0)).toEqual([{ offset: 0, all: true }])
  })
})

describe('who may go on', () => {
  it('is who has read what is still remembered', () => {
    const { partition, evict, resume, told } = feedAt(5, { maxEvents: 2, maxLength: 10_000 })
    for (const offset of [5, 6, 7, 8]) evict(`${offset}`, offset)
    partition.advance(9)
    expect([4, 5, 6, 7, 8, 9, 10].map((offset) => resume(offset))).toEqual([
      'gap',
      'gap',
      'gap',
      7,
      8,
      9,
      'gap',
    ])
    expect([told(6), told(7)]).toEqual([
      'gap',
      [
        { offset: 7, keys: ['7'] },
        { offset: 8, keys: ['8'] },
      ],
    ])
  })

  it('is no client that has read more of a log that has lost its end', () => {
    const { partition, anchor, evict, resume } = feedAt(5)
    evict('5', 5)
    partition.advance(6)
    expect(resume(6)).toBe(6)
    anchor(4)
    // Other records stand there now.
    for (const offset of [4, 5, 6]) evict(`${offset} anew`, offset)
    partition.advance(7)
    expect([resume(5), resume(6), resume(7)]).toEqual(['gap', 'gap', 7])
  })

  it('is a client of a log that was made anew, once it has read of that', () => {
    const { partition, anchor, evict, resume } = feedAt(5)
    partition.advance(100)
    expect(resume(100)).toBe(100)
    anchor(0, 'another')
    evict('0', 0)
    partition.advance(1)
    expect([resume(100), resume(1), resume(1, 'another')]).toEqual(['log', 'log', 1])
  })

  it('hears of its namespace no more once it has left', () => {
    const { feed, partition } = feedAt(0)
    expect(partition.targets.has(feed)).toBe(true)
    feed.leave()
    expect(partition.targets.has(feed)).toBe(false)
  })
})
