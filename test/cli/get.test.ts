import { describe, expect, it } from 'vitest'
import type { PutMessage } from '../../src/wire/messages.ts'
import { append, Clock, kedge, NOW, proxy } from './harness.ts'

const put = (asOf: number, more: Partial<PutMessage> = {}): PutMessage => ({
  v: 1,
  op: 'put',
  ns: 'users',
  key: '7',
  value: { name: 'Ada' },
  ttl: 300_000,
  at: NOW,
  asOf,
  ...more,
})

/** A log that holds the update, and the evictions around it. */
function having(update: unknown, evictions: unknown[], memory = {}) {
  const clock = new Clock()
  const { log, fetch } = proxy(memory, { clock })
  for (const eviction of evictions) append(log, 'cache-evictions', eviction)
  append(log, 'cache-updates', update, 'users/7')
  return { log, fetch, runtime: clock.runtime, clock }
}

const clear = (ns?: string) => ({ v: 1, op: 'clear', ...(ns && { ns }) })
const evict = (more: object) => ({ v: 1, op: 'evict', ns: 'users', ...more })

describe('kedge get', () => {
  it('shows the latest update, and that no eviction came after it', async () => {
    const around = having(put(2, { tags: ['team:1'], version: 3 }), [clear(), clear(), clear('other')])
    const { code, out } = await kedge(['get', 'users', '7'], around)
    expect(out).toBe(
      [
        'users/7  current: no eviction came after it, and its TTL ends in 5m',
        '  record  0@0',
        '  value   {"name":"Ada"}',
        '  ttl     5m, loaded at 2023-11-14T22:13:20.000Z',
        '  as of   2',
        '  tags    team:1',
        '  version 3',
        '',
      ].join('\n'),
    )
    expect(code).toBe(0)
  })

  it.each([
    ['its key', evict({ keys: ['6', '7'] }), true],
    ['another key', evict({ keys: ['77'] }), false],
    ['its tag', evict({ tags: ['team:1'] }), true],
    ['another tag', evict({ tags: ['team:2'] }), false],
    ['its prefix', evict({ prefixes: ['7'] }), true],
    ['another prefix', evict({ prefixes: ['8'] }), false],
    ['its namespace', clear('users'), true],
    ['another namespace', clear('others'), false],
    ['the same key elsewhere', { ...evict({ keys: ['7'] }), ns: 'others' }, false],
    ['everything', clear(), true],
    ['a newer version', evict({ keys: ['7'], version: 4 }), true],
    ['its own version', evict({ keys: ['7'], version: 3 }), false],
    ['nonsense', 'nonsense', true],
    ['a heartbeat', { v: 1, op: 'beat' }, false],
    ['a simple message', { key: '7' }, true],
  ])('knows whether an eviction of %s has taken the value', async (_, eviction, evicted) => {
    const around = having(put(1, { tags: ['team:1'], version: 3 }), [clear(), eviction])
    const { code, out } = await kedge(['get', 'users', '7'], around)
    expect(out).toContain(evicted ? 'evicted: by 0@1: ' : 'current: ')
    expect(code).toBe(evicted ? 1 : 0)
  })

  it('does not count an eviction that precedes the load of the value', async () => {
    expect((await kedge(['get', 'users', '7'], having(put(1), [clear()]))).code).toBe(0)
    expect((await kedge(['get', 'users', '7'], having(put(0), [clear()]))).code).toBe(1)
  })

  it('takes the highest as-of for the latest, in any order of arrival', async () => {
    const around = having(put(2, { value: 'new' }), [clear(), clear()])
    append(around.log, 'cache-updates', put(0, { value: 'old' }), 'users/7')
    const { code, out } = await kedge(['get', 'users', '7', '--json'], around)
    expect(JSON.parse(out)).toMatchObject({ state: 'current', value: 'new', asOf: 2 })
    expect(code).toBe(0)
  })

  it('tells no TTL where the update has none', async () => {
    const around = having({ key: '7', ns: 'users', value: 'simple' }, [])
    const told = JSON.parse((await kedge(['get', 'users', '7', '--json'], around)).out) as object
    expect(told).toMatchObject({ value: 'simple' })
    expect(told).not.toHaveProperty('ttlMs')
  })

  it('knows when a TTL has ended', async () => {
    const around = having(put(0), [])
    around.clock.ms += 301_000
    const { code, out } = await kedge(['get', 'users', '7'], around)
    expect(out).toMatch(/^users\/7 {2}expired: its TTL ended 1s ago/)
    expect(code).toBe(1)
  })

  it.each([
    ['deleted', { v: 1, op: 'del', ns: 'users', key: '7', asOf: 0 }, /says that it has no value/],
    ['unknown', 'nonsense', /cannot be read/],
    ['unknown', { key: '7', value: 1 }, /without as-of/],
    ['unknown', put(0, { log: 'another' }), /another log/],
    ['unknown', put(5), /beyond the end/],
  ])('says %s where that is all that can be said', async (state, update, words) => {
    const { code, out } = await kedge(['get', 'users', '7'], having(update, []))
    expect(out).toMatch(new RegExp(`^users/7 {2}${state}: `))
    expect(out).toMatch(words)
    expect(code).toBe(1)
  })

  it('does not vouch for a value whose evictions retention has taken', async () => {
    const around = having(put(1), [clear('a'), clear('b'), clear('c'), clear('d')], { retentionRecords: 2 })
    const { code, out } = await kedge(['get', 'users', '7'], around)
    expect(out).toContain('unknown: evictions from 1 to 2 are gone')
    expect(code).toBe(1)
  })

  it('says that there is none', async () => {
    const { code, out } = await kedge(['get', 'users', '8'], having(put(0), []))
    expect(out).toBe(
      'users/8  none: no update among the newest 100000 records of the updates topic: values are published by kedge loader, and by caches with replicate()\n',
    )
    expect(code).toBe(1)
  })

  it('looks back as many records as --max-records says', async () => {
    const around = having(put(0), [])
    for (let n = 0; n < 1500; n++)
      append(around.log, 'cache-updates', put(0, { key: `k${n}` }), `users/k${n}`)
    expect((await kedge(['get', 'users', '7'], around)).out).toContain('current')
    expect((await kedge(['get', 'users', '7', '--max-records', '1500'], around)).out).toContain('none')
  })
})
