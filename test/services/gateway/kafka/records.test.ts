import { crc32c, createRecordsBatch } from '@platformatic/kafka'
import type { MessageRecord } from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { sliceOf, type UnreadableBatch } from '../../../../services/gateway/kafka/records.ts'
import { evictionOf, decodeRecord } from '../../../../src/coherence/apply-eviction.ts'
import { json } from '../../../../src/wire/codec.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const [CRC, ATTRIBUTES, MAGIC, RECORDS] = [17, 21, 16, 61]
const KIB = 1024

/** Bytes of a batch as a broker holds it, from offset `first` on. */
function batch(
  first: number,
  values: readonly (Buffer | string)[],
  compression: (typeof CODECS)[number] = 'none',
) {
  const messages = values.map((value): MessageRecord => ({
    topic: 't',
    partition: 0,
    key: Buffer.from('k'),
    value: Buffer.from(value),
    timestamp: 1_700_000_000_000n,
    headers: new Map([[Buffer.from('h'), Buffer.from('1')]]),
  }))
  const bytes = Buffer.from(createRecordsBatch(messages, { compression }).buffer)
  bytes.writeBigInt64BE(BigInt(first), 0)
  return bytes
}

/** After a change of what the checksum is of. */
function sealed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES)), CRC)
  return bytes
}

function read(
  batches: readonly Buffer[],
  offset = 0,
  bounds: { maxBytes?: number; maxBatchBytes?: number } = {},
) {
  const told: UnreadableBatch[] = []
  const slice = sliceOf(
    { topic: 't', partition: 0, offset },
    {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 100n,
      logStartOffset: 0n,
      abortedTransactions: null,
      batches: Buffer.concat(batches),
    },
    {
      maxBytes: 1_000_000,
      maxBatchBytes: 64 * KIB,
      ...bounds,
      onUnreadable: (one) => void told.push(one),
    },
  )
  const shown = slice.records.map(({ offset: at, key, value }) =>
    key === null ? `${at}: unreadable` : `${at}: ${Buffer.from(value!).toString()}`,
  )
  return { ...slice, shown, told }
}

/** With one bit of a value changed, and nothing else. */
function flipped(bytes: Buffer, text: string): Buffer {
  bytes[bytes.indexOf(text)]! ^= 1
  return bytes
}

const reseal = (change: (bytes: Buffer) => void) => () => sealed(batch(3, ['x', 'y']), change)

describe('records of a fetch', () => {
  it.each(CODECS)('are read where they are compressed with %s', (codec) => {
    const values = ['a', 'b'.repeat(5000), '', 'zürich ☃']
    const found = read([batch(7, values, codec), batch(11, ['after'], codec)], 8)
    expect(found.shown).toEqual([8, 9, 10].map((at) => `${at}: ${values[at - 7]}`).concat('11: after'))
    expect(found).toMatchObject({ next: 12, told: [] })
    expect(found.records[0]).toMatchObject({
      timestamp: 1_700_000_000_000,
      headers: [{ name: 'h', value: new Uint8Array([0x31]) }],
    })
  })

  it.each([1, 2, 5, 9, 1000])('go on where an answer of %i bytes has ended', (maxBytes) => {
    const log = [batch(0, ['1234', '5', '', '678']), batch(4, ['9'.repeat(20), '0'])]
    const seen: string[] = []
    for (let offset = 0; offset < 6;) {
      const found = read(log, offset, { maxBytes })
      expect(found.next).toBeGreaterThan(offset)
      seen.push(...found.shown)
      offset = found.next
    }
    expect(seen).toEqual(['0: 1234', '1: 5', '2: ', '3: 678', `4: ${'9'.repeat(20)}`, '5: 0'])
  })

  it('leave out a batch that is cut off, for the next answer', () => {
    const second = batch(2, ['c', 'd'])
    expect(read([batch(0, ['a', 'b']), second.subarray(0, second.length - 1)])).toMatchObject({
      shown: ['0: a', '1: b'],
      next: 2,
    })
    expect(read([second.subarray(0, 30)], 2)).toMatchObject({ shown: [], next: 2 })
  })
})

