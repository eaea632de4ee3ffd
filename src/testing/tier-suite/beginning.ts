/** Where a tier begins to follow the log. @module */
import type { TierTest } from './bench.ts'
import { batch, bytes, evict, LOG, OTHER_LOG, OTHER_SPACE, PLACE, write } from './bench.ts'

const AT_5 = { position: 5, logId: LOG }

export function beginning(test: TierTest): void {
  test('before it has begun there is no position, and nothing can be applied', async ({
    applier,
    apply,
    read,
    expect,
  }) => {
    expect(await applier.position(0)).toBe(undefined)
    expect(await apply(0, 1)).toBe('gap')
    expect(await read(['a'])).toEqual({ items: {} })
  })

  test('the position is returned with the values', async ({ applier, read, expect }) => {
    await applier.begin(0, AT_5)
    expect(await applier.position(0)).toEqual(AT_5)
    expect((await read(['a'])).applied).toEqual(AT_5)
    expect((await read([])).applied).toEqual(AT_5)
    expect(await applier.position(1)).toBe(undefined)
    expect((await read(['a'], { ...PLACE, partition: 1 })).applied).toBe(undefined)
  })

  test('a log without an identity is followed as well', async ({ applier, tier, set, expect }) => {
    await applier.begin(0, { position: 5, logId: undefined })
    expect(await applier.position(0)).toEqual({ position: 5, logId: undefined })
    const place = { ...PLACE, logId: undefined }
    await set([write('a', 'one', 5)], place)
    const { items, applied } = await tier.getMany(place, ['a'])
    expect(items.get('a')?.covered).toBe(true)
    expect(applied).toEqual({ position: 5, logId: undefined })
    expect(await applier.apply({ partition: 0, logId: undefined, from: 5, to: 6, evictions: [] })).toBe(
      'applied',
    )
    expect(await applier.apply(batch(6, 7, []))).toBe('gap')
  })

  test('what was there before it began is not covered, what comes after is', async ({
    applier,
    set,
    read,
    expect,
  }) => {
    await set([write('a', 'before', 7)])
    await applier.begin(0, AT_5)
    await set([write('b', 'after', 5)])
    expect((await read(['a', 'b'])).items).toEqual({ a: ['before', 7, false], b: ['after', 5, true] })
  })

  test('beginning further on uncovers what is there', async ({ applier, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5)])
    await applier.begin(0, { position: 9, logId: LOG })
    expect(await applier.position(0)).toEqual({ position: 9, logId: LOG })
    expect((await read(['a'])).items).toEqual({ a: ['one', 5, false] })
  })

  test('beginning where it has been already changes nothing', async ({ applier, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5)])
    await applier.begin(0, AT_5)
    await applier.begin(0, { position: 3, logId: LOG })
    expect(await read(['a'])).toEqual({ items: { a: ['one', 5, true] }, applied: AT_5 })
  })
}

/** Stores that were wiped, and logs that are others. */
export function beginningAnew(test: TierTest): void {
  test('a wiped store has no position and covers nothing', async ({
    applier,
    apply,
    set,
    read,
    wipe,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await wipe()
    expect(await applier.position(0)).toBe(undefined)
    expect(await apply(5, 6)).toBe('gap')
    await set([write('a', 'one', 7)])
    expect(await read(['a'])).toEqual({ items: { a: ['one', 7, false] } })
    await applier.begin(0, AT_5)
    expect((await read(['a'])).items).toEqual({ a: ['one', 7, false] })
  })

  test('another log begins anew, at a lower position too', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, { position: 50, logId: LOG })
    await set([write('a', 'one', 50), write('b', 'one', 50)])
    await apply(50, 51, evict(50, { keys: ['b'] }), evict(50, { namespace: 'orders', group: true }))
    await applier.begin(0, { position: 2, logId: OTHER_LOG })
    expect(await applier.position(0)).toEqual({ position: 2, logId: OTHER_LOG })
    expect(await apply(51, 52)).toBe('gap')
    // A value of the log before is not covered, and keeps no other value out.
    const { items } = await read(['a'])
    expect(items['a']?.[2] ?? false).toBe(false)
    await set([write('c', 'late, of the log before', 51)])
    expect((await read(['c'])).items['c']?.[2] ?? false).toBe(false)
    const place = { ...PLACE, logId: OTHER_LOG }
    await set([write('a', 'two', 2), write('b', 'two', 3)], place)
    await set([write('a', 'order', 2)], { ...OTHER_SPACE, logId: OTHER_LOG })
    expect((await read(['a', 'b'], place)).items).toEqual({ a: ['two', 2, true], b: ['two', 3, true] })
    expect((await read(['a'], { ...OTHER_SPACE, logId: OTHER_LOG })).items).toEqual({ a: ['order', 2, true] })
  })

  test('bytes that are no position are none', async ({ applier, read, set, plantPosition, expect }) => {
    if (plantPosition === undefined) return
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5)])
    for (const text of ['', 'garbage', '-1', '{"position":"9"}', '99999999999999999999']) {
      await plantPosition(0, bytes(text))
      expect(await applier.position(0)).toBe(undefined)
      expect((await read(['a'])).applied).toBe(undefined)
      expect(await applier.apply(batch(5, 6, []))).toBe('gap')
    }
    await applier.begin(0, AT_5)
    expect(await applier.position(0)).toEqual(AT_5)
    expect((await read(['a'])).items['a']?.[2] ?? false).toBe(false)
  })
}
