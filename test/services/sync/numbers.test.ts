/** Numbers that a double does not hold, in keys and in fields. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import type { SyncOptions } from '../../../services/sync/index.ts'
import { plainDecimal } from '../../../services/sync/decimal.ts'
import { world } from './world.ts'

/** Records in this order, and what stands in the store after them. */
async function kept(options: Partial<SyncOptions>, ...records: [key: string, value: unknown][]) {
  const at = world()
  for (const [key, value] of records) at.put(key, value)
  const { sync, said } = at.make(options)
  await sync.step()
  return { all: at.all(), stats: sync.stats(), unusable: said('unusable'), suspects: said('suspect_time') }
}

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
const digits = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...DIGITS), minLength: min, maxLength: max })
const integer = digits(1, 40).map((text) => text.replace(/^0+(?=\d)/, ''))
/** Any number that JSON can hold. */
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    integer,
    fc.option(digits(1, 25), { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), fc.integer({ min: 0, max: 400 })), {
      nil: undefined,
    }),
  )
  .map(
    ([sign, units, fraction, power]) =>
      `${sign}${units}${fraction === undefined ? '' : `.${fraction}`}${power === undefined ? '' : power.join('')}`,
  )

/** The number in units of 10^-500: exact, and by another way than the one under test. */
function scaled(text: string): bigint {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const [units = '', fraction = ''] = mantissa.split('.')
  return BigInt(units + fraction) * 10n ** BigInt(500 + Number(power) - fraction.length)
}

describe('A number as text', () => {
  it('is the same for equal numbers, and another one for others', () => {
    const near = number.chain((text) => fc.tuple(fc.constant(text), fc.constantFrom('0', '00', '1', '7')))
    const other = fc.oneof(
      fc.tuple(number, number),
      // Zeros and digits at the end: of a fraction the first say nothing.
      near.map(([text, more]) => {
        const [mantissa = '', power] = text.split(/(?=e)/i)
        return [text, `${mantissa}${mantissa.includes('.') ? '' : '.'}${more}${power ?? ''}`]
      }),
      number.map((text) => [text, plainDecimal(text)]),
    )
    fc.assert(
      fc.property(other, ([a, b]) => {
        expect(plainDecimal(a) === plainDecimal(b)).toBe(scaled(a) === scaled(b))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['9007199254740993', '9007199254740993'],
    ['1.10', '1.1'],
    ['1e3', '1000'],
    ['-0', '0'],
    ['0.00012e-3', '0.00000012'],
    ['-12345678901234567.890', '-12345678901234567.89'],
    ['1e400', '1e400'],
    ['1e-99999999999999999999', '1e-99999999999999999999'],
  ])('of %s is %s', (text, plain) => expect(plainDecimal(text)).toBe(plain))
})

describe('Two ids', () => {
  const options: Partial<SyncOptions>[] = [
    { key: '{value.id}' },
    { key: '{key.id}' },
    { key: ({ value }) => String((value as { id: unknown }).id) },
  ]

  it.each(options)('never become one key: %j', async (option) => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 2, maxLength: 8 }), async (ids) => {
        const near = ids.flatMap((id) => (/^-?\d+$/.test(id) ? [id, String(BigInt(id) + 1n)] : [id]))
        const different = new Map(near.map((id) => [scaled(id), id]))
        const records = [...different.values()].map((id): [string, string] => [
          `{"id":${id}}`,
          `{"id":${id}}`,
        ])
        const { all, stats } = await kept({ ...option, format: 'json' }, ...records)
        expect(stats.unusable).toBe(0)
        expect(new Set(Object.values(all))).toEqual(new Set(records.map(([, value]) => value)))
      }),
      { numRuns: 60 },
    )
  })
})

