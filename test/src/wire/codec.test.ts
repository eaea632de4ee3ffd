import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { decodeUtf8, encodeUtf8, json, MAX_JSON_DEPTH, pack, unpack } from '../../../src/wire/codec.ts'
import type { Codec } from '../../../src/wire/codec.ts'
import { isKedgeError } from '../../../src/ports/errors.ts'

const LIMITS = { codec: json, gzipAboveBytes: 1024, maxMessageBytes: 1_000_000 }

const long = { v: 1, op: 'put', value: 'all work and no play '.repeat(500) }

async function gzipped(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b

describe('UTF-8', () => {
  it('comes back as the text that it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text)
      }),
    )
  })

  it('keeps a byte order mark, which may begin a key', () => {
    expect(decodeUtf8(encodeUtf8('\ufeff42'))).toBe('\ufeff42')
  })

  it.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]], [[0x61, 0x80]]])('is not what %j are', (bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined()
  })
})

describe.each<[string, Codec]>([
  ['JSON', json],
  ['MessagePack', messagePack()],
])('a message in %s', (_, codec) => {
  const options = { ...LIMITS, codec }

  it('comes back as it was, with gzip and without', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.constantFrom(0, 64, Infinity), async (value, gzipAboveBytes) => {
        // MessagePack's reader refuses this one name, wherever it stands.
        fc.pre(codec === json || !JSON.stringify(value).includes('"__proto__"'))
        // -0 is 0 in JSON.
        const message = JSON.parse(JSON.stringify({ v: 1, op: 'put', value })) as unknown
        const bytes = await pack(message, { ...options, gzipAboveBytes })
        expect(await unpack(bytes, codec, LIMITS.maxMessageBytes)).toEqual(message)
      }),
      { numRuns: 60 },
    )
  })

  it('is gzipped above the size, not at it', async () => {
    const size = codec.encode(long).length

    expect(isGzip(await pack(long, { ...options, gzipAboveBytes: size }))).toBe(false)
    const packed = await pack(long, { ...options, gzipAboveBytes: size - 1 })
    expect(isGzip(packed)).toBe(true)
    expect(packed.length).toBeLessThan(size / 4)
    expect(await unpack(packed, codec, LIMITS.maxMessageBytes)).toEqual(long)
  })

  it('is never gzipped above Infinity', async () => {
    expect(isGzip(await pack(long, { ...options, gzipAboveBytes: Infinity }))).toBe(false)
  })

  it('is ERR_TOO_LARGE by what it is before compression', async () => {
    const size = codec.encode(long).length

    await expect(pack(long, { ...options, maxMessageBytes: size - 1 })).rejects.toMatchObject({
      name: 'KedgeError',
      code: 'ERR_TOO_LARGE',
      retryable: false,
    })
    expect(isGzip(await pack(long, { ...options, maxMessageBytes: size }))).toBe(true)
  })

  it('is read at the bound and refused beyond it, gzipped or not', async () => {
    const size = codec.encode(long).length
    for (const gzipAboveBytes of [0, Infinity]) {
      const bytes = await pack(long, { ...options, gzipAboveBytes })
      expect(await unpack(bytes, codec, size)).toEqual(long)
      await expect(unpack(bytes, codec, size - 1)).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
    }
  })

  it('is ERR_CODEC with the reason when it cannot be encoded', async () => {
    const ring: { self?: unknown } = {}
    ring.self = ring

    await expect(pack({ value: ring }, options)).rejects.toMatchObject({
      code: 'ERR_CODEC',
      cause: expect.any(Error) as Error,
    })
  })

  it('is ERR_CODEC when it is cut short anywhere', async () => {
    for (const gzipAboveBytes of [0, Infinity]) {
      const bytes = await pack(
        { v: 1, op: 'evict', ns: 'users', keys: ['42'] },
        { ...options, gzipAboveBytes },
      )
      for (let length = 1; length < bytes.length; length++) {
        await expect(unpack(bytes.subarray(0, length), codec, 1000)).rejects.toMatchObject({
          code: 'ERR_CODEC',
        })
      }
    }
  })

  it('is a KedgeError or a value for any bytes, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.boolean(), async (bytes, asGzip) => {
        const stranger = asGzip ? Uint8Array.from([0x1f, 0x8b, 0x08, ...bytes]) : bytes
        const outcome = await unpack(stranger, codec, 1000).catch((error: unknown) => error)
        if (outcome instanceof Error)
          expect(isKedgeError(outcome) && outcome.code).toMatch(/^ERR_(CODEC|TOO_LARGE)$/)
      }),
      { numRuns: 300 },
    )
  })
})

