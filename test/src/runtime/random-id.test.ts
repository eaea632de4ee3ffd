import { expect, it } from 'vitest'
import { randomId } from '../../../src/runtime/random-id.ts'

const drawing = (...draws: number[]) => randomId({ random: () => draws.shift()! })
const MOST = 1 - 2 ** -53

it('an id is 32 hexadecimal digits, whatever is drawn', () => {
  expect(drawing(0, 0, 0, 0)).toBe('0'.repeat(32))
  expect(drawing(MOST, MOST, MOST, MOST)).toBe('f'.repeat(32))
  expect(drawing(0.5, 2 ** -32, 0, MOST)).toBe(`8000000000000001${'0'.repeat(8)}ffffffff`)
})

it('an id has 128 bits: it is another one where any of them is another', () => {
  const bits = Array.from({ length: 128 }, (_, bit) =>
    drawing(...Array.from({ length: 4 }, (__, part) => (bit >> 5 === part ? 2 ** -((bit & 31) + 1) : 0))),
  )
  expect(new Set(bits).size).toBe(128)
})
