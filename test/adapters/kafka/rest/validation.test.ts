import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { listOf } from '../../../../adapters/kafka/rest/validation.ts'

const offsets = z.object({
  offsets: listOf(z.object({ offset: z.int().nonnegative(), key: z.string().optional() })),
})

describe('a list from a response', () => {
  it('is what its things are read as', () => {
    expect(
      offsets.parse({
        offsets: [
          { offset: 1, more: 2 },
          { offset: 2, key: 'a' },
        ],
      }),
    ).toEqual({
      offsets: [{ offset: 1 }, { offset: 2, key: 'a' }],
    })
    expect(listOf(z.int()).parse([])).toEqual([])
  })

  it.each([
    ['type', [{ offset: 1 }, ...Array<number>(5000).fill(0)], ['offsets', 1]],
    ['value', Array.from({ length: 5000 }, () => ({ offset: -1, key: 7 })), ['offsets', 0, 'offset']],
  ])('has one complaint, about the first thing of a wrong %s, however many there are', (_, given, path) => {
    const issues = offsets.safeParse({ offsets: given }).error?.issues
    expect(issues).toHaveLength(1)
    expect(issues?.[0]?.path).toEqual(path)
  })

  it('is refused where it is none, or too short', () => {
    expect(listOf(z.int()).safeParse({ length: 1 }).success).toBe(false)
    expect(listOf(z.int(), 1).safeParse([]).success).toBe(false)
  })

  it('within another one is refused with the place in both', () => {
    const nested = listOf(z.object({ inner: listOf(z.string()) }))
    expect(nested.safeParse([{ inner: ['a'] }, { inner: ['a', 2] }]).error?.issues[0]?.path).toEqual([
      1,
      'inner',
      1,
    ])
  })
})
