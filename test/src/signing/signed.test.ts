/** Signed messages, with a forger who may write to the log and has no key. */
import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { createCache } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { signatures, signed } from '../../../src/signing/index.ts'
import type { SignatureEvent, SigningKey, SignMode } from '../../../src/signing/index.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../src/testing/index.ts'
import type { Cache } from '../../../src/api/cache-types.ts'
import type { CacheOptions } from '../../../src/api/options.ts'

const utf8 = new TextEncoder()
const K1: SigningKey = { id: 'k1', secret: utf8.encode('0123456789abcdef0123456789abcdef') }
const K2: SigningKey = { id: 'k2', secret: Buffer.alloc(32, 7).toString('base64') }
const open: Cache[] = []
afterEach(async () => {
  for (const cache of open.splice(0)) await cache.close()
})

function world() {
  const runtime = fakeRuntime()
  // The clock stands still, so that no two records differ by when they were written.
  const log = new MemoryLog({ now: () => runtime.now() })
  /** A record by another writer, as it is. */
  const forge = (topic: string, key: string | null, value: object | string | null) =>
    log.append(topic, {
      key: key === null ? null : utf8.encode(key),
      value: value === null ? null : utf8.encode(typeof value === 'string' ? value : JSON.stringify(value)),
    })
  const kafka = (sign: SignMode, keys: readonly SigningKey[] = [K1], more = {}) => {
    const events: SignatureEvent[] = []
    const onEvent = (event: SignatureEvent) => void events.push(event)
    return Object.assign(signed(memory({ on: log, runtime }), { keys, sign, runtime, onEvent, ...more }), {
      events,
    })
  }
  const cacheOn = (on: CacheOptions['kafka'], options: Partial<CacheOptions> = {}) => {
    const cache = createCache({ kafka: on, runtime, ...options })
    open.push(cache)
    return cache
  }
  /** The text of a record's value. */
  const text = (topic: string, offset: number) =>
    Buffer.from(
      log.read(topic, { partition: 0, offset }, { maxBytes: 1e6, isolation: 'uncommitted' })!.records[0]!
        .value!,
    ).toString()
  return { log, runtime, forge, kafka, cacheOn, text }
}

const holding = async (cache: Cache, key = '7') => {
  const users = cache.namespace<string>('users')
  await cache.sync()
  await users.getOrSet(key, () => 'Ada')
  return users
}

