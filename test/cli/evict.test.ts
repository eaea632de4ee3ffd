import { describe, expect, it } from 'vitest'
import { createCache, systemRuntime } from '../../src/index.ts'
import { memory } from '../../src/testing/memory.ts'
import { kedge as run, proxy } from './harness.ts'
import type { Proxy, Surroundings } from './harness.ts'

/** With timers that wait: a write has a deadline. */
const kedge = (args: readonly string[], around: Surroundings) =>
  run(args, { ...around, runtime: systemRuntime() })

const TOPIC = 'cache-evictions'

function written({ log }: Proxy, partition = 0): unknown[] {
  const { beginning } = log.offsets(TOPIC, partition)
  const read = log.read(TOPIC, { partition, offset: beginning }, { maxBytes: 1e9, isolation: 'uncommitted' })
  return (read?.records ?? []).map(({ value }) => JSON.parse(new TextDecoder().decode(value!)) as unknown)
}

describe('kedge evict', () => {
  it.each([
    [['users', '--key', '7', '--key', 'a b'], [{ v: 1, op: 'evict', ns: 'users', keys: ['7', 'a b'] }]],
    [
      ['users', '--key', '7', '--version', '3'],
      [{ v: 1, op: 'evict', ns: 'users', keys: ['7'], version: 3 }],
    ],
    [['users', '--tag', 'a', '--tag', 'b'], [{ v: 1, op: 'evict', ns: 'users', tags: ['a', 'b'] }]],
    [
      ['users', '--prefix', 'a', '--prefix', 'b'],
      [
        { v: 1, op: 'evict', ns: 'users', prefixes: ['a'] },
        { v: 1, op: 'evict', ns: 'users', prefixes: ['b'] },
      ],
    ],
    [['users', '--all'], [{ v: 1, op: 'clear', ns: 'users' }]],
    [['--everything'], [{ v: 1, op: 'clear' }]],
  ])('%j writes it, and prints the token alone', async (args, messages) => {
    const gateway = proxy()
    const { code, out, err } = await kedge(['evict', ...args], gateway)
    expect(written(gateway)).toEqual(messages)
    expect(out).toBe(`k1.0-${messages.length}\n`)
    expect([code, err]).toEqual([0, ''])
  })

  it('writes where caches look, and says what they must wait for', async () => {
    const gateway = proxy({ topics: { [TOPIC]: 3 } })
    const cache = createCache({ kafka: memory({ on: gateway.log }), evictionPartitions: 3 })
    const users = cache.namespace<string>('users')
    let loads = 0
    const load = () => `load ${++loads}`
    await cache.sync()
    expect([await users.getOrSet('7', load), await users.getOrSet('7', load)]).toEqual(['load 1', 'load 1'])
    const { out } = await kedge(['evict', 'users', '--key', '7'], gateway)
    expect(await users.getOrSet('7', load, { after: out.trim() })).toBe('load 2')
    expect((await kedge(['evict', '--everything'], gateway)).out).toMatch(/^k1\.0-\d\.1-\d\.2-\d\n$/)
  })

  it('refuses a number of partitions that the topic does not have', async () => {
    const gateway = proxy({ topics: { [TOPIC]: 3 } })
    const { code, err } = await kedge(['evict', 'users', '--all', '--eviction-partitions', '2'], gateway)
    expect(err).toMatch(/has 3 partitions, not 2/)
    expect(code).toBe(1)
    expect(written(gateway)).toEqual([])
  })

  it.each([
    [['us ers', '--all'], /not a namespace name/],
    [['users', '--key', ''], /a key must be/],
    [['users', '--tag', 'x'.repeat(600)], /a tag must be/],
  ])('refuses %j with 2', async (args, sentence) => {
    const gateway = proxy()
    const { code, err } = await kedge(['evict', ...args], gateway)
    expect(err).toMatch(sentence)
    expect(code).toBe(2)
  })

  it('fails, and prints no token, when Kafka does not acknowledge', async () => {
    const gateway = proxy()
    const refusing: typeof fetch = async (input, init) =>
      new Request(input, init).method === 'POST'
        ? Response.json({ error_code: 42206, message: 'not enough replicas' }, { status: 400 })
        : gateway.fetch(input, init)
    const { code, out, err } = await kedge(['evict', 'users', '--all'], { fetch: refusing })
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^kedge: Kafka did not acknowledge the write.*not enough replicas.*\n$/)
  })
})
