import { describe, expect, it } from 'vitest'
import { messagePack } from '../../adapters/codecs/messagepack.ts'
import { json, pack } from '../../src/wire/codec.ts'
import { append, kedge, NOW, proxy } from './harness.ts'

const TOPIC = 'cache-evictions'
const lines = (out: string) => out.split('\n').slice(0, -1)

/** Everything after the place of the record. */
const words = (out: string) => lines(out).map((line) => line.replace(/^(?:\S+Z {2})?\d+@\d+ +/, ''))

describe('kedge tail', () => {
  it('shows each eviction in one line', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', keys: ['7', 'a b'] })
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', keys: ['7'], version: 42 })
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', keys: ['7'], why: 'ttl', from: 'x' })
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', tags: ['team:7'] })
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', prefixes: ['eu/'] })
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'users' })
    append(log, TOPIC, { v: 1, op: 'clear' })
    append(log, TOPIC, { v: 1, op: 'beat', at: NOW })
    append(log, TOPIC, { key: '7' })
    const { code, out } = await kedge(['tail', '--from', 'beginning'], { fetch })
    expect(words(out)).toEqual([
      'evict  users  keys 7, "a b"',
      'evict  users  key 7  older than version 42',
      'evict  users  key 7  its TTL ended',
      'evict  users  tag team:7',
      'evict  users  prefix eu/',
      'clear  users',
      'clear  everything',
      'beat',
      'evict  every namespace  key 7',
    ])
    expect(lines(out)[8]).toMatch(/^0@8 /)
    expect(code).toBe(0)
  })

  it('flags what cannot be read, and says what it evicts nevertheless', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, 'nonsense')
    append(log, TOPIC, 'nonsense', 'users')
    append(log, TOPIC, null, 'some/key')
    append(log, TOPIC, null, '"users"')
    append(log, TOPIC, null, '{"id":7}')
    append(log, TOPIC, { v: 9, op: 'rewrite', ns: 'users' })
    append(log, TOPIC, '\u001b[2Jclear', '\u001b[2Jkey')
    const { out } = await kedge(['tail', '--from', 'beginning'], { fetch })
    expect(words(out)).toEqual([
      '! unreadable  evicts, to be safe: everything',
      '! unreadable  evicts, to be safe: everything',
      '! no message  evicts, to be safe: every namespace  key some/key',
      String.raw`! no message  evicts, to be safe: every namespace  keys "\"users\"", users, and the namespace users`,
      '! unreadable  evicts, to be safe: everything',
      '! unreadable  evicts, to be safe: the namespace users',
      '! unreadable  evicts, to be safe: everything',
    ])
  })

  it('begins ten records before the end, or where --from says', async () => {
    const { log, fetch } = proxy()
    for (let n = 0; n < 30; n++) append(log, TOPIC, { v: 1, op: 'clear', ns: `n${n}` })
    const shown = async (...args: string[]) =>
      words((await kedge(['tail', ...args], { fetch })).out).map((line) => line.slice('clear  '.length))
    expect(await shown()).toEqual(['n20', 'n21', 'n22', 'n23', 'n24', 'n25', 'n26', 'n27', 'n28', 'n29'])
    expect(await shown('--from', '-2')).toEqual(['n28', 'n29'])
    expect(await shown('--from', '27')).toEqual(['n27', 'n28', 'n29'])
    expect(await shown('--from=-1')).toEqual(['n29'])
    expect(await shown('--from', 'end')).toEqual([])
    expect(await shown('--from', '9999')).toEqual([])
    expect(await shown('--from', 'beginning')).toHaveLength(30)
  })

  it('shows updates', async () => {
    const { log, fetch } = proxy()
    const put = {
      v: 1,
      op: 'put',
      ns: 'users',
      key: '7',
      value: { name: 'Ada' },
      ttl: 300_000,
      at: NOW,
      asOf: 42,
    }
    append(log, 'cache-updates', put, 'users/7')
    append(log, 'cache-updates', { v: 1, op: 'del', ns: 'users', key: '7', asOf: 43 }, 'users/7')
    append(log, 'cache-updates', { key: '7', ns: 'users', value: 'x'.repeat(500) })
    append(log, 'cache-updates', 'nonsense', 'users/7')
    append(log, 'cache-updates', null, 'users/7')
    append(log, 'cache-updates', 'nonsense')
    const { out } = await kedge(['tail', 'updates'], { fetch })
    const shown = words(out)
    expect(shown[0]).toBe('put  users/7  ttl 5m  as of 42  {"name":"Ada"}')
    expect(shown[1]).toBe('del  users/7  as of 43')
    expect(shown[2]).toMatch(/^put {2}users\/7 {2}ttl of its namespace {2}simple {2}"x{119}…$/)
    expect(shown.slice(3)).toEqual([
      '! unreadable  drops, to be safe: users/7',
      '! no message  drops, to be safe: users/7',
      '! unreadable  names no key',
    ])
  })

  it('reads MessagePack and gzip', async () => {
    const { log, fetch } = proxy()
    const message = { v: 1, op: 'evict', ns: 'users', keys: Array.from({ length: 60 }, (_, n) => `key-${n}`) }
    for (const codec of [json, messagePack()]) {
      const value = await pack(message, { codec, gzipAboveBytes: 10, maxMessageBytes: 100_000 })
      log.append(TOPIC, { key: null, value, partition: 0 })
    }
    log.append(TOPIC, {
      key: null,
      value: messagePack().encode({ v: 1, op: 'clear', ns: 'users' }),
      partition: 0,
    })
    const shown = words((await kedge(['tail'], { fetch })).out)
    expect(shown[0]).toMatch(/^evict {2}users {2}keys key-0, .* and 40 more$/)
    expect(shown[1]).toBe(shown[0])
    expect(shown[2]).toBe('clear  users')
  })

  it('writes one JSON object a line for scripts', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'evict', ns: 'users', keys: ['7'] })
    append(log, TOPIC, 'nonsense')
    const [first, second] = lines((await kedge(['tail', '--json'], { fetch })).out).map(
      (line) => JSON.parse(line) as unknown,
    )
    expect(first).toMatchObject({ partition: 0, offset: 0, eviction: { namespace: 'users', keys: ['7'] } })
    expect(second).toMatchObject({ offset: 1, unreadable: true, eviction: { all: true } })
  })

  it('reads all partitions', async () => {
    const { log, fetch } = proxy({ topics: { [TOPIC]: 2 } })
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'here' })
    log.append(TOPIC, { key: null, value: json.encode({ v: 1, op: 'clear', ns: 'there' }), partition: 1 })
    expect(lines((await kedge(['tail'], { fetch })).out).map((line) => line.slice(0, 3))).toEqual([
      '0@0',
      '1@0',
    ])
  })

  it('shows the updates that are committed, and every eviction', async () => {
    const { log, fetch } = proxy()
    const transaction = log.begin()
    for (const topic of [TOPIC, 'cache-updates'])
      transaction.append(topic, { key: null, value: new TextEncoder().encode('{"v":1,"op":"clear"}') })
    transaction.abort()
    append(log, 'cache-updates', { key: '7', ns: 'users', value: 1 })
    append(log, TOPIC, { v: 1, op: 'clear' })
    expect(lines((await kedge(['tail', 'updates'], { fetch })).out)).toHaveLength(1)
    expect(lines((await kedge(['tail'], { fetch })).out)).toHaveLength(2)
  })

  it('says where it goes on when retention is quicker', async () => {
    const { log, fetch } = proxy()
    for (let n = 0; n < 10; n++) append(log, TOPIC, { v: 1, op: 'clear', ns: `n${n}` })
    const late: typeof globalThis.fetch = (input, init) => {
      if (new Request(input, init).url.includes('/records')) log.truncate(TOPIC, 0, 6)
      return fetch(input, init)
    }
    const { code, out, err } = await kedge(['tail', '--from', 'beginning'], { fetch: late })
    expect(words(out)).toEqual(['clear  n6', 'clear  n7', 'clear  n8', 'clear  n9'])
    expect([code, err]).toEqual([0, 'partition 0: retention has deleted the next records; going on at 6\n'])
  })

  it('asks for more at once where a record does not fit', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'users' })
    const narrow: typeof globalThis.fetch = (input, init) => {
      const { pathname, searchParams } = new URL(new Request(input, init).url)
      const isSmall = Number(searchParams.get('max_bytes')) < 3_000_000
      return pathname.endsWith('/records') && isSmall
        ? Promise.resolve(Response.json([]))
        : fetch(input, init)
    }
    const { code, out } = await kedge(['tail'], { fetch: narrow })
    expect([code, words(out)]).toEqual([0, ['clear  users']])
  })

  it('says that a proxy keeps back what is there', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'users' })
    const forgetful: typeof globalThis.fetch = async (input, init) => {
      const answer = await fetch(input, init)
      return new Request(input, init).url.includes('/records') ? Response.json([]) : answer
    }
    const { code, out, err } = await kedge(['tail'], { fetch: forgetful })
    expect([code, out]).toEqual([1, ''])
    expect(err).toBe('partition 0: nothing could be read from 0 on, although there is something\n')
  })
})

