/** Bytes that hold a message: MessagePack and gzip, broken; and gzip that inflates beyond every limit. */
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../adapters/codecs/messagepack.ts'
import { json, unpack } from '../../src/wire/codec.ts'
import { isKedgeError } from '../../src/index.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { EVICTIONS, UPDATES, WRITES } from './corpus.ts'
import type { Dice } from './dice.ts'
import { changedBytes, joined, mutant, randomBytes, textOf } from './mutation.ts'

const ALL = [...UPDATES, ...WRITES, ...EVICTIONS]
const codec = messagePack()
const packed = ALL.map((message) => codec.encode(message))
const MAX_MESSAGE_BYTES = 64_000

/** Heads that announce more than there is: arrays, maps, texts, bytes, extensions; and what nests. */
const HEADS = [
  [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff], [0xc6, 0x7f, 0xff, 0xff, 0xff], [0xc9, 0xff, 0xff, 0xff, 0xff, 1],
  [0xdc, 0xff, 0xff], [0xde, 0xff, 0xff], [0xc1], [0xd6, 0xff, 0, 0, 0, 0], [0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xc7, 12, 0xff, ...Array<number>(12).fill(0xff)],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], [0xcf, ...Array<number>(8).fill(0xff)], [0xa9, ...Buffer.from('__proto__')], [0xab, ...Buffer.from('constructor')],
  Array<number>(200).fill(0x91), Array<number>(200).fill(0x81), [0x81, 0xc0, 0xc0], [0x81, 0x90, 0xc0],
] // prettier-ignore

function makePacked(dice: Dice): Uint8Array {
  const bytes = dice.pick(packed)
  if (dice.chance(0.03)) return bytes
  if (dice.chance(0.03)) return joined([0x80 + dice.below(16)], randomBytes(dice, 64))
  if (dice.chance(0.3)) {
    const at = dice.below(bytes.length)
    return joined(bytes.subarray(0, at), dice.pick(HEADS), bytes.subarray(at + dice.below(8)))
  }
  if (dice.chance(0.001)) return joined([0x81, 0xa1, 0x61], Array<number>(50_000).fill(0x91), [0xc0])
  return changedBytes(bytes, dice, dice.pick(packed))
}

/** How many values are in a value, and how deep, without recursion. */
function sizeOf(value: unknown): { size: number; depth: number } {
  let size = 0
  let depth = 0
  const open: (readonly [part: unknown, level: number])[] = [[value, 1]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [part, level] = next
    size++
    depth = Math.max(depth, level)
    const isPlain =
      typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype
    if (isPlain || Array.isArray(part)) for (const inner of Object.values(part)) open.push([inner, level + 1])
  }
  return { size, depth }
}

/** What `messagePack()` allows, and the value within. */
const MAX_DEPTH = 65

async function feedPacked(bytes: Uint8Array): Promise<string> {
  try {
    const found = await unpack(bytes, codec, MAX_MESSAGE_BYTES)
    const { size, depth } = sizeOf(found)
    if (size > bytes.length) throw new Error('more was decoded than there were bytes')
    if (codec.detects(bytes) && depth > MAX_DEPTH) throw new Error(`it is ${depth} levels deep`)
    return codec.detects(bytes) ? 'messagepack' : 'json'
  } catch (error) {
    if (!isKedgeError(error) || error.code !== 'ERR_CODEC') throw error
    return 'refused'
  }
}

/** How much of gzip was inflated since this was last asked: streams are counted where they come out. */
const inflated = { bytes: 0 }
const Original = globalThis.DecompressionStream

class CountedDecompressionStream {
  readonly writable: WritableStream
  readonly readable: ReadableStream<Uint8Array>
  constructor(format: CompressionFormat) {
    const { readable, writable } = new Original(format)
    this.writable = writable
    this.readable = (readable as ReadableStream<Uint8Array>).pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>(
        {
          transform: (chunk, controller) => {
            inflated.bytes += chunk.length
            controller.enqueue(chunk)
          },
        },
        undefined,
        { highWaterMark: 0 },
      ),
    )
  }
}

async function counting<T>(task: () => Promise<T>): Promise<T> {
  globalThis.DecompressionStream = CountedDecompressionStream as unknown as typeof DecompressionStream
  try {
    return await task()
  } finally {
    globalThis.DecompressionStream = Original
  }
}

/** What zlib gives at once. */
const CHUNK = 65_536

const small = ALL.map((message) => gzipSync(textOf(message)))
const BOMBS = [
  gzipSync(Buffer.alloc(20_000_000, 0x20)),
  gzipSync(Buffer.alloc(5_000_000)),
  gzipSync(`{"v":1,"op":"clear","x":"${'x'.repeat(3_000_000)}"}`),
  gzipSync('['.repeat(3_000_000)),
  gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0x20)),
]
const nested = gzipSync(gzipSync(textOf(EVICTIONS[0])))

function makeGzip(dice: Dice): Uint8Array {
  const kind = dice.random()
  if (kind < 0.15) return dice.pick(small)
  if (kind < 0.2) return dice.pick(BOMBS)
  if (kind < 0.22) return nested
  if (kind < 0.3) {
    const bytes = dice.pick([...small, ...BOMBS])
    return bytes.subarray(0, dice.below(bytes.length))
  }
  if (kind < 0.35) return joined(dice.pick(small), dice.pick(dice.chance(0.5) ? small : BOMBS))
  if (kind < 0.4) return joined([0x1f, 0x8b], randomBytes(dice, 64))
  if (kind < 0.5) return gzipSync(mutant(ALL, dice))
  return changedBytes(dice.pick(small), dice)
}

async function feedGzip(bytes: Uint8Array): Promise<string> {
  inflated.bytes = 0
  const outcome = await unpack(bytes, json, MAX_MESSAGE_BYTES).then(
    () => 'read',
    (error: unknown) => {
      if (isKedgeError(error) && (error.code === 'ERR_CODEC' || error.code === 'ERR_TOO_LARGE'))
        return error.code
      throw error
    },
  )
  if (inflated.bytes > MAX_MESSAGE_BYTES + 2 * CHUNK) throw new Error(`${inflated.bytes} bytes were inflated`)
  return outcome
}

describe('packed bytes', () => {
  it(
    called('messagepack', 'in MessagePack are read or refused, and never announce more than they are'),
    TIMEOUT,
    async () => {
      await run({
        decoder: 'messagepack',
        make: makePacked,
        feed: feedPacked,
        show: (bytes) => bytes,
        sees: ['messagepack', 'refused'],
      })
    },
  )

  it(
    called('gzip', 'in gzip are read or refused, and inflate no further than the bound'),
    TIMEOUT,
    async () => {
      await counting(() =>
        run({
          decoder: 'gzip',
          make: makeGzip,
          feed: feedGzip,
          show: (bytes) => bytes,
          sees: ['read', 'ERR_CODEC', 'ERR_TOO_LARGE'],
        }),
      )
      expect(inflated.bytes).toBeGreaterThanOrEqual(0)
    },
  )
})