describe('what is inflated', () => {
  it('ends at the bound, however small the gzip is', async () => {
    const bomb = await gzipped(new Uint8Array(20_000_000).fill(0x20))
    expect(bomb.length).toBeLessThan(25_000)

    await expect(unpack(bomb, json, 100_000)).rejects.toMatchObject({
      code: 'ERR_TOO_LARGE',
      retryable: false,
    })
  })

  it('ends soon after the bound: the rest of a bomb is not even read', async () => {
    const bomb = await gzipped(new Uint8Array(20_000_000).fill(0x20))
    // Cut in the middle: reading on to there would be ERR_CODEC.
    const cut = bomb.subarray(0, bomb.length >> 1)

    await expect(unpack(cut, json, 100_000)).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
  })

  it('is inflated once: gzip within gzip is no message', async () => {
    const twice = await gzipped(await gzipped(encodeUtf8('{"v":1}')))

    await expect(unpack(twice, json, 1000)).rejects.toMatchObject({ code: 'ERR_CODEC' })
  })

  it('is ERR_CODEC when its checksum is wrong or something follows it', async () => {
    const good = await gzipped(encodeUtf8('{"v":1}'))
    const flipped = good.slice()
    flipped[flipped.length - 5] = 0xff ^ (good.at(-5) ?? 0)

    await expect(unpack(flipped, json, 1000)).rejects.toMatchObject({ code: 'ERR_CODEC' })
    await expect(unpack(Uint8Array.from([...good, 1, 2, 3]), json, 1000)).rejects.toMatchObject({
      code: 'ERR_CODEC',
    })
  })
})

describe('a reader', () => {
  it('with MessagePack understands what writers of JSON wrote', async () => {
    const bytes = await pack(long, LIMITS)

    expect(await unpack(bytes, messagePack(), LIMITS.maxMessageBytes)).toEqual(long)
  })

  it('without MessagePack finds it unreadable', async () => {
    const bytes = await pack({ v: 1, op: 'beat' }, { ...LIMITS, codec: messagePack() })

    await expect(unpack(bytes, json, 1000)).rejects.toMatchObject({ code: 'ERR_CODEC' })
  })

  it('is ERR_CODEC for a MessagePack that announces more than there is', async () => {
    // A map of 2^32 - 1 pairs, in five bytes.
    const boast = Uint8Array.from([0xdf, 0xff, 0xff, 0xff, 0xff])

    await expect(unpack(boast, messagePack(), 1000)).rejects.toMatchObject({ code: 'ERR_CODEC' })
  })

  it.each([[''], ['nonsense'], ['{"v":1'], ['{"v":1}}'], ["{'v':1}"], ['NaN']])(
    'is ERR_CODEC for the text %j',
    async (text) => {
      await expect(unpack(encodeUtf8(text), json, 1000)).rejects.toMatchObject({ code: 'ERR_CODEC' })
    },
  )

  it('does not mind a byte order mark before JSON', async () => {
    expect(await unpack(encodeUtf8('\ufeff{"v":1}'), json, 1000)).toEqual({ v: 1 })
  })

  it('does not repeat what it could not read', async () => {
    const failed = await unpack(encodeUtf8('s3cret'), json, 1000).catch((error: unknown) => error)

    expect((failed as Error).message).not.toContain('s3cret')
  })
})

describe('a writer', () => {
  it('refuses what JSON has no word for', async () => {
    await expect(pack({ value: 10n }, LIMITS)).rejects.toMatchObject({
      code: 'ERR_CODEC',
      message: 'the json codec cannot encode this value',
    })
  })
})

describe('JSON that is nested', () => {
  const nested = (depth: number, inner = ''): unknown =>
    JSON.parse(`${'['.repeat(depth)}${inner}${']'.repeat(depth)}`)
  const bytesOf = (depth: number) => encodeUtf8(`${'['.repeat(depth)}${']'.repeat(depth)}`)

  it('is written and read down to the bound, whatever stands in its texts', async () => {
    const message = nested(MAX_JSON_DEPTH, JSON.stringify(`\\"${'[{'.repeat(600)}`))
    const bytes = await pack(message, LIMITS)
    expect(await unpack(bytes, json, LIMITS.maxMessageBytes)).toEqual(message)
  })

  it('is neither written nor read beyond it, because JSON.stringify would overflow', async () => {
    await expect(pack(nested(MAX_JSON_DEPTH + 1), LIMITS)).rejects.toMatchObject({ code: 'ERR_CODEC' })
    for (const depth of [MAX_JSON_DEPTH + 1, 10_000, 400_000])
      await expect(unpack(bytesOf(depth), json, LIMITS.maxMessageBytes)).rejects.toMatchObject({
        code: 'ERR_CODEC',
      })
  })
})