describe('kedge tail --follow', () => {
  it('goes on at the end, through failures, and ends well when it is asked to', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'first' })
    const stop = new AbortController()
    let failing = 0
    const flaky: typeof globalThis.fetch = async (input, init) => {
      if (failing-- > 0) return new Response('{}', { status: 503 })
      return fetch(input, init)
    }
    const { code, out, err } = await kedge(['tail', '--follow'], {
      fetch: flaky,
      stop: stop.signal,
      onOut: (text) => {
        if (text.includes('first')) {
          failing = 2
          append(log, TOPIC, { v: 1, op: 'clear', ns: 'second' })
        }
        if (text.includes('second')) {
          setImmediate(() => append(log, TOPIC, { v: 1, op: 'clear', ns: 'third' }))
        }
        if (text.includes('third')) stop.abort()
      },
    })
    expect(words(out)).toEqual(['clear  first', 'clear  second', 'clear  third'])
    expect(err).toMatch(/^kedge: [^\n]*503[^\n]*; trying again\n$/)
    expect(code).toBe(0)
  })

  it('says when the log is another, and goes on at its beginning', async () => {
    const { log, fetch } = proxy()
    for (const ns of ['a', 'b', 'c']) append(log, TOPIC, { v: 1, op: 'clear', ns })
    const stop = new AbortController()
    const { out, err } = await kedge(['tail', '--follow', '--from', '-1'], {
      fetch,
      stop: stop.signal,
      onOut: (text) => {
        if (text.includes('new')) return stop.abort()
        log.recreateTopic(TOPIC)
        append(log, TOPIC, { v: 1, op: 'clear', ns: 'new' })
      },
    })
    expect(words(out)).toEqual(['clear  c', 'clear  new'])
    expect(err).toMatch(/the log is another/)
  })

  it('fails when it cannot succeed', async () => {
    const { fetch } = proxy({ autoCreate: false })
    const { code, err } = await kedge(['tail', '--follow'], { fetch })
    expect(code).toBe(1)
    expect(err).toMatch(/^kedge: there is no topic cache-evictions: .*\n$/)
  })

  it('fails when its credentials are refused on the way', async () => {
    const { log, fetch } = proxy()
    append(log, TOPIC, { v: 1, op: 'clear', ns: 'first' })
    let shut = false
    const { code, out, err } = await kedge(['tail', '--follow'], {
      fetch: async (input, init) => (shut ? new Response('{}', { status: 401 }) : fetch(input, init)),
      onOut: () => void (shut = true),
    })
    expect(words(out)).toEqual(['clear  first'])
    expect(err).toMatch(/^kedge: [^\n]*401[^\n]*\n$/)
    expect(code).toBe(1)
  })
})
