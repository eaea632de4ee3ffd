/** What a tier keeps. @module */
import type { TierTest } from './bench.ts'
import { OTHER_SPACE, PLACE, write } from './bench.ts'

/** A key of every kind that a cache allows: at most 512 UTF-16 units, anything but half a surrogate pair. */
const STRANGE_KEYS = [
  'a b',
  'line\nbreak\r\n',
  '{tag}:x',
  'ключ/鍵/🗝️',
  ' ',
  '__proto__',
  '\u0000',
  '%2F..',
  'x'.repeat(512),
  '鍵'.repeat(512),
]

export function keeping(test: TierTest): void {
  test('what was set is returned with its as-of, by any client', async ({ set, read, expect }) => {
    await set([write('a', 'one', 5), write('b', 'two', 6)])
    expect(await read(['a', 'b', 'c'])).toEqual({ items: { a: ['one', 5, false], b: ['two', 6, false] } })
  })

  test('it has a name', async ({ tier, expect }) => {
    expect(tier.name.length > 0).toBe(true)
  })

  test('nothing asked is nothing answered', async ({ tier, read, set, expect }) => {
    await set([])
    await tier.deleteMany(PLACE, [], 5)
    expect(await read([])).toEqual({ items: {} })
  })

  test('keys of any characters stay distinct', async ({ set, read, expect }) => {
    await set(STRANGE_KEYS.map((key, at) => write(key, `value ${at}`, at)))
    const { items } = await read([...STRANGE_KEYS, 'a', 'a  b'])
    expect(items).toEqual(
      Object.fromEntries(STRANGE_KEYS.map((key, at) => [key, [`value ${at}`, at, false]])),
    )
  })

  test('bytes come back as they were', async ({ set, tier, expect }) => {
    const all = Uint8Array.from({ length: 256 }, (_, at) => at)
    await set([{ ...write('a', '', 5), bytes: all }, write('empty', '', 5)])
    const { items } = await tier.getMany(PLACE, ['a', 'empty'])
    expect([...(items.get('a')?.bytes ?? [])]).toEqual([...all])
    expect(items.get('empty')?.bytes.length).toBe(0)
  })

  test('many keys come back in one answer', async ({ set, read, expect }) => {
    const keys = Array.from({ length: 500 }, (_, at) => `k${at}`)
    await set(keys.map((key, at) => write(key, key, at)))
    expect(Object.keys((await read(keys)).items).length).toBe(500)
  })

  test('namespaces do not see each other', async ({ set, read, expect }) => {
    await set([write('a', 'user', 5)])
    await set([write('a', 'order', 6)], OTHER_SPACE)
    expect((await read(['a'])).items).toEqual({ a: ['user', 5, false] })
    expect((await read(['a'], OTHER_SPACE)).items).toEqual({ a: ['order', 6, false] })
  })

  test('a value is gone after its TTL', async ({ set, read, passes, ttlMs, expect }) => {
    await set([write('a', 'short', 5, { ttlMs }), write('b', 'long', 5)])
    expect(Object.keys((await read(['a', 'b'])).items)).toEqual(['a', 'b'])
    // Stores that count whole seconds round up.
    await passes(2 * ttlMs + 1)
    expect((await read(['a', 'b'])).items).toEqual({ b: ['long', 5, false] })
  })

  test('a TTL of more than 30 days is kept', async ({ set, read, expect }) => {
    await set([write('a', 'long', 5, { ttlMs: 40 * 86_400_000 })])
    expect((await read(['a'])).items).toEqual({ a: ['long', 5, false] })
  })

  test('a store that was wiped has nothing', async ({ set, read, wipe, expect }) => {
    await set([write('a', 'one', 5)])
    await wipe()
    expect(await read(['a'])).toEqual({ items: {} })
    await set([write('a', 'again', 3)])
    expect((await read(['a'])).items).toEqual({ a: ['again', 3, false] })
  })
}
