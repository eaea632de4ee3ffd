import { describe, expect, it } from 'vitest'
import {
  fields,
  fits,
  int,
  listOf,
  nullable,
  nullish,
  number,
  offsetShape,
  optional,
  promised,
  type Shape,
  text,
  tuple,
} from '../../adapters/answer-shape.ts'
import type { KedgeError } from '../../src/ports/errors.ts'

const SECRET = 's3cret'
const answer = fields({
  offsets: listOf(
    fields({ offset: offsetShape, key: optional(text), code: nullish(int), time: nullish(number) }),
  ),
})

/** What the error of a wrong answer has for its cause. */
function causeOf(value: unknown, shape: Shape<unknown> = answer): string {
  try {
    promised(value, shape, 'asking')
  } catch (error) {
    const { code, message, retryable, cause } = error as KedgeError
    expect({ code, message, retryable }).toEqual({
      code: 'ERR_PROTOCOL',
      message: 'asking: the answer is not what the protocol promises',
      retryable: false,
    })
    return (cause as TypeError).message
  }
  return 'it is right'
}

describe('an answer that is checked by hand', () => {
  it.each([
    { offsets: [] },
    { offsets: [{ offset: 0 }], more: 1 },
    {
      offsets: [
        { offset: Number.MAX_SAFE_INTEGER, key: '', code: null, time: 0.5 },
        { offset: 1, code: -1 },
      ],
    },
  ])('is the value as it came: %j', (value) => {
    expect(promised(value, answer, 'asking')).toBe(value)
  })

  it.each([
    [undefined, 'must be an object'],
    [null, 'must be an object'],
    [[], 'must be an object'],
    [{}, 'offsets: must be a list'],
    [{ offsets: { length: 1 } }, 'offsets: must be a list'],
    [{ offsets: [{ offset: 1 }, null] }, 'offsets.1: must be an object'],
    [{ offsets: [{}] }, 'offsets.0.offset: must be a whole number'],
    [{ offsets: [{ offset: SECRET }] }, 'offsets.0.offset: must be a whole number'],
    [{ offsets: [{ offset: -1 }] }, 'offsets.0.offset: must not be below 0'],
    [{ offsets: [{ offset: 2 ** 53 }] }, 'offsets.0.offset: must be a whole number'],
    [{ offsets: [{ offset: 0.5 }] }, 'offsets.0.offset: must be a whole number'],
    [{ offsets: [{ offset: NaN }] }, 'offsets.0.offset: must be a whole number'],
    [{ offsets: [{ offset: 1, key: null }] }, 'offsets.0.key: must be a string'],
    [{ offsets: [{ offset: 1, code: 0.5 }] }, 'offsets.0.code: must be a whole number'],
    [{ offsets: [{ offset: 1, time: Infinity }] }, 'offsets.0.time: must be a number'],
  ])('is refused by its first fault, and its place: %j', (value, says) => {
    expect(causeOf(value)).toBe(says)
  })

  it('has its fields by itself: what every object inherits is none', () => {
    expect(causeOf({}, fields({ toString: text }))).toBe('toString: must be a string')
    expect(causeOf(JSON.parse('{"__proto__":{"offset":1}}'), fields({ offset: offsetShape }))).toContain(
      'offset: ',
    )
  })

  it('is looked at no further than to its first fault', () => {
    let looks = 0
    const one: Shape<number> = (value) => {
      looks++
      return offsetShape(value)
    }
    expect(causeOf(Array<number>(100_000).fill(-1), listOf(one))).toContain('0: ')
    expect(looks).toBe(1)
  })

  it('may have a list of so many only', () => {
    const few = listOf(offsetShape, 1, 2)
    expect([[], [1], [1, 2], [1, 2, 3]].map((value) => fits(value, few))).toEqual([false, true, true, false])
    expect(causeOf([1, 2, 3], few)).toBe('must be a list of 1 to 2')
  })

  it('may be a list of a known length, each with a shape of its own', () => {
    const pair = tuple(text, nullable(number))
    const given = [
      ['a', 1],
      ['a', null],
      ['a'],
      ['a', 1, 2],
      ['a', undefined],
      [1, 1],
      { 0: 'a', 1: 1, length: 2 },
    ]
    expect(given.map((value) => fits(value, pair))).toEqual([true, true, false, false, false, false, false])
    expect(causeOf([1, 1], pair)).toBe('0: must be a string')
  })
})
