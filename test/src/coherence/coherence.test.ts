import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { encodeUtf8, json, pack } from '../../../src/wire/codec.ts'
import { applyEviction, decodeRecord, evictionOf } from '../../../src/coherence/apply-eviction.ts'
import type { DecodedRecord } from '../../../src/coherence/apply-eviction.ts'
import { EvictionTable } from '../../../src/coherence/eviction-table.ts'
import type { LogRecord } from '../../../src/ports/kafka-log.ts'
import type { Intent } from '../../../src/wire/read-eviction.ts'
import type { Message } from '../../../src/wire/messages.ts'
import type { EvictionTerms } from '../../../src/coherence/eviction-mark.ts'
import type { EvictionTarget } from '../../../src/coherence/partition.ts'

/** A target that records the calls it gets. */
class Listener implements EvictionTarget {
  readonly name: string
  readonly told: unknown[] = []

  constructor(name: string) {
    this.name = name
  }
  evictKey(key: string, offset: number, { version }: EvictionTerms): void {
    this.told.push(version === undefined ? ['key', key, offset] : ['key', key, offset, version])
  }
  evictTag(tag: string, offset: number): void {
    this.told.push(['tag', tag, offset])
  }
  evictPrefix(prefix: string, offset: number): void {
    this.told.push(['prefix', prefix, offset])
  }
  evictAll(offset: number): void {
    this.told.push(['all', offset])
  }
  intends(keys: readonly string[], intent: Intent, offset: number): void {
    this.told.push(['intends', keys, intent.id, offset])
  }
  closes(id: string): void {
    this.told.push(['closes', id])
  }
  remembers(spanMs: number): void {
    this.told.push(['remembers', spanMs])
  }
  extend(): void {}
  forgetAges(): void {}
  dropPossiblyEvicted(): void {}
  reanchor(): void {
    this.told.push(['reanchor'])
  }
}

interface Held {
  readonly key: string
  readonly asOf: number
  readonly tags: readonly string[]
  readonly version: number | undefined
}

/** A target that holds values, and drops what an eviction kills. */
class Holder implements EvictionTarget {
  readonly name: string
  readonly #held: Set<Held>
  readonly #table = new EvictionTable({
    onMark: () => undefined,
    horizon: 0,
    maxMarks: 1000,
    dropGroupKilled: () => undefined,
    onHorizon: () => undefined,
  })

  constructor(name: string, held: readonly Held[]) {
    this.name = name
    this.#held = new Set(held)
  }
  evictKey(key: string, offset: number, terms: EvictionTerms): void {
    this.#table.evictKey(key, offset, 0, terms)
  }
  evictTag(tag: string, offset: number): void {
    this.#table.evictTag(tag, offset, 0)
  }
  evictPrefix(prefix: string, offset: number): void {
    this.#table.evictPrefix(prefix, offset, 0)
  }
  evictAll(offset: number): void {
    this.#table.clear(offset, 0)
  }
  intends(): void {}
  closes(): void {}
  remembers(): void {}
  extend(): void {}
  forgetAges(): void {}
  dropPossiblyEvicted(): void {}
  reanchor(): void {
    this.#held.clear()
  }
  /** What stands after all calls that it got. */
  get standing(): readonly Held[] {
    return [...this.#held].filter((value) => this.#table.refuses(value.key, value) === undefined)
  }
}

const record = (
  value: Uint8Array | string | null,
  key: Uint8Array | string | null = null,
  offset = 7,
): LogRecord => ({
  partition: 0,
  offset,
  key: typeof key === 'string' ? encodeUtf8(key) : key,
  value: typeof value === 'string' ? encodeUtf8(value) : value,
})

const decoded = (
  value: Uint8Array | string | null,
  key?: Uint8Array | string | null,
): Promise<DecodedRecord> => decodeRecord(record(value, key), json, 10_000)

/** Which calls the targets get for a record at offset 7, by their names. */
async function told(value: Uint8Array | string | null, key?: Uint8Array | string | null, self?: string) {
  const targets = new Set([new Listener('users'), new Listener('orders')])
  applyEviction(targets, evictionOf(await decoded(value, key), targets), 7, self)
  return Object.fromEntries([...targets].map((target) => [target.name, target.told]))
}

const bytesOf = (message: Message) =>
  pack(message, { codec: json, gzipAboveBytes: 64, maxMessageBytes: 10_000 })

