import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { RecordAccumulator } from '../../../src/write/record-accumulator.ts'
import { readGroup } from '../../../src/wire/batch-message.ts'
import { readUpdate } from '../../../src/wire/read-update.ts'
import { cacheSettings } from '../../../src/api/settings.ts'
import { memory } from '../../../src/testing/index.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'
import { setMany } from '../../../src/write-paths/index.ts'
import { prewarm, replicate } from '../../../src/replicate/index.ts'

const decoder = new TextDecoder()
const ids = (count: number) => Array.from({ length: count }, (_, at) => `k${at}`)
const rows = (keys: readonly string[], value: (key: string) => string = (key) => `of ${key}`) =>
  Object.fromEntries(keys.map((key) => [key, value(key)]))

let at: World
beforeEach(() => {
  at = world()
})
const ready = (options: Partial<CacheOptions> = {}) =>
  readyIn(at, { use: [replicate()], ttl: '1h', ...options })
const records = (topic: string) =>
  at.log.read(topic, { partition: 0, offset: 0 }, { maxBytes: 1e8, isolation: 'uncommitted' })?.records ?? []
const written = (topic: string) =>
  records(topic).map(({ value }) => JSON.parse(decoder.decode(value!)) as Record<string, unknown>)

describe('what is written in one turn', () => {
  it('goes out in one produce: the shares of a load of many', async () => {
    const { users, kafka } = await ready()
    const before = kafka.calls.produce
    await users.getOrSetMany(ids(90), () => rows(ids(90)))
    await at.runtime.settle()
    expect(kafka.calls.produce - before).toBe(1)
    expect(written('cache-updates').map(({ key }) => key)).toEqual(ids(90))
  })

  it('goes out in one for each topic: many sets', async () => {
    const { users, kafka } = await ready()
    const before = kafka.calls.produce
    const tokens = await Promise.all(ids(50).map((key) => users.set(key, key)))
    expect(kafka.calls.produce - before).toBe(2)
    // Each has the position of its own eviction.
    const [log] = tokens[0]!.match(/~\w+$/)!
    expect(tokens).toEqual(ids(50).map((_, offset) => `k1.0-${offset + 1}_0-${offset + 1}${log}`))
    expect(written('cache-updates').map(({ asOf }) => asOf)).toEqual(ids(50).map((_, offset) => offset + 1))
  })

  it('of more than a call takes goes out in several', async () => {
    const { users, kafka } = await ready()
    const before = kafka.calls.produce
    await Promise.all(ids(250).map((key) => users.set(key, key)))
    expect(kafka.calls.produce - before).toBe(6)
    expect(written('cache-updates')).toHaveLength(250)
  })

  it('of more bytes than a call takes goes out in several', async () => {
    const { users, kafka } = await ready()
    const before = kafka.calls.produce
    await Promise.all(ids(5).map((key) => users.set(key, 'x'.repeat(400_000))))
    expect(kafka.calls.produce - before).toBe(1 + 3)
  })

  it('resolves only when it is acknowledged, and fails together', async () => {
    const { users, kafka } = await ready()
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'produce', times: 1 })
    const all = await Promise.allSettled(['a', 'b', 'c'].map((key) => users.delete(key)))
    expect(all.map((each) => each.status === 'rejected' && (each.reason as KedgeError).code)).toEqual([
      'ERR_PUBLISH',
      'ERR_PUBLISH',
      'ERR_PUBLISH',
    ])
    await expect(users.delete('a')).resolves.toMatch(/^k1/)
  })

  it('that cannot be encoded fails alone', async () => {
    const { cache, users } = await ready()
    await at.run(cache.sync())
    const loops: Record<string, unknown> = {}
    loops['self'] = loops
    const [broken, fine] = await Promise.allSettled([users.set('a', loops as never), users.set('b', 'fine')])
    expect([broken.status, fine.status]).toEqual(['rejected', 'fulfilled'])
    expect(users.peek('b')).toBe('fine')
  })

  it('ends for a caller that aborts, and not for the others', async () => {
    const { users, kafka } = await ready()
    kafka.pause()
    const caller = new AbortController()
    const gone = users.delete('a', { signal: caller.signal })
    const stays = users.delete('b')
    await at.runtime.settle()
    const reason = new Error('gone')
    caller.abort(reason)
    await expect(gone).rejects.toBe(reason)
    kafka.resume()
    expect(await at.run(stays)).toMatch(/^k1\.0-2~/)
  })

  it('ends when all have gone', async () => {
    const { users, kafka } = await ready()
    kafka.pause()
    const callers = [new AbortController(), new AbortController()]
    const writes = callers.map(({ signal }, nth) => users.delete(`${nth}`, { signal }))
    for (const write of writes) write.catch(() => undefined)
    await at.runtime.settle()
    for (const caller of callers) caller.abort(new Error('gone'))
    await at.runtime.settle()
    kafka.resume()
    await at.runtime.settle()
    expect(records('cache-evictions')).toEqual([])
  })

  it('is not overtaken by what is written later with the same key, and waits for no other one', async () => {
    const kafka = memory({ on: at.log, runtime: at.runtime })
    const groups = new RecordAccumulator(cacheSettings({ kafka, runtime: at.runtime }))
    const record = (text: string) => [
      { key: null, value: new TextEncoder().encode(JSON.stringify({ text })) },
    ]
    const { signal } = new AbortController()
    const packing = deferred<{ key: null; value: Uint8Array }[]>()
    const sent = [groups.send('cache-updates', packing.promise, ['a'], signal)]
    await at.runtime.settle()
    sent.push(groups.send('cache-updates', Promise.resolve(record('later, of the same key')), ['a'], signal))
    await at.runtime.settle()
    sent.push(groups.send('cache-updates', Promise.resolve(record('of another key')), ['b'], signal))
    await at.runtime.settle()
    packing.resolve(record('first'))
    await Promise.all(sent)
    expect(written('cache-updates').map(({ text }) => text)).toEqual([
      'of another key',
      'first',
      'later, of the same key',
    ])
  })
})

