/** JSON that keeps every digit: compared with `JSON.parse`. */
import * as fc from 'fast-check'
import { isLosslessNumber } from 'lossless-json'
import { describe, expect, it } from 'vitest'
import { readJson, writeJson } from '../../../services/sync/json.ts'
import { bytes } from './world.ts'

/** As `JSON.parse` would have it. */
function rounded(value: unknown): unknown {
  if (isLosslessNumber(value)) return Number(value.value)
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rounded(inner)]))
}

const outcome = (read: () => unknown): unknown => {
  try {
    return { value: read() }
  } catch {
    return 'refused'
  }
}

const NUMBERS = [
  '9007199254740993',
  '1.10',
  '-0',
  '1e400',
  '1e5',
  '01',
  '1.',
  '.5',
  '-',
  '+1',
  '1-2',
  '7',
  '0.1',
]
const SIGNS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\n',
  '"',
  '\\',
  '"a"',
  '"a":',
  'true',
  'null',
  'tru',
  '/',
  '\uFEFF',
]
const TEXTS = ['"\uE0000"', '"\\uE0001"', '"\\ue0000"', '"1.10"', '"\\"9007199254740993"', '"__proto__":']
const piece = fc.constantFrom(...NUMBERS, ...SIGNS, ...TEXTS)

const valid = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('9007199254740993', '-1.50', '1e400', '-0', '12', '0.1', '1E3', 'true', 'null'),
    fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\uE0000"', '"\\uE0000"', '"\\ue0001x"'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[ ${items.join(' ,')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', '1.10', '9007199254740993'), tie('value')), {
        maxLength: 4,
      })
      .map(
        (fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)} : ${value}`).join(',\n')}}`,
      ),
  ),
})).value

describe('JSON that keeps every digit', () => {
  it('is what JSON.parse says it is, and refuses what that refuses', () => {
    const text = fc.oneof(
      valid,
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      // Damaged at one place.
      fc.tuple(valid, fc.nat(), fc.nat({ max: 2 }), piece).map(([good, at, cut, more]) => {
        const place = at % (good.length + 1)
        return good.slice(0, place) + more + good.slice(place + cut)
      }),
    )
    fc.assert(
      fc.property(text, (json) => {
        // Half a character would not come back from UTF-8, and a byte order mark at the beginning is none of JSON.
        fc.pre(!/\p{Surrogate}/u.test(json) && !json.startsWith('\uFEFF'))
        expect(outcome(() => rounded(readJson(bytes(json)).value))).toEqual(
          outcome(() => JSON.parse(json) as unknown),
        )
      }),
      { numRuns: 10_000 },
    )
  })

  it('is written as it was read, but for its blanks', () => {
    const text = '{"a":[9007199254740993,-0,1.10,1e400,{"b":0.10}],"__proto__":1.0,"c":"1.10"}'
    const { value, exact } = readJson(bytes(text))
    expect(exact).toBe(true)
    expect(writeJson(value)).toBe(text)
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it('is not called exact where all numbers are plain', () => {
    const { exact, value } = readJson(
      bytes('{"at":"2026-11-29T16:00:00.000Z","n":[1,-2.5,123456789012345,1e+21]}'),
    )
    expect(exact).toBe(false)
    expect(value).toEqual({ at: '2026-11-29T16:00:00.000Z', n: [1, -2.5, 123_456_789_012_345, 1e21] })
  })

  it.each(['{1.10:1}', '{ 1e5 : 1 }', '{"a":01.50,"a":1}', '{"a":1-2,"a":1}', '[1.1.0]'])(
    'is not %s',
    (text) => {
      expect(() => readJson(bytes(text))).toThrow()
    },
  )

  it('is bounded in its depth', () => {
    expect(() => readJson(bytes(`${'['.repeat(600)}1.10${']'.repeat(600)}`))).toThrow(/nested deeper/)
  })
})