describe('an eviction', () => {
  it('that is signed reaches who requires it', async () => {
    const at = world()
    const kafka = at.kafka('require')
    const [writer, reader] = [at.cacheOn(at.kafka('require')), at.cacheOn(kafka)]
    const users = await holding(reader)
    await writer.namespace('users').delete('7')
    await reader.sync()
    expect(users.peek('7')).toBeUndefined()
    expect(kafka.signatures()).toMatchObject({ verified: 1, refused: 0 })
  })

  it.each([false, true])(
    'as large as it may be is read with its signature, in MessagePack: %s',
    async (packed) => {
      const at = world()
      const options = { maxMessageBytes: 2000, gzipAboveBytes: 1e6, ...(packed && { codec: messagePack() }) }
      const writer = at.cacheOn(at.kafka('require', [{ ...K1, id: 'k'.repeat(32) }]), options)
      const reader = at.cacheOn(memory({ on: at.log }), options)
      const users = await holding(reader)
      // Each message is a byte longer, until they are split: one of them is as long as it may be.
      const keys = Array.from({ length: 34 }, (_, n) => `${n}`.padEnd(48))
      for (let length = 1; length <= 400; length++)
        await writer.namespace('users').delete([...keys, 'x'.repeat(length)])
      await reader.sync()
      expect(reader.stats().refused).toBe(0)
      expect(users.peek('7')).toBe('Ada')
      const { records } = at.log.read('cache-evictions', { partition: 0, offset: 0 }, { maxBytes: 1e7 })!
      const longest = Math.max(...records.map(({ value }) => value!.length))
      expect(longest).toBeLessThanOrEqual(2000)
      expect(longest).toBeGreaterThan(1980)
    },
  )

  it('that is signed reaches who knows nothing of signatures', async () => {
    const at = world()
    const [writer, reader] = [at.cacheOn(at.kafka('require')), at.cacheOn(memory({ on: at.log }))]
    const users = await holding(reader)
    await holding(reader, '8')
    await writer.namespace('users').delete('7')
    await reader.sync()
    expect([users.peek('7'), users.peek('8')]).toEqual([undefined, 'Ada'])
    expect(reader.stats().refused).toBe(0)
  })

  const forged: readonly (readonly [string, string | null, object | string | null])[] = [
    ['of a key', 'users', { v: 1, op: 'evict', ns: 'users', keys: ['7'] }],
    ['of everything', null, { v: 1, op: 'clear' }],
    ['in a simple message', null, { key: '7' }],
    ['that is a tombstone', '7', null],
    ['that cannot be read', null, 'garbage'],
    ['of a later version', null, { v: 2, op: 'burn' }],
    [
      'that announces a write',
      'users',
      { v: 1, op: 'intent', ns: 'users', keys: ['7'], id: 'x', ttl: 60_000 },
    ],
    ['with another key than the ones here', null, `{"key":"7","sig":"k9.1.${'A'.repeat(43)}"}`],
    ['with a code that is wrong', null, `{"key":"7","sig":"k1.1.${'A'.repeat(43)}"}`],
  ]

  it.each(forged)(
    '%s evicts nothing where a signature is required, and the log says so',
    async (_, key, value) => {
      const at = world()
      const kafka = at.kafka('require')
      const reader = at.cacheOn(kafka)
      const users = await holding(reader)
      at.forge('cache-evictions', key, value)
      await reader.sync()
      expect(users.peek('7')).toBe('Ada')
      expect(kafka.signatures()).toMatchObject({ refused: 1, accepted: 0 })
      expect(kafka.events).toMatchObject([
        { topic: 'cache-evictions', partition: 0, offset: 0, refused: true },
      ])
      // A load is kept: no intent of a stranger is open.
      await users.getOrSet('9', () => 'Grace')
      expect(users.peek('9')).toBe('Grace')
    },
  )

  it.each(forged)('%s evicts where a warning is enough, and the log says so', async (_, key, value) => {
    const at = world()
    const kafka = at.kafka('warn')
    const reader = at.cacheOn(kafka)
    const users = await holding(reader)
    at.forge('cache-evictions', key, value)
    await reader.sync()
    expect(users.peek('7')).toBeUndefined()
    expect(kafka.signatures()).toMatchObject({ refused: 0, accepted: 1 })
    expect(kafka.events).toMatchObject([{ topic: 'cache-evictions', refused: false }])
  })

  it('without a signature evicts where only the other topics require one', async () => {
    const at = world()
    const kafka = at.kafka('require', [K1], { evictions: 'warn' })
    const reader = at.cacheOn(kafka)
    const users = await holding(reader)
    at.forge('cache-evictions', '7', null)
    await reader.sync()
    expect(users.peek('7')).toBeUndefined()
  })

  it('says why it does not count', async () => {
    const at = world()
    const kafka = at.kafka('warn')
    for (const [key, value] of forged.slice(-3).map(([, ...each]) => each))
      at.forge('cache-evictions', key, value)
    await kafka.read('cache-evictions', [{ partition: 0, offset: 0 }], {
      maxBytes: 1e6,
      waitMs: 0,
      isolation: 'uncommitted',
    })
    expect(kafka.events.map(({ why, keyId }) => [why, keyId])).toEqual([
      ['missing', undefined],
      ['unknown_key', 'k9'],
      ['mismatch', 'k1'],
    ])
  })

  it('that is a heartbeat needs no signature: adapters write their own', async () => {
    const at = world()
    const kafka = at.kafka('require')
    const reader = at.cacheOn(kafka)
    await holding(reader)
    at.forge('cache-evictions', 'kedge-beat', { v: 1, op: 'beat', at: 1 })
    await reader.sync()
    expect(kafka.signatures().refused).toBe(0)
  })

  it('that is refused does not make another log of the log, nor two logs one', async () => {
    const at = world()
    const kafka = signed(memory({ on: at.log, capabilities: { identity: false } }), {
      keys: [K1],
      sign: 'require',
    })
    const reader = at.cacheOn(kafka)
    const users = await holding(reader)
    at.forge('cache-evictions', null, { key: '1' })
    await reader.sync()
    at.forge('cache-evictions', null, { key: '2' })
    await reader.sync()
    expect([users.peek('7'), reader.stats().reanchors]).toEqual(['Ada', 1])
    at.log.deleteTopic('cache-evictions')
    for (const key of ['3', '4', '5']) at.forge('cache-evictions', null, { key })
    await reader.sync()
    expect([users.peek('7'), reader.stats().reanchors]).toEqual([undefined, 2])
  })
})