describe('setMany', () => {
  it('evicts with one record, and holds all of the values', async () => {
    const { users, cache, kafka } = await ready()
    const before = kafka.calls.produce
    const token = await setMany(users, rows(ids(20)))
    expect(kafka.calls.produce - before).toBe(2)
    expect(token).toMatch(/^k1\.0-1_0-20~/)
    expect(written('cache-evictions')).toEqual([{ v: 1, op: 'evict', ns: 'users', keys: ids(20) }])
    expect(written('cache-updates').map(({ op, asOf }) => [op, asOf])).toEqual(ids(20).map(() => ['put', 1]))
    await at.run(cache.sync())
    expect(users.peek('k7')).toBe('of k7')
  })

  it('writes the values of a domain in one record, which others hold by the same rule', async () => {
    const here = await ready()
    const there = await ready()
    const token = await setMany(here.users, rows(ids(20)), { domain: 'team:7', tags: ['team'] })
    const [domain, ...none] = records('cache-updates')
    expect(decoder.decode(domain!.key!)).toBe('users#team:7')
    expect(none).toEqual([])
    await at.run(there.cache.sync({ after: token }))
    expect(ids(20).map((key) => there.users.peek(key))).toEqual(ids(20).map((key) => `of ${key}`))
    // One is evicted, and so is not taken over by an isolate that starts then.
    await here.users.delete('k3')
    const late = await ready()
    await at.run(prewarm(late.cache))
    expect([late.users.peek('k3'), late.users.peek('k4')]).toEqual([undefined, 'of k4'])
    await at.run(there.cache.sync())
    expect([there.users.peek('k3'), there.users.peek('k4')]).toEqual([undefined, 'of k4'])
    await here.users.invalidateTags('team')
    await at.run(there.cache.sync())
    expect(there.users.peek('k4')).toBeUndefined()
  })

  it('of a domain lets a single set of one of its keys win, in any order of arrival', async () => {
    const capabilities = { identity: false }
    const here = await readyIn(at, { use: [replicate()], ttl: '1h' }, { capabilities })
    await setMany(here.users, rows(['a', 'b']), { domain: 'd' })
    await here.users.set('a', 'newer')
    const [domain, single] = records('cache-updates')
    const late = world()
    for (const { key, value } of records('cache-evictions'))
      late.log.append('cache-evictions', { key, value })
    for (const { key, value } of [single!, domain!]) late.log.append('cache-updates', { key, value })
    const there = await readyIn(late, { use: [replicate()], ttl: '1h' }, { capabilities })
    await late.run(prewarm(there.cache))
    expect([there.users.peek('a'), there.users.peek('b')]).toEqual(['newer', 'of b'])
  })

  it('stores a domain whole: the compacted topic keeps the last record of it', async () => {
    const here = await ready()
    await setMany(here.users, rows(['a', 'b']), { domain: 'd' })
    await setMany(here.users, rows(['a']), { domain: 'd' })
    at.log.compact('cache-updates')
    expect(records('cache-updates')).toHaveLength(1)
    const late = await ready()
    await at.run(prewarm(late.cache))
    expect([late.users.peek('a'), late.users.peek('b')]).toEqual(['of a', undefined])
  })

  it('refuses a domain that does not fit a message, before anything is evicted', async () => {
    const { users } = await ready({ maxMessageBytes: 1000 })
    await expect(setMany(users, rows(ids(100)), { domain: 'd' })).rejects.toMatchObject({
      code: 'ERR_TOO_LARGE',
    })
    await expect(setMany(users, { a: 'x'.repeat(2000) })).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
    expect(records('cache-evictions')).toEqual([])
  })

  it('takes a thousand entries, and refuses what is none', async () => {
    const { users } = await ready()
    await setMany(users, new Map(Object.entries(rows(ids(1000)))), { domain: 'd' })
    // A hundred keys in each eviction: the as-of of the values is past the last of them.
    expect(written('cache-updates')).toMatchObject([{ op: 'puts', asOf: 10 }])
    await expect(setMany(users, rows(ids(1001)))).rejects.toThrow('1000')
    await expect(setMany(users, {})).rejects.toThrow('takes 1 to')
    await expect(setMany(users, { a: undefined as never })).rejects.toThrow('`undefined`')
    await expect(setMany(users, { a: 'a' }, { domain: '' })).rejects.toThrow('domain')
    await expect(setMany(users, { a: 'a' }, { version: 1 } as never)).rejects.toThrow('`version`')
  })
})

