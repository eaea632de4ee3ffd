/** Tokens, hashes, durations and lifetimes: the laws that others count on. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { encodeUtf8, json, pack, unpack } from '../../../src/wire/codec.ts'
import { durationMs, MAX_DURATION_MS } from '../../../src/runtime/duration.ts'
import { isKedgeError } from '../../../src/index.ts'
import { ttlOf } from '../../../src/coherence/ttl-and-tags.ts'
import { readEviction } from '../../../src/wire/read-eviction.ts'
import { readUpdate } from '../../../src/wire/read-update.ts'
import { murmur2, partitionOf } from '../../../src/wire/partitioner.ts'
import { formatToken, joinTokens, parseToken } from '../../../src/wire/token.ts'
import type { Duration } from '../../../src/runtime/duration.ts'

const positions = fc
  .array(fc.tuple(fc.nat(99_999), fc.maxSafeNat()), { minLength: 1, maxLength: 60 })
  .map((pairs) => new Map(pairs))
const token = positions.map(formatToken)

describe('tokens', () => {
  it('come back as the positions that they were made of', () => {
    fc.assert(
      fc.property(positions, (all) => {
        expect(new Map(parseToken(formatToken(all)))).toEqual(all)
      }),
    )
  })

  it('are joined in any order and any number of times to the same one, which has passed all of them', () => {
    fc.assert(
      fc.property(token, token, token, (a, b, c) => {
        const joined = joinTokens(a, b)!
        expect(joinTokens(b, a)).toBe(joined)
        expect(joinTokens(joined, c)).toBe(joinTokens(a, joinTokens(b, c)))
        expect(joinTokens(joined, joined, a, undefined)).toBe(joined)
        for (const one of [a, b])
          for (const [partition, offset] of parseToken(one))
            expect(parseToken(joined).get(partition)).toBeGreaterThanOrEqual(offset)
      }),
    )
  })

  it('are read from any text, or it is refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^k1(\.\d{0,6}-\d{0,18}){0,3}$/)),
        (text) => {
          try {
            expect(parseToken(text).size).toBeGreaterThan(0)
          } catch (error) {
            expect(isKedgeError(error) && error.code).toBe('ERR_TOKEN')
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

const id = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => text.length > 0 && !/\p{Surrogate}/u.test(text))
const ids = fc.option(fc.array(id, { minLength: 1, maxLength: 5 }), { nil: undefined })
const version = fc.option(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  { nil: undefined },
)
const evicts = fc.record({
  v: fc.constant(1),
  op: fc.constant('evict'),
  ns: fc.constantFrom('users', 'a.b-c_d'),
  keys: fc.array(id, { minLength: 1, maxLength: 5 }),
  tags: ids,
  prefixes: ids,
  version,
})
const puts = fc.record({
  v: fc.constant(1),
  op: fc.constant('put'),
  ns: fc.constant('users'),
  key: id,
  value: fc.jsonValue(),
  ttl: fc.integer({ min: 1 }),
  at: fc.nat(),
  asOf: fc.maxSafeNat(),
  tags: ids,
  version,
})

const MESSAGEPACK = messagePack()

describe('messages', () => {
  it.each([
    ['JSON', json],
    ['MessagePack', MESSAGEPACK],
  ])(
    'written in %s, gzipped or not, are read as they were, by readers that write another way as well',
    async (_, codec) => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(evicts, puts),
          fc.constantFrom(0, Infinity),
          async (message, gzipAboveBytes) => {
            // -0 is 0 in JSON; MessagePack's reader refuses one name.
            const said = JSON.parse(JSON.stringify(message)) as unknown
            fc.pre(codec === json || !JSON.stringify(said).includes('"__proto__"'))
            const bytes = await pack(said, { codec, gzipAboveBytes, maxMessageBytes: 100_000 })
            expect(bytes.length).toBeLessThanOrEqual(100_000 + 64)
            for (const reader of codec === json ? [json, MESSAGEPACK] : [MESSAGEPACK]) {
              const found = await unpack(bytes, reader, 100_000)
              expect(found).toEqual(said)
              const read = (what: unknown) => [
                readEviction(what, 'users', () => true),
                readUpdate(
                  what,
                  'users/7',
                  () => true,
                  () => 1,
                ),
              ]
              expect(read(found)).toEqual(read(said))
            }
          },
        ),
        { numRuns: 150 },
      )
    },
  )

  it('beyond the bound are neither written nor read, at whatever size it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 16, max: 3000 }),
        async (length, maxMessageBytes) => {
          const value = 'x'.repeat(length)
          const size = length + 2
          const packed = await pack(value, { codec: json, gzipAboveBytes: 64, maxMessageBytes: 10_000 })
          const code = (error: unknown) => (isKedgeError(error) ? error.code : error)
          expect(await unpack(packed, json, maxMessageBytes).catch(code)).toBe(
            size <= maxMessageBytes ? value : 'ERR_TOO_LARGE',
          )
          const written = await pack(value, { codec: json, gzipAboveBytes: 64, maxMessageBytes }).catch(code)
          expect(typeof written === 'string').toBe(size > maxMessageBytes)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('partitions of keys', () => {
  it('are within the count, and the same for the same bytes, wherever they stand in their buffer', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.nat(7),
        (bytes, count, shift) => {
          const partition = partitionOf(bytes, count)
          expect(partition >= 0 && partition < count && Number.isInteger(partition)).toBe(true)
          const moved = new Uint8Array([...Array<number>(shift).fill(255), ...bytes]).subarray(shift)
          expect(murmur2(moved)).toBe(murmur2(bytes))
          expect(partitionOf(moved, count)).toBe(partition)
        },
      ),
    )
  })

  it('are those of Java', () => {
    // org.apache.kafka.common.utils.UtilsTest#testMurmur2
    const hashes = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      abc: 479470107,
    }
    for (const [text, hash] of Object.entries(hashes)) expect(murmur2(encodeUtf8(text))).toBe(hash)
  })
})

describe('lengths of time', () => {
  it('are whole milliseconds that a timer can hold, or refused by name', () => {
    const given = fc.oneof(
      fc.double(),
      fc.string(),
      fc.stringMatching(/^\d{1,20}(\.\d{1,5})?(ms|s|m|h|d)$/),
      fc.anything(),
    )
    fc.assert(
      fc.property(given, (duration) => {
        // What is neither a number nor a text is for the schemas to refuse.
        fc.pre(typeof duration === 'number' || typeof duration === 'string')
        try {
          const ms = durationMs(duration as Duration, 'ttl')
          expect(Number.isSafeInteger(ms) && ms >= 0 && ms <= MAX_DURATION_MS).toBe(true)
          if (typeof duration === 'number') expect(ms).toBe(Math.min(Math.ceil(duration), MAX_DURATION_MS))
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          expect((error as Error).message).toContain('`ttl`')
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('are never made longer by jitter, nor without end by a function that returns nonsense', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.constantFrom('5m', '1e3', 'NaN')),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (ttl, jitter, random) => {
          const plain = (of: number): number | undefined => {
            try {
              return ttlOf(undefined, { ttl: () => ttl as Duration, jitter: of }, random)
            } catch (error) {
              expect(error).toBeInstanceOf(TypeError)
              return undefined
            }
          }
          const [whole, less] = [plain(0), plain(jitter)]
          expect(less === undefined).toBe(whole === undefined)
          if (whole === undefined || less === undefined) return
          expect(Number.isSafeInteger(less) && less >= 0 && less <= whole && whole <= MAX_DURATION_MS).toBe(
            true,
          )
        },
      ),
      { numRuns: 1000 },
    )
  })
})