describe('what looks like a heartbeat', () => {
  it.each([
    ['whose time is none', '{"v":1,"op":"beat","at":"x"}'],
    ['of a namespace', '{"v":1,"op":"beat","at":"x","ns":"users"}'],
    ['that is no UTF-8', Uint8Array.from([...utf8.encode('{"v":1,"op":"beat","x":"'), 0xff, 0x22, 0x7d])],
  ])('%s evicts nothing where signatures are required', async (_, value) => {
    const at = world()
    const cache = at.cacheOn(at.kafka('require'))
    const users = await holding(cache)
    at.log.append('cache-evictions', {
      key: null,
      value: typeof value === 'string' ? utf8.encode(value) : value,
    })
    await cache.sync()
    expect(users.peek('7')).toBe('Ada')
  })
})

describe('what is signed', () => {
  const record = { key: utf8.encode('users'), value: utf8.encode('{"v":1,"op":"clear","ns":"users"}') }

  it('is what any HMAC of any language computes', async () => {
    const runtime = fakeRuntime({ startMs: 1_700_000_000_000 })
    const [made] = await signatures({ keys: [K1], sign: 'warn', runtime }).sign('cache-evictions', [record])
    const body = '{"v":1,"op":"clear","ns":"users"}'
    const mac = createHmac('sha256', K1.secret)
      .update(`kedge-hmac-1\ncache-evictions\n1700000000000\n5\nusers${body}`)
      .digest('base64url')
    expect(Buffer.from(made!.value!).toString()).toBe(`${body.slice(0, -1)},"sig":"k1.1700000000000.${mac}"}`)
  })

  const own = signatures({ keys: [K1], sign: 'require', topics: { evictions: 'a', updates: 'b' } })
  const refusedIn = async (
    topic: string,
    change: (made: { key: Uint8Array; value: Uint8Array }) => object = () => ({}),
  ) => {
    const [made] = await own.sign('a', [record])
    const key = made!.key!
    const value = made!.value!
    const { refused } = own.stats()
    await own.verify(topic, [{ partition: 0, offset: 0, key, value, ...change({ key, value }) }])
    return own.stats().refused - refused === 1
  }

  it('is the topic', async () => {
    expect([await refusedIn('a'), await refusedIn('b')]).toEqual([false, true])
  })

  it('is the record key', async () => {
    expect(await refusedIn('a', () => ({ key: utf8.encode('user') }))).toBe(true)
    expect(await refusedIn('a', () => ({ key: null }))).toBe(true)
  })

  it('is each byte, of the message and of the moment', async () => {
    const [made] = await own.sign('a', [record])
    for (let at = 0; at < made!.value!.length; at++) {
      const other = (value: Uint8Array) => value.map((byte, here) => (here === at ? byte ^ 1 : byte))
      expect([at, await refusedIn('a', ({ value }) => ({ value: other(value) }))]).toEqual([at, true])
    }
  })

  it('is not moved between the key and the message', async () => {
    const body = utf8.encode('{"key":"7"}')
    const [made] = await own.sign('a', [{ key: utf8.encode('x{"y":1'), value: body }])
    const text = Buffer.from(made!.value!).toString()
    const { refused } = own.stats()
    await own.verify('a', [
      { partition: 0, offset: 0, key: utf8.encode('x'), value: utf8.encode(`{"y":1${text}`) },
    ])
    expect(own.stats().refused - refused).toBe(1)
  })

  it('an empty key counts as none: proxies cannot tell them apart', async () => {
    const [made] = await own.sign('a', [{ ...record, key: null }])
    const [read] = await own.verify('a', [
      { partition: 0, offset: 0, key: new Uint8Array(), value: made!.value },
    ])
    expect(read!.value).toEqual(record.value)
  })
})

