import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { entryBytes, valueBytes } from '../../../src/store/weigher.ts'

describe('the weight of a value', () => {
  it.each([[null], [undefined], [true], [42], [Number.NaN], [10n]])('of %s is that of a slot', (value) => {
    expect(valueBytes(value)).toBe(16)
  })

  it('counts two bytes for each character of a text, at any depth', () => {
    const text = 'x'.repeat(1000)

    expect(valueBytes(text)).toBeGreaterThanOrEqual(2000)
    expect(valueBytes({ a: { b: [text] } })).toBeGreaterThanOrEqual(2000)
    expect(valueBytes(new Map([[text, 1]]))).toBeGreaterThanOrEqual(2000)
    expect(valueBytes(new Map([[1, text]]))).toBeGreaterThanOrEqual(2000)
    expect(valueBytes(new Set([text]))).toBeGreaterThanOrEqual(2000)
  })

  it('counts the bytes of buffers and of views on them', () => {
    expect(valueBytes(new Uint8Array(5000))).toBeGreaterThanOrEqual(5000)
    expect(valueBytes(new ArrayBuffer(5000))).toBeGreaterThanOrEqual(5000)
    expect(valueBytes({ image: new Float64Array(1000) })).toBeGreaterThanOrEqual(8000)
  })

  it('counts a text in a set once, though a set lists it as key and as value', () => {
    expect(valueBytes(new Set(['x'.repeat(1000)]))).toBeLessThan(3000)
  })

  it('counts the names of members', () => {
    expect(valueBytes({ ['k'.repeat(1000)]: 1 })).toBeGreaterThanOrEqual(2000)
  })

  it('counts a shared part once', () => {
    const part = { text: 'x'.repeat(1000) }

    expect(valueBytes([part, part])).toBeLessThan(valueBytes([part, { ...part }]))
    expect(valueBytes([part, part])).toBeLessThan(4000)
  })

  it('ends for a value that holds itself', () => {
    const ring: { self?: unknown; list: unknown[] } = { list: [] }
    ring.self = ring
    ring.list.push(ring, ring.list)

    expect(valueBytes(ring)).toBeLessThan(500)
  })

  it('ends for a value nested deeper than the stack', () => {
    let deep: unknown = 'x'
    for (let depth = 0; depth < 200_000; depth++) deep = [deep]

    expect(valueBytes(deep)).toBeGreaterThanOrEqual(200_000 * 56)
  })

  it('is a finite number above zero, whatever the value is', () => {
    const anything = fc.anything({ withMap: true, withSet: true, withTypedArray: true, withBigInt: true })
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = valueBytes(value)
        expect(Number.isFinite(bytes) && bytes > 0).toBe(true)
      }),
    )
  })

  it('grows with what is added', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.jsonValue(), (list, more) => {
        expect(valueBytes([...list, more])).toBeGreaterThan(valueBytes(list))
      }),
    )
  })
})

describe('the weight of an entry', () => {
  it('counts its key, its tags and its bookkeeping', () => {
    expect(entryBytes('', undefined)).toBeGreaterThan(0)
    expect(entryBytes('k'.repeat(100), undefined)).toBe(entryBytes('', undefined) + 200)
    expect(entryBytes('', ['t'.repeat(100)])).toBeGreaterThanOrEqual(entryBytes('', undefined) + 200)
    expect(entryBytes('', ['a', 'b'])).toBeGreaterThan(entryBytes('', ['a']))
    expect(entryBytes('', [])).toBe(entryBytes('', undefined))
  })
})
