import { encode } from '@msgpack/msgpack'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { json, pack, unpack } from '../../../src/wire/codec.ts'

const codec = messagePack()

describe('messagePack()', () => {
  it('reads back whatever JSON can say', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          // The decoder refuses that name, wherever it stands.
          fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
        ),
        (raw) => {
          // JSON knows one zero only.
          const message = JSON.parse(JSON.stringify(raw)) as unknown
          const bytes = codec.encode(message)
          expect(codec.decode(bytes)).toEqual(message)
          expect(codec.detects(bytes)).toBe(true)
        },
      ),
    )
  })

  it('reads back bytes, dates and large numbers, and leaves undefined out', () => {
    const message = {
      bytes: new Uint8Array([0, 255]),
      at: new Date(1_700_000_000_123),
      big: 2 ** 52,
      low: -(2 ** 40),
      f: 0.1,
    }
    expect(codec.decode(codec.encode({ ...message, gone: undefined }))).toEqual(message)
  })

  it('reads back lengths of every width', () => {
    for (const length of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
      const message = {
        text: 'x'.repeat(length),
        list: Array.from({ length }, (_, n) => n),
        data: new Uint8Array(length),
      }
      expect(codec.decode(codec.encode(message))).toEqual(message)
    }
  })

  it('takes neither JSON nor gzip for its own', () => {
    for (const first of ['{', '[', '"', '1', 't', 'n', ' ']) {
      expect(codec.detects(new TextEncoder().encode(first))).toBe(false)
    }
    expect(codec.detects(new Uint8Array([0x1f, 0x8b]))).toBe(false)
    expect(codec.detects(new Uint8Array())).toBe(false)
  })

  it('works with messages that are JSON and with gzipped ones', async () => {
    const options = { codec, gzipAboveBytes: 100, maxMessageBytes: 10_000 }
    const message = { v: 1, text: 'again and '.repeat(50) }
    const packed = await pack(message, options)
    expect(packed[0]).toBe(0x1f)
    expect(await unpack(packed, codec, 10_000)).toEqual(message)
    expect(await unpack(json.encode(message), codec, 10_000)).toEqual(message)
  })

  it.each([
    ['an array of 4 thousand million', [0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of 4 thousand million', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a string of 4 GB', [0x81, 0xa1, 0x61, 0xdb, 0xff, 0xff, 0xff, 0xff]],
    ['bytes of 4 GB', [0x81, 0xa1, 0x61, 0xc6, 0xff, 0xff, 0xff, 0xff]],
    ['an extension of 4 GB', [0x81, 0xa1, 0x61, 0xc9, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a map that ends in its key', [0x81, 0xa3, 0x61]],
    ['half a number', [0x81, 0xa1, 0x61, 0xcb, 0x00]],
    ['half a length', [0x81, 0xa1, 0x61, 0xdd, 0x00]],
    ['nothing', []],
    ['a byte that is never used', [0x81, 0xa1, 0x61, 0xc1]],
  ])('refuses %s before building anything', (_, bytes) => {
    expect(() => codec.decode(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 'ERR_CODEC' }))
  })

  it('refuses many containers that each announce more than is left', () => {
    // 20,000 arrays, one in the other, of 10,000 elements each: 800 MB if the decoder allocated what they announce.
    const bomb = new Uint8Array(60_000)
    for (let at = 0; at < bomb.length; at += 3) bomb.set([0xdc, 0x27, 0x10], at)
    expect(() => codec.decode(bomb)).toThrow(expect.objectContaining({ code: 'ERR_CODEC' }))
  })

  it('refuses what is nested too deep, read and written', () => {
    const shallow = messagePack({ maxDepth: 3 })
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
    expect(shallow.decode(encode(nested(3)))).toEqual([[[1]]])
    expect(() => shallow.decode(encode(nested(4)))).toThrow('nested too deep')
    expect(() => shallow.encode(nested(5))).toThrow()
    const deep = new Uint8Array(100_000).fill(0x91)
    expect(() => codec.decode(deep)).toThrow(expect.objectContaining({ code: 'ERR_CODEC' }))
  })

  it('survives any bytes: an error at worst', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          codec.decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