describe('decoding a record', () => {
  it('yields its message and its key', async () => {
    expect(await decoded('{"v":1,"op":"beat"}', 'users')).toMatchObject({
      message: { v: 1, op: 'beat' },
      recordKey: 'users',
      error: undefined,
    })
  })

  it('reads gzip, and the configured codec', async () => {
    const message = { v: 1, op: 'clear', ns: 'users' } as const
    const options = { codec: messagePack(), gzipAboveBytes: 0, maxMessageBytes: 1000 }
    const bytes = await pack(message, options)

    expect((await decodeRecord(record(bytes), messagePack(), 1000)).message).toEqual(message)
  })

  it('takes a null or empty value for none, and that for no mistake', async () => {
    for (const none of [null, '']) {
      expect(await decoded(none, 'users')).toMatchObject({
        message: undefined,
        recordKey: 'users',
        error: undefined,
      })
    }
  })

  it('never rejects, and keeps the reason why nothing could be read', async () => {
    const unreadable = ['nonsense', Uint8Array.from([0x1f, 0x8b, 1, 2, 3]), Uint8Array.from([0xff, 0xfe])]
    for (const value of unreadable) {
      expect(await decoded(value, 'users')).toMatchObject({
        message: undefined,
        recordKey: 'users',
        error: { name: 'KedgeError', code: 'ERR_CODEC' },
      })
    }
    const tooLarge = `{"value":"${'x'.repeat(20_000)}"}`
    expect((await decoded(tooLarge)).error).toMatchObject({ code: 'ERR_TOO_LARGE' })
  })

  it('has no key where there is none, or it is no text', async () => {
    expect((await decoded('{}', null)).recordKey).toBeUndefined()
    expect((await decoded('{}', Uint8Array.from([0xff]))).recordKey).toBeUndefined()
  })

  it('never rejects, whatever the bytes are', async () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 60 }))
    await fc.assert(
      fc.asyncProperty(bytes, bytes, fc.boolean(), async (key, value, asGzip) => {
        const given = asGzip && value ? Uint8Array.from([0x1f, 0x8b, 8, 0, ...value]) : value
        const { message, error } = await decodeRecord(record(given, key), messagePack(), 1000)
        expect(message === undefined || error === undefined).toBe(true)
      }),
    )
  })
})

describe('an eviction in the log', () => {
  it('reaches the namespace that it names, and no other', async () => {
    const message = { v: 1, op: 'evict', ns: 'users', keys: ['42'], tags: ['t'], prefixes: ['p'] } as const

    expect(await told(await bytesOf(message), 'users')).toEqual({
      users: [
        ['key', '42', 7],
        ['tag', 't', 7],
        ['prefix', 'p', 7],
      ],
      orders: [],
    })
  })

  it('hands on its version', async () => {
    expect(await told(await bytesOf({ v: 1, op: 'evict', ns: 'users', keys: ['42'], version: 3 }))).toEqual({
      users: [['key', '42', 7, 3]],
      orders: [],
    })
  })

  it('of everything reaches every namespace', async () => {
    expect(await told(await bytesOf({ v: 1, op: 'clear' }))).toEqual({
      users: [['all', 7]],
      orders: [['all', 7]],
    })
    expect(await told(await bytesOf({ v: 1, op: 'clear', ns: 'orders' }))).toEqual({
      users: [],
      orders: [['all', 7]],
    })
  })

  it('of a namespace that is not used here reaches none', async () => {
    expect(await told('{"v":1,"op":"evict","ns":"carts","keys":["42"]}', 'carts')).toEqual({
      users: [],
      orders: [],
    })
    expect(await told('{"v":9,"op":"unheard-of","ns":"carts"}', 'users')).toEqual({ users: [], orders: [] })
  })

  it('by a heartbeat reaches none', async () => {
    expect(await told(await bytesOf({ v: 1, op: 'beat' }))).toEqual({ users: [], orders: [] })
  })

  it('in the simple form reaches its key in every namespace, or in the one that the record key names', async () => {
    expect(await told('{"key":"42"}')).toEqual({ users: [['key', '42', 7]], orders: [['key', '42', 7]] })
    expect(await told('{"key":42}', 'users')).toEqual({ users: [['key', '42', 7]], orders: [] })
  })

  it('that cannot be read evicts more, never less', async () => {
    const everything = { users: [['all', 7]], orders: [['all', 7]] }

    expect(await told('nonsense')).toEqual(everything)
    expect(await told('nonsense', Uint8Array.from([0xff]))).toEqual(everything)
    expect(await told(null)).toEqual(everything)
    expect(await told('nonsense', 'orders')).toEqual(everything)
    expect(await told('nonsense', '42')).toEqual(everything)
    expect(await told(null, 'orders')).toEqual({
      users: [['key', 'orders', 7]],
      orders: [
        ['all', 7],
        ['key', 'orders', 7],
      ],
    })
    // Two bytes may be a number as well.
    const keys = [
      ['key', '42', 7],
      ['key', '13362', 7],
    ]
    expect(await told(null, '42')).toEqual({ users: keys, orders: keys })
  })

  it('is counted as unreadable where it is, and where it could not be decoded', async () => {
    const unreadable = async (value: string | null, key?: string) =>
      evictionOf(await decoded(value, key), new Set([new Listener('users')])).unreadable

    expect(await unreadable('nonsense', '42')).toBe(true)
    expect(await unreadable('{}', '42')).toBe(true)
    expect(await unreadable('{"v":2,"op":"evict","ns":"users"}')).toBe(true)
    expect(await unreadable(null, '42')).toBe(false)
    expect(await unreadable('{"key":"42"}')).toBe(false)
    expect(await unreadable('{"v":1,"op":"beat"}')).toBe(false)
  })
})

