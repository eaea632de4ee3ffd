import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { checkTags, tagsOf, ttlOf } from '../../../src/coherence/ttl-and-tags.ts'

describe('the TTL of a value', () => {
  it('is the one configured', () => {
    expect(ttlOf('x', { ttl: '5m', jitter: 0 }, 0.9)).toBe(300_000)
    expect(ttlOf('x', { ttl: 0, jitter: 0 }, 0.9)).toBe(0)
  })

  it('may depend on the value', () => {
    const ttl = (value: unknown) => (value === null ? '10s' : '5m')

    expect(ttlOf(null, { ttl, jitter: 0 }, 0)).toBe(10_000)
    expect(ttlOf('x', { ttl, jitter: 0 }, 0)).toBe(300_000)
  })

  it('is shortened by jitter, never lengthened and never by more than its part', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (ttl, jitter, random) => {
          const ms = ttlOf('x', { ttl, jitter }, random)
          expect(ms).toBeLessThanOrEqual(ttl)
          expect(ms).toBeGreaterThanOrEqual(Math.floor(ttl * (1 - jitter)))
          expect(Number.isInteger(ms)).toBe(true)
        },
      ),
    )
    expect(ttlOf('x', { ttl: 1000, jitter: 0.5 }, 0)).toBe(1000)
    expect(ttlOf('x', { ttl: 1000, jitter: 0.5 }, 0.5)).toBe(750)
  })

  it.each([[-1], ['soon'], [undefined], [null], [Number.NaN]])(
    'is a TypeError when the function returns %s',
    (returned) => {
      const ttl = () => returned as never

      expect(() => ttlOf('x', { ttl, jitter: 0 }, 0)).toThrow(TypeError)
      expect(() => ttlOf('x', { ttl, jitter: 0 }, 0)).toThrow('`ttl`')
    },
  )

  it('lets through what the function throws', () => {
    const thrown = new RangeError('mine')
    const ttl = () => {
      throw thrown
    }

    expect(() => ttlOf('x', { ttl, jitter: 0 }, 0)).toThrow(thrown)
  })
})

describe('the tags of a value', () => {
  it('are those given, or those that the function makes of the value', () => {
    const tags = (user: { team: number }) => [`team:${user.team}`]

    expect(tagsOf('x', { tags: ['a', 'b'] })).toEqual(['a', 'b'])
    expect(tagsOf({ team: 7 }, { tags })).toEqual(['team:7'])
    expect(tagsOf('x', { tags: undefined })).toBeUndefined()
  })

  it('are held once each, apart from the array that was given', () => {
    const given = ['a', 'b', 'a']
    const tags = tagsOf('x', { tags: given })
    given.push('c')

    expect(tags).toEqual(['a', 'b'])
  })

  it('are none where the list is empty', () => {
    expect(tagsOf('x', { tags: [] })).toBeUndefined()
    expect(checkTags([])).toBeUndefined()
  })

  it.each([
    ['no list', 'team:7'],
    ['nothing', null],
    ['a number', 7],
    ['a list of numbers', [7]],
    ['an empty tag', ['']],
    ['a tag that is too long', ['x'.repeat(513)]],
    ['half a surrogate pair', ['\ud800']],
    ['more than 1000', Array.from({ length: 1001 }, (_, at) => `t${at}`)],
  ])('are a TypeError when they are %s', (_, tags) => {
    expect(() => checkTags(tags as never)).toThrow(TypeError)
    expect(() => tagsOf('x', { tags: () => tags as never })).toThrow(/tag/)
  })

  it('may be as many as a message carries', () => {
    expect(checkTags(Array.from({ length: 1000 }, (_, at) => `t${at}`))).toHaveLength(1000)
  })
})