describe('a record of a domain', () => {
  const message = {
    v: 1,
    op: 'puts',
    ns: 'users',
    domain: 'd',
    at: 5,
    asOf: 3,
    values: [
      { key: 'a', value: 1, ttl: 10 },
      { key: 'b', value: null, ttl: 10, tags: ['t'] },
    ],
  }

  it('is as many values', () => {
    const common = { kind: 'value', namespace: 'users', at: 5, asOf: 3, logId: undefined, version: undefined }
    expect(readGroup(message, 'users#d')).toEqual([
      { ...common, key: 'a', value: 1, ttlMs: 10, tags: undefined },
      { ...common, key: 'b', value: null, ttlMs: 10, tags: ['t'] },
    ])
  })

  it('is none where anything about it is wrong', () => {
    for (const odd of [
      { ...message, values: [] },
      { ...message, values: [{ key: 'a', value: 1, ttl: 0 }] },
      { ...message, asOf: -1 },
      { ...message, ns: 'a/b' },
      { ...message, op: 'put' },
    ])
      expect(readGroup(odd, undefined)).toBeUndefined()
  })

  it('means nothing to a reader of single values, whose key it cannot be', () => {
    const read = (recordKey: string) =>
      readUpdate(
        message,
        recordKey,
        (name) => name === 'users',
        () => 1,
      )
    expect(read('users#a')).toMatchObject({ kind: 'drop', namespace: undefined, key: 'users#a' })
  })

  it('holds what it can where a function of the namespace stumbles over one of the values', async () => {
    const here = await ready()
    const other = at.isolate({ use: [replicate()], ttl: '1h' })
    const users = other.cache.namespace<string>('users', {
      tags: (value) => {
        if (value === 'odd') throw new Error('odd')
        return []
      },
    })
    await at.run(other.cache.sync())
    await setMany(here.users, { a: 'odd', b: 'even' }, { domain: 'd' })
    await at.run(other.cache.sync())
    expect([users.peek('a'), users.peek('b')]).toEqual([undefined, 'even'])
  })
})