describe('an announced expiry', () => {
  const announced = { v: 1, op: 'evict', ns: 'users', keys: ['42'], why: 'ttl', from: 'me' } as const

  it('is ignored by the cache that announced it, and applied by the others', async () => {
    const heeded = { users: [['key', '42', 7]], orders: [] }

    expect(await told(await bytesOf(announced), 'users', 'me')).toEqual({ users: [], orders: [] })
    expect(await told(await bytesOf(announced), 'users', 'you')).toEqual(heeded)
    expect(await told(await bytesOf(announced), 'users')).toEqual(heeded)
  })

  it('is applied by its author where something has changed: only an expiry may be ignored', async () => {
    const { why: _, ...changed } = announced

    expect(await told(await bytesOf(changed), 'users', 'me')).toMatchObject({ users: [['key', '42', 7]] })
  })

  it('without an author is applied by all, also by a cache that has no name', async () => {
    const { from: _, ...anonymous } = announced

    expect(await told(await bytesOf(anonymous), 'users')).toMatchObject({ users: [['key', '42', 7]] })
  })
})

const key = fc.constantFrom('a', 'b', 'ab', 'abc', 'c')
const some = fc.array(key, { minLength: 1, maxLength: 3 })
const message = fc.oneof(
  fc.record(
    {
      v: fc.constant(1),
      op: fc.constant('evict'),
      ns: fc.constantFrom('users', 'orders', 'carts'),
      keys: some,
      tags: some,
      prefixes: some,
      version: fc.nat(4),
    },
    { requiredKeys: ['v', 'op', 'ns', 'keys'] },
  ),
  fc.record({
    v: fc.constant(1),
    op: fc.constant('evict'),
    ns: fc.constantFrom('users', 'orders'),
    keys: some,
  }),
  fc.record({ key }),
  fc.record({ v: fc.constant(1), op: fc.constant('beat') }),
  fc.record({ v: fc.constant(1), op: fc.constant('clear'), ns: fc.constantFrom('users', 'orders') }),
  fc.constant('nonsense'),
)
const records = fc
  .array(fc.tuple(message, fc.option(fc.oneof(key, fc.constantFrom('users', 'orders')))), { maxLength: 14 })
  .map((all) =>
    all.map(([value, recordKey], offset) => record(JSON.stringify(value), recordKey ?? 'a', offset)),
  )
const values = fc.array(
  fc.record<Held>({
    key,
    asOf: fc.nat(16),
    tags: fc.uniqueArray(key),
    version: fc.option(fc.nat(5), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 10 },
)

describe('the fold of the log', () => {
  const fold = (all: readonly DecodedRecord[], held: readonly Held[]) => {
    const targets = new Set([new Holder('users', held), new Holder('orders', held)])
    for (const each of all) applyEviction(targets, evictionOf(each, targets), each.record.offset)
    return [...targets].map(({ standing }) => standing)
  }

  it('leaves the same values standing in any order of the records, some of them read twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        records.chain((log) =>
          fc.tuple(fc.constant(log), fc.shuffledSubarray([...log, ...log], { minLength: log.length * 2 })),
        ),
        values,
        async ([log, twice], held) => {
          const read = (all: readonly LogRecord[]) =>
            Promise.all(all.map((each) => decodeRecord(each, json, 10_000)))
          expect(fold(await read(twice), held)).toEqual(fold(await read(log), held))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('never brings back what it has taken', async () => {
    await fc.assert(
      fc.asyncProperty(records, values, async (log, held) => {
        const read = await Promise.all(log.map((each) => decodeRecord(each, json, 10_000)))
        let before = fold([], held)
        for (let count = 1; count <= read.length; count++) {
          const after = fold(read.slice(0, count), held)
          for (const [at, standing] of after.entries()) {
            // A delete takes back the versions named before it: no eviction of the future bars its values for good.
            const past = [...standing].filter(({ asOf }) => asOf < count)
            expect(before[at]).toEqual(expect.arrayContaining(past))
          }
          before = after
        }
      }),
      { numRuns: 60 },
    )
  })

  it('of one namespace does not change what another holds', async () => {
    const held = [{ key: 'a', asOf: 0, tags: ['a'], version: undefined }]
    const log = await Promise.all(
      [
        { v: 1, op: 'evict', ns: 'users', keys: ['a'] },
        { v: 1, op: 'clear', ns: 'users' },
        { v: 3, op: 'unheard-of', ns: 'users' },
      ].map((each, offset) => decodeRecord(record(JSON.stringify(each), 'users', offset), json, 1000)),
    )

    expect(fold(log, held)).toEqual([[], held])
  })
})