describe('a batch that cannot be read', () => {
  const zeros = Buffer.alloc(65 * KIB)

  it.each([
    ...CODECS.slice(1).map((codec) => [`a bomb of ${codec}`, () => batch(3, ['x', zeros], codec)] as const),
    ['a wrong checksum', () => flipped(batch(3, ['x'.repeat(9), 'y']), 'xxx')],
    ['a codec that does not exist', reseal((bytes) => bytes.writeInt16BE(6, ATTRIBUTES))],
    ['gzip that is none', reseal((bytes) => bytes.writeInt16BE(1, ATTRIBUTES))],
    ['snappy that is none', reseal((bytes) => bytes.writeInt16BE(2, ATTRIBUTES))],
    ['lz4 that is none', reseal((bytes) => bytes.writeInt16BE(3, ATTRIBUTES))],
    ['zstd that is none', reseal((bytes) => bytes.writeInt16BE(4, ATTRIBUTES))],
    ['a record longer than its batch', reseal((bytes) => bytes.writeInt8(120, RECORDS))],
    [
      'a record longer than its fields',
      reseal((bytes) => bytes.writeInt8(bytes.readInt8(RECORDS) + 2, RECORDS)),
    ],
    ['more records than it has', reseal((bytes) => bytes.writeInt32BE(3, RECORDS - 4))],
    ['an old format', () => ((bytes) => (bytes.writeInt8(1, MAGIC), bytes))(batch(3, ['x', 'y']))],
  ] as const)('for %s, is one record that evicts everything, and what follows is read', async (_, make) => {
    for (const offset of [3, 4]) {
      const found = read([make(), batch(5, ['after'])], offset)
      expect(found.shown).toEqual(['4: unreadable', '5: after'])
      expect(found.next).toBe(6)
      expect(found.told).toMatchObject([{ topic: 't', partition: 0, from: offset, offset: 4 }])
      const { key, value, headers } = found.records[0]!
      expect(headers).toMatchObject([{ name: 'kedge-unreadable' }])
      const decoded = await decodeRecord({ partition: 0, offset: 4, key, value }, json, 1_000_000)
      expect(evictionOf(decoded, new Set())).toMatchObject({
        all: true,
        namespace: undefined,
        unreadable: true,
      })
    }
  })

  it('shows nothing of it, even where its beginning could be read', () => {
    const half = sealed(batch(3, ['good', 'evil']), (bytes) => bytes.writeInt8(0x7e, bytes.length - 16))
    expect(read([batch(0, ['a', 'b', 'c']), half]).shown).toEqual(['0: a', '1: b', '2: c', '4: unreadable'])
  })

  it('never moves a reader behind it beyond the log, or back', () => {
    const lying = (delta: number) => {
      const bytes = batch(3, ['x', 'y'])
      bytes.writeInt32BE(delta, ATTRIBUTES + 2)
      return bytes
    }
    expect(read([lying(2_000_000_000)], 3)).toMatchObject({ shown: ['3: unreadable'], next: 4 })
    expect(read([lying(-9)], 4)).toMatchObject({ shown: ['4: unreadable'], next: 5 })
    const short = batch(3, ['x', 'y'])
    short.writeInt32BE(-7, 8)
    expect(read([short], 3)).toMatchObject({ shown: ['4: unreadable'], next: 5 })
  })

  it('is read where it inflates to no more than it may', () => {
    for (const codec of CODECS) {
      const found = read([batch(3, ['x', Buffer.alloc(63 * KIB)], codec)], 3)
      expect([codec, found.next, found.told]).toEqual([codec, 5, []])
    }
  })

  it('knows the size of an lz4 frame before it is inflated, whatever its blocks are', () => {
    const mixed = Buffer.concat([Buffer.alloc(20 * KIB, 'ab'), Buffer.from('kedge'.repeat(99)), zeros])
    for (const size of [1, 100, 5000, mixed.length - 300]) {
      const values = [mixed.subarray(0, size)]
      const plain = batch(0, values).length - RECORDS
      expect(read([batch(0, values, 'lz4')], 0, { maxBatchBytes: plain }).told).toEqual([])
      expect(read([batch(0, values, 'lz4')], 0, { maxBatchBytes: plain - 1 }).told).toHaveLength(1)
    }
  })
})
