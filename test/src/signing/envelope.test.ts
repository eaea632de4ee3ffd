/** Where a signature stands in the bytes of a message: a reader without keys reads the message as before. */
import { gzipSync } from 'node:zlib'
import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { open, seal } from '../../../src/signing/envelope.ts'
import { encodeUtf8, pack, unpack } from '../../../src/wire/codec.ts'

const SIGNATURE = `k1.1700000000000.${'A'.repeat(43)}`
const MESSAGE = { v: 1, op: 'evict', ns: 'users', keys: ['7', 'ключ', '"sig":"'] }
const codec = messagePack()
const members = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at]))
const plain = { codec, gzipAboveBytes: Infinity, maxMessageBytes: 1e6 }

const bodies: readonly (readonly [string, Uint8Array, unknown])[] = [
  ['JSON', encodeUtf8(JSON.stringify(MESSAGE)), MESSAGE],
  ['JSON with white space in it', encodeUtf8(JSON.stringify(MESSAGE, null, 2)), MESSAGE],
  ['gzip of the platform', await pack(MESSAGE, { ...plain, gzipAboveBytes: 1 }), MESSAGE],
  ['gzip of zlib', gzipSync(JSON.stringify(MESSAGE)), MESSAGE],
  ['MessagePack', codec.encode(MESSAGE), MESSAGE],
  ['MessagePack of 14 members', encode(members(14)), members(14)],
  ['MessagePack of 15 members', encode(members(15)), members(15)],
  ['MessagePack of 16 members', encode(members(16)), members(16)],
]

describe.each(bodies)('%s', (_, body, message) => {
  it('gives back its signature, and the exact bytes that were signed', () => {
    const sealed = seal(body, SIGNATURE)!
    expect(open(sealed)).toEqual({ body: new Uint8Array(body), signature: SIGNATURE })
  })

  it('is read as before by who does not look at signatures', async () => {
    const read = (await unpack(seal(body, SIGNATURE)!, codec, 1e6)) as Record<string, unknown>
    const { sig, ...rest } = read
    expect([undefined, SIGNATURE]).toContain(sig)
    expect(rest).toEqual(message)
  })

  it('has no signature before it is signed', () => {
    expect(open(body)).toBeUndefined()
  })

  it('has none where its end was cut off, or something follows', () => {
    const sealed = seal(body, SIGNATURE)!
    const more = new Uint8Array([...sealed, 0x20])
    if (sealed[0] !== 0x1f) expect([open(sealed.subarray(0, -1)), open(more)]).toEqual([undefined, undefined])
    else expect(open(more)!.body).not.toEqual(new Uint8Array(body))
  })
})

it.each([
  ['nothing', ''],
  ['a list', '[1]'],
  ['an empty object', '{}'],
  ['text', 'hello'],
  ['an object with a line feed after it', '{"key":"7"}\n'],
])('%s cannot be signed', (_, text) => {
  expect(seal(encodeUtf8(text), SIGNATURE)).toBeUndefined()
})

it.each([
  ['a gzip header that has a name', gzipWith(8)],
  ['a gzip header that is cut off', Uint8Array.of(0x1f, 0x8b, 8)],
  ['a map that says its size longer than it must', Uint8Array.of(0xde, 0, 1, 0xa1, 0x61, 1)],
])('%s cannot be signed', (_, body) => {
  expect(seal(body, SIGNATURE)).toBeUndefined()
})

function gzipWith(flags: number): Uint8Array {
  const bytes = new Uint8Array(gzipSync('{"key":"7"}'))
  bytes[3] = flags
  return bytes
}

it.each([
  ['no moment', `k1..${'A'.repeat(43)}`],
  ['a short code', `k1.1.${'A'.repeat(42)}`],
  ['no key', `.1.${'A'.repeat(43)}`],
  ['a key that is too long', `${'k'.repeat(33)}.1.${'A'.repeat(43)}`],
])('a signature with %s is none', (_, signature) => {
  expect(open(encodeUtf8(`{"key":"7","sig":"${signature}"}`))).toBeUndefined()
})