it('what is read is what was written, as with any log', async () => {
  const at = world()
  const kafka = at.kafka('warn')
  const values = ['{"v":1,"op":"beat","at":1}', '{"key":"7"}'].map((text) => utf8.encode(text))
  await kafka.produce(
    'cache-evictions',
    values.map((value) => ({ key: null, value, partition: 0 })),
  )
  const { records } = await kafka.read('cache-evictions', [{ partition: 0, offset: 0 }], {
    maxBytes: 1e6,
    waitMs: 0,
    isolation: 'uncommitted',
  })
  expect(records.map(({ value }) => value)).toEqual(values)
  expect(kafka.signatures()).toMatchObject({ signed: 2, verified: 2 })
})

describe('a value in the updates topic', () => {
  const put = (at: ReturnType<typeof world>, value: string) => ({
    v: 1,
    op: 'put',
    ns: 'users',
    key: '7',
    value,
    ttl: 60_000,
    at: at.runtime.now(),
    asOf: 0,
  })

  it('that is signed is held', async () => {
    const at = world()
    const kafka = at.kafka('require')
    const [writer, reader] = [at.kafka('require'), kafka].map((each) =>
      at.cacheOn(each, { use: [replicate()] }),
    )
    const users = reader!.namespace<string>('users')
    await reader!.sync()
    await writer!.namespace<string>('users').set('7', 'Ada')
    await reader!.sync()
    expect([users.peek('7'), kafka.signatures().refused]).toEqual(['Ada', 0])
  })

  it('that is forged is not held, and its key is dropped', async () => {
    const at = world()
    const kafka = at.kafka('require')
    const reader = at.cacheOn(kafka, { use: [replicate({ acceptSimpleValues: ['users'] })] })
    const users = await holding(reader)
    await holding(reader, '8')
    at.forge('cache-updates', 'users/7', put(at, 'Mallory'))
    await reader.sync()
    expect([users.peek('7'), users.peek('8')]).toEqual([undefined, 'Ada'])
    at.forge('cache-updates', 'users/8', { key: '8', value: 'Mallory', ttl: 60_000 })
    await reader.sync()
    expect(users.peek('8')).toBeUndefined()
    expect(kafka.signatures().refused).toBe(2)
    expect(reader.stats().refused).toBeGreaterThanOrEqual(2)
  })

  it('that is forged is held where a warning is enough', async () => {
    const at = world()
    const kafka = at.kafka('warn')
    const reader = at.cacheOn(kafka, { use: [replicate()] })
    const users = await holding(reader, '8')
    at.forge('cache-updates', 'users/7', put(at, 'Mallory'))
    await reader.sync()
    expect([users.peek('7'), kafka.events.length]).toEqual(['Mallory', 1])
  })

  it('is not held when it is written again after an eviction: its as-of is signed with it', async () => {
    const at = world()
    const [a, b] = [0, 1].map(() => at.cacheOn(at.kafka('require'), { use: [replicate()] }))
    await b!.sync()
    await a!.namespace<string>('users').set('7', 'old')
    const old = at.log.read(
      'cache-updates',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'uncommitted' },
    )!.records[0]!
    await b!.namespace<string>('users').delete('7')
    at.log.append('cache-updates', { key: old.key, value: old.value })
    await b!.sync()
    expect(b!.namespace<string>('users').peek('7')).toBeUndefined()
  })
})

