/** What evictions do to a tier. @module */
import type { TierTest } from './bench.ts'
import { batch, evict, LOG, OTHER_LOG, OTHER_SPACE, PLACE, write } from './bench.ts'

const AT_5 = { position: 5, logId: LOG }

export function evicting(test: TierTest): void {
  test('an eviction removes its keys, and moves the position', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5), write('b', 'two', 5)])
    expect(await apply(5, 8, evict(6, { keys: ['a', 'missing'] }))).toBe('applied')
    expect(await read(['a', 'b'])).toEqual({
      items: { b: ['two', 5, true] },
      applied: { position: 8, logId: LOG },
    })
  })

  test('an eviction leaves what is newer than itself', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'after', 7)])
    await apply(5, 7, evict(6, { keys: ['a'] }))
    expect((await read(['a'])).items).toEqual({ a: ['after', 7, true] })
    // At its own offset it is older: the load began before the eviction was in the log.
    await set([write('b', 'at', 7)])
    await apply(7, 8, evict(7, { keys: ['b'] }))
    expect((await read(['b'])).items).toEqual({})
  })

  test('an eviction of one namespace leaves the others', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'user', 5)])
    await set([write('a', 'order', 5)], OTHER_SPACE)
    await apply(5, 6, evict(5, { keys: ['a'] }))
    expect((await read(['a'])).items).toEqual({})
    expect((await read(['a'], OTHER_SPACE)).items).toEqual({ a: ['order', 5, true] })
  })

  test('an eviction without a namespace means its keys in every one', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'user', 5), write('b', 'user', 5)])
    await set([write('a', 'order', 5)], OTHER_SPACE)
    await apply(5, 6, evict(5, { namespace: undefined, keys: ['a'] }))
    expect((await read(['a'])).items).toEqual({})
    expect((await read(['a'], OTHER_SPACE)).items).toEqual({})
  })
}

export function evictingGroups(test: TierTest): void {
  test('an eviction of a group hides every older value of the namespace', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5), write('b', 'later', 7)])
    await set([write('a', 'order', 5)], OTHER_SPACE)
    await apply(5, 7, evict(6, { group: true }))
    expect((await read(['a', 'b'])).items).toEqual({ b: ['later', 7, true] })
    expect((await read(['a'], OTHER_SPACE)).items).toEqual({ a: ['order', 5, true] })
    // What comes late is not returned either; what was loaded since is.
    await set([write('c', 'late', 6)])
    await set([write('a', 'again', 7)])
    expect((await read(['a', 'b', 'c'])).items).toEqual({ a: ['again', 7, true], b: ['later', 7, true] })
  })

  test('an eviction of everything hides every older value of the partition', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'user', 5)])
    await set([write('a', 'order', 5)], OTHER_SPACE)
    await apply(5, 6, evict(5, { namespace: undefined, group: true }))
    expect((await read(['a'])).items).toEqual({})
    expect((await read(['a'], OTHER_SPACE)).items).toEqual({})
    await set([write('a', 'late', 5)], { ...PLACE, namespace: 'never seen before' })
    expect((await read(['a'], { ...PLACE, namespace: 'never seen before' })).items).toEqual({})
  })

  test('an eviction of a version leaves newer versions', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([
      write('a', 'v1', 5, { version: 1 }),
      write('b', 'v2', 5, { version: 2 }),
      write('c', 'v3', 5, { version: 3 }),
      write('d', 'none', 5),
    ])
    await apply(5, 6, evict(5, { keys: ['a', 'b', 'c', 'd'], version: 2 }))
    expect(Object.keys((await read(['a', 'b', 'c', 'd'])).items)).toEqual(['b', 'c'])
  })
}

/** Values that come after what would have evicted them. */
export function lateStores(test: TierTest): void {
  test('a value stored below the position is not covered: evictions have passed it by', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await apply(5, 8)
    await set([write('a', 'late', 7), write('b', 'in time', 8)])
    expect((await read(['a', 'b'])).items).toEqual({ a: ['late', 7, false], b: ['in time', 8, true] })
  })

  test('a value of an evicted key that comes late is not returned as covered', async ({
    applier,
    apply,
    set,
    read,
    refusesLate,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'old', 5)])
    await apply(5, 7, evict(6, { keys: ['a', 'b'] }))
    await set([write('a', 'late', 6), write('b', 'late', 5)])
    const { items } = await read(['a', 'b'])
    if (refusesLate) expect(items).toEqual({})
    else expect(Object.values(items).filter(([, , covered]) => covered)).toEqual([])
    await set([write('a', 'new', 7)])
    expect((await read(['a'])).items).toEqual({ a: ['new', 7, true] })
  })
}

export function batching(test: TierTest): void {
  test('a batch behind a gap applies nothing', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, AT_5)
    await set([write('a', 'one', 5)])
    expect(await apply(6, 8, evict(7, { keys: ['b'] }))).toBe('gap')
    expect(await applier.apply(batch(5, 8, [], OTHER_LOG))).toBe('gap')
    expect(await read(['a'])).toEqual({ items: { a: ['one', 5, true] }, applied: AT_5 })
  })

  test('a batch that was applied already moves nothing back', async ({
    applier,
    apply,
    set,
    read,
    expect,
  }) => {
    await applier.begin(0, AT_5)
    await apply(5, 9, evict(6, { keys: ['a'] }))
    await set([write('a', 'new', 9)])
    expect(await apply(5, 7, evict(6, { keys: ['a'] }))).toBe('applied')
    expect(await read(['a'])).toEqual({
      items: { a: ['new', 9, true] },
      applied: { position: 9, logId: LOG },
    })
    // One that overlaps carries on from where the other one was.
    expect(await apply(7, 11, evict(10, { keys: ['a'] }))).toBe('applied')
    expect(await read(['a'])).toEqual({ items: {}, applied: { position: 11, logId: LOG } })
  })

  test('two appliers at once leave what one would have left', async ({ tier, other, set, read, expect }) => {
    const appliers = [tier.applier!, other.applier!]
    await Promise.all(appliers.map((applier) => applier.begin(0, { position: 0, logId: LOG })))
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`)
    await set(keys.map((key) => write(key, 'old', 0)))
    const evictions = keys.map((key, at) => evict(at, { keys: at % 2 === 0 ? [key] : [] }))
    const follow = async (at: number): Promise<void> => {
      for (let from = 0; from < keys.length; from += 5) {
        await appliers[at]!.apply(batch(from, from + 5, evictions.slice(from, from + 5)))
      }
    }
    await Promise.all([follow(0), follow(1)])
    const { items, applied } = await read(keys)
    expect(applied).toEqual({ position: 20, logId: LOG })
    expect(Object.keys(items).toSorted()).toEqual(keys.filter((_, at) => at % 2 === 1).toSorted())
  })

  test('a large batch is applied whole', async ({ applier, apply, set, read, expect }) => {
    await applier.begin(0, { position: 0, logId: LOG })
    const keys = Array.from({ length: 2000 }, (_, at) => `k${at}`)
    await set(keys.map((key) => write(key, 'old', 0)))
    const evictions = keys.map((key, at) => evict(at, { keys: [key] }))
    expect(await apply(0, keys.length, ...evictions)).toBe('applied')
    expect(await read(keys)).toEqual({ items: {}, applied: { position: 2000, logId: LOG } })
  })
}
