/** What a tier prefers to what. @module */
import type { TierTest } from './bench.ts'
import { bytes, OTHER_LOG, PLACE, write } from './bench.ts'

export function conditions(test: TierTest): void {
  test('an older as-of never replaces a newer one', async ({ set, read, expect }) => {
    await set([write('a', 'new', 7)])
    await set([write('a', 'old', 6)])
    expect((await read(['a'])).items).toEqual({ a: ['new', 7, false] })
    await set([write('a', 'newer', 8)])
    expect((await read(['a'])).items).toEqual({ a: ['newer', 8, false] })
  })

  test('a higher version wins over a higher as-of', async ({ set, read, expect }) => {
    await set([write('a', 'v2', 5, { version: 2 })])
    await set([write('a', 'v1', 9, { version: 1 })])
    expect((await read(['a'])).items).toEqual({ a: ['v2', 5, false] })
    await set([write('a', 'v3', 4, { version: 3 })])
    expect((await read(['a'])).items).toEqual({ a: ['v3', 4, false] })
  })

  test('versions differ to the last digit', async ({ set, read, expect }) => {
    const version = Number.MAX_SAFE_INTEGER
    await set([write('a', 'higher', 5, { version })])
    await set([write('a', 'lower', 9, { version: version - 1 })])
    await set([write('b', 'higher', 5, { version: -0.25 })])
    await set([write('b', 'lower', 9, { version: -0.5 })])
    expect((await read(['a', 'b'])).items).toEqual({ a: ['higher', 5, false], b: ['higher', 5, false] })
  })

  test('where one of the two has no version, and where both have the same, the as-of decides', async ({
    set,
    read,
    expect,
  }) => {
    await set([write('a', 'versioned', 5, { version: 9 }), write('b', 'plain', 5)])
    await set([write('a', 'plain', 6), write('b', 'versioned', 4, { version: 9 })])
    expect((await read(['a', 'b'])).items).toEqual({ a: ['plain', 6, false], b: ['plain', 5, false] })
    await set([write('c', 'one', 5, { version: 9 })])
    await set([write('c', 'two', 4, { version: 9 })])
    await set([write('c', 'three', 6, { version: 9 })])
    expect((await read(['c'])).items).toEqual({ c: ['three', 6, false] })
  })

  test('positions beyond 32 bits are compared as numbers', async ({ set, read, expect }) => {
    const far = 2 ** 52
    await set([write('a', 'far', far)])
    await set([write('a', 'near', 9)])
    expect((await read(['a'])).items).toEqual({ a: ['far', far, false] })
  })
}

export function concurrentStores(test: TierTest): void {
  test('of writes at once, the newest stays', async ({ tier, other, read, atomic, expect }) => {
    const asOfs = [3, 9, 1, 7, 5, 8, 2, 6, 4]
    const writing = asOfs.map((asOf, at) =>
      (at % 2 === 0 ? tier : other).setMany(PLACE, [write('a', String(asOf), asOf)]),
    )
    await Promise.all(writing)
    const { items } = await read(['a'])
    if (atomic) expect(items).toEqual({ a: ['9', 9, false] })
    else expect(items['a']?.[0]).toBe(String(items['a']?.[1]))
  })

  test('a value of another log is neither older nor newer: the last one stays', async ({
    set,
    read,
    expect,
  }) => {
    await set([write('a', 'old log', 900)])
    await set([write('a', 'new log', 2)], { ...PLACE, logId: OTHER_LOG })
    expect((await read(['a'])).items).toEqual({ a: ['new log', 2, false] })
  })

  test('values are removed up to an offset, newer ones stay', async ({ tier, set, read, expect }) => {
    await set([write('a', 'old', 5), write('b', 'new', 6), write('c', 'not named', 1)])
    await tier.deleteMany(PLACE, ['a', 'b', 'missing'], 5)
    expect((await read(['a', 'b', 'c'])).items).toEqual({ b: ['new', 6, false], c: ['not named', 1, false] })
  })

  test('what another service put in the place of a value is no value, and is replaced', async ({
    set,
    read,
    plant,
    expect,
  }) => {
    if (plant === undefined) return
    const hostile = ['', 'garbage', '{"key":"a","value":1}', '\u0000\u0001\u0002', 'x'.repeat(100_000)]
    for (const [at, text] of hostile.entries()) await plant(PLACE, `k${at}`, bytes(text))
    await set([write('good', 'one', 5)])
    const keys = hostile.map((_, at) => `k${at}`)
    expect((await read([...keys, 'good'])).items).toEqual({ good: ['one', 5, false] })
    await set(keys.map((key) => write(key, 'mended', 0)))
    expect(Object.values((await read(keys)).items)).toEqual(keys.map(() => ['mended', 0, false]))
  })
}