describe('keys', () => {
  it('are changed without a message that is refused: readers first, then writers, then the old one goes', async () => {
    const at = world()
    const stages = [
      { reader: [K1, K2], writer: [K1] },
      { reader: [K1, K2], writer: [K2, K1] },
      { reader: [K2], writer: [K2] },
    ]
    for (const { reader, writer } of stages) {
      const kafka = at.kafka('require', reader)
      const cache = at.cacheOn(kafka)
      const users = await holding(cache)
      await at.cacheOn(at.kafka('require', writer)).namespace('users').delete('7')
      await cache.sync()
      expect([users.peek('7'), kafka.signatures().refused]).toEqual([undefined, 0])
    }
  })

  it('that have gone do not count any more', async () => {
    const at = world()
    const kafka = at.kafka('require', [K2])
    const reader = at.cacheOn(kafka)
    const users = await holding(reader)
    await at
      .cacheOn(at.kafka('require', [K1]))
      .namespace('users')
      .delete('7')
    await reader.sync()
    expect([users.peek('7'), kafka.events[0]?.why]).toEqual(['Ada', 'unknown_key'])
  })

  it.each([
    ['none', [], '`keys`: must be a list of 1 to 16 keys'],
    ['two of one id', [K1, { ...K2, id: 'k1' }], '`keys.1.id`: two keys have the id k1'],
    ['an id with a dot', [{ ...K1, id: 'a.b' }], '`keys.0.id`: must be'],
    ['a short secret', [{ id: 'k1', secret: 'c2hvcnQ=' }], '`keys.0.secret`: must be 32 to 256 bytes'],
    [
      'a secret that is no base64',
      [{ id: 'k1', secret: '*'.repeat(50) }],
      '`keys.0.secret`: must be 32 to 256 bytes',
    ],
    ['no secret', [{ id: 'k1' }], '`keys.0.secret`: must be 32 to 256 bytes'],
    ['nothing', [null], '`keys.0.id`: must be'],
  ])('are refused: %s', (_, keys, message) => {
    const make = () => signed(memory(), { keys: keys as SigningKey[], sign: 'warn' })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  it('are not quoted in errors', () => {
    const secret = '*'.repeat(50)
    let said = ''
    try {
      signed(memory(), { keys: [{ id: 'k1', secret }], sign: 'warn' })
    } catch (error) {
      said = String(error)
    }
    expect(said).not.toContain(secret)
  })
})

describe('options', () => {
  it.each([
    [{ sign: 'perhaps' }, '`sign`: must be'],
    [{ sign: undefined }, '`sign`: must be'],
    [{ sign: 'warn', evictions: 'never' }, '`evictions`: must be'],
    [{ sign: 'warn', topics: { evict: 'x' } }, '`topics.evict` is not an option of signed()'],
    [{ sign: 'warn', keyz: [] }, '`keyz` is not an option of signed()'],
  ])('that are wrong are refused: %j', (options, message) => {
    expect(() => signed(memory(), { keys: [K1], ...(options as { sign: SignMode }) })).toThrow(message)
  })
})

it('nothing is signed, and nothing looked at, where it is off', async () => {
  const at = world()
  const kafka = at.kafka('off')
  const cache = at.cacheOn(kafka)
  await cache.namespace('users').delete('7')
  at.forge('cache-evictions', null, { key: '7' })
  await cache.sync()
  expect(at.text('cache-evictions', 0)).not.toContain('"sig"')
  expect(kafka.signatures()).toEqual({ signed: 0, verified: 0, accepted: 0, refused: 0 })
})

it('records of topics that are not kedge’s are left alone', async () => {
  const at = world()
  const kafka = at.kafka('require')
  await kafka.produce('orders', [
    { key: null, value: null },
    { key: null, value: utf8.encode('text') },
  ])
  const { records } = await kafka.read('orders', [{ partition: 0, offset: 0 }], {
    maxBytes: 1e6,
    waitMs: 0,
    isolation: 'uncommitted',
  })
  expect(records.map(({ value }) => value && Buffer.from(value).toString())).toEqual([null, 'text'])
})

it('a value that has no place for a signature is not written where readers require one', async () => {
  const at = world()
  const write = at.kafka('require').produce('cache-evictions', [{ key: utf8.encode('7'), value: null }])
  await expect(write).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED', retryable: false })
  expect(at.log.offsets('cache-evictions', 0).end).toBe(0)
  await at.kafka('warn').produce('cache-evictions', [{ key: utf8.encode('7'), value: null }])
  expect(at.log.offsets('cache-evictions', 0).end).toBe(1)
})

it('a listener that throws or rejects breaks nothing', async () => {
  const at = world()
  const throws = () => {
    throw new Error('no')
  }
  const rejects = (): unknown => Promise.reject(new Error('no'))
  for (const onEvent of [throws, rejects]) {
    const kafka = signed(memory({ on: at.log }), { keys: [K1], sign: 'require', onEvent })
    at.forge('cache-evictions', null, { key: '7' })
    const { records } = await kafka.read('cache-evictions', [{ partition: 0, offset: 0 }], {
      maxBytes: 1e6,
      waitMs: 0,
      isolation: 'uncommitted',
    })
    expect(records.length).toBeGreaterThan(0)
  }
})