describe('A selected field', () => {
  it('is written with the digits of the record', async () => {
    await fc.assert(
      fc.asyncProperty(number, number, async (a, b) => {
        const value = `{"a" : ${a}, "b": [{"c": ${b}}, "9007199254740993"], "d": ${b}}`
        const field = await kept({ value: 'a', key: '{key}' }, ['k', value])
        expect(field.all).toEqual({ k: a })
        const text = await kept({ value: 'b.0.c', encode: 'text', key: '{key}' }, ['k', value])
        expect(text.all).toEqual({ k: b })
        const several = await kept({ value: ['a', 'b'], key: '{key}' }, ['k', value])
        expect(several.all).toEqual({ k: `{"a":${a},"b":[{"c":${b}},"9007199254740993"]}` })
      }),
      { numRuns: 100 },
    )
  })

  it('keeps a fraction that its double would write in fewer digits', async () => {
    const { all } = await kept({ value: 'a', key: '{key}' }, ['k', '{"a":0.10000000000000001}'])
    expect(all).toEqual({ k: '0.10000000000000001' })
  })

  it('of the values of kedge’s own updates keeps its digits too', async () => {
    const update =
      '{"v":1,"op":"put","ns":"users","key":"7","value":{"id":9007199254740993,"n":2},"ttl":60000.0,"at":1700000000000,"asOf":1e1}'
    const whole = await kept({ key: '{ns}:{key}' }, ['users/7', update])
    expect(whole.all).toEqual({ 'users:7': '{"id":9007199254740993,"n":2}' })
    const field = await kept({ key: '{value.id}', value: 'id' }, ['users/7', update])
    expect(field.all).toEqual({ '9007199254740993': '9007199254740993' })
  })

  it('that a function returns keeps its digits, and what it can count with is a number', async () => {
    const seen: unknown[] = []
    const { all } = await kept(
      {
        value: ({ value }) => {
          const { id, price } = value as { id: unknown; price: unknown }
          seen.push(typeof price, price, String(id))
          return { id }
        },
      },
      ['k', '{"id":9007199254740993,"price":1.50}'],
    )
    expect(seen).toEqual(['number', 1.5, '9007199254740993'])
    expect(all).toEqual({ 'order:k': '{"id":9007199254740993}' })
  })

  it('has no fields where it is a number', async () => {
    const { unusable } = await kept({ value: 'id.value' }, ['k', '{"id":9007199254740993}'])
    expect(unusable).toMatchObject([{ reason: 'missing' }])
  })
})

describe('A version that a double does not hold', () => {
  it.each([['9007199254740993'], ['9223372036854775807']])('as %s is refused', async (lsn) => {
    const version = ({ value }: { value: unknown }) => (value as { lsn: number }).lsn
    const { all, unusable } = await kept({ version }, ['k', `{"lsn":${lsn}}`])
    expect(all).toEqual({})
    expect(unusable).toMatchObject([{ says: `the version ${lsn} is more than a double holds` }])
  })

  it('that was made one is refused too', async () => {
    const version = ({ value }: { value: unknown }) => Number((value as { at: unknown }).at)
    const { unusable } = await kept({ version }, ['k', '{"at":1700000000000000001}'])
    expect(unusable).toMatchObject([{ says: expect.stringContaining('more than a double holds') as string }])
  })
})

describe('A time to live', () => {
  it.each([
    ['60000.0', 60_000],
    ['6e4', 60_000],
  ])('of %s is one', async (ttl, expected) => {
    const at = world()
    at.put('k', `{"ttl":${ttl}}`)
    await at.make({ ttl: { field: 'ttl' } }).sync.step()
    expect(at.store.ttl('order:k')).toBe(expected)
  })

  it('that no double holds is none', async () => {
    const { unusable } = await kept({ ttl: { field: 'ttl' } }, ['k', '{"ttl":1e400}'])
    expect(unusable).toMatchObject([{ reason: 'missing', says: 'ttl is no time to live' }])
  })
})

describe('A MessagePack integer of 64 bits', () => {
  const codec = messagePack()
  /** `{"id": 2^53 + 1, "n": 1}`, whose id its decoder rounds. */
  const record = new Uint8Array([0x82, 0xa2, 0x69, 0x64, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1, 0xa1, 0x6e, 1])

  it.each<[string, Partial<SyncOptions>]>([
    ['in the key', { key: '{value.id}' }],
    ['in a field', { value: 'id' }],
    ['in one of several fields', { value: ['n', 'id'] }],
    ['that a function may look at', { value: ({ value }) => value }],
  ])('%s is refused', async (_, options) => {
    const { all, unusable } = await kept({ format: 'messagepack', codec, ...options }, ['k', record])
    expect(all).toEqual({})
    expect(unusable).toMatchObject([
      { reason: 'undecodable', says: expect.stringContaining('rounded') as string },
    ])
  })

  it('that no template reads harms nothing', async () => {
    const { all } = await kept({ format: 'messagepack', codec, value: 'n' }, ['k', record])
    expect(all).toEqual({ 'order:k': '1' })
  })
})
