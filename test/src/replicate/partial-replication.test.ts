/** Namespaces that are without `replicate`, beside one that is not: the updates topic is nothing to them. */
import { expect, it } from 'vitest'
import { replicate } from '../../../src/replicate/index.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'

async function isolate(at: World) {
  const { cache, kafka } = at.isolate({ use: [replicate()], maxCatchUpRecords: 5 })
  const shared = cache.namespace<string>('shared')
  const own = cache.namespace<string>('own', { without: ['replicate'] })
  await at.run(cache.sync())
  return { cache, kafka, shared, own }
}

/** A value of the namespace, or that it has none, in the updates topic. */
function update(at: World, message: { readonly op: string; readonly ns: string; readonly key?: string }) {
  const times = { ttl: 60_000, at: at.runtime.now(), asOf: 1 }
  const text = JSON.stringify({ v: 1, key: '1', value: 'theirs', ...times, ...message })
  const key = `${message.ns}/${message.key ?? '1'}`
  at.log.append('cache-updates', {
    key: new TextEncoder().encode(key),
    value: new TextEncoder().encode(text),
  })
}

it('they hold nothing of it, and publish nothing', async () => {
  const at = world()
  const { cache, shared, own } = await isolate(at)
  for (const ns of ['shared', 'own']) await at.run(cache.namespace<string>(ns).delete('x'))
  for (const ns of ['shared', 'own']) update(at, { op: 'put', ns })
  await at.run(cache.sync())
  expect([shared.peek('1'), own.peek('1')]).toEqual(['theirs', undefined])
  const { end } = at.log.offsets('cache-updates', 0)
  await at.run(own.set('2', 'mine'))
  await at.run(own.delete('2'))
  expect(at.log.offsets('cache-updates', 0).end).toBe(end)
  await at.run(shared.set('2', 'ours'))
  expect(at.log.offsets('cache-updates', 0).end).toBe(end + 1)
})

it('they are dropped by nothing of it', async () => {
  const at = world()
  const { cache, shared, own } = await isolate(at)
  for (const each of [shared, own]) await at.run(each.getOrSet('1', () => 'loaded'))
  for (const ns of ['shared', 'own']) update(at, { op: 'del', ns })
  await at.run(cache.sync())
  expect([shared.peek('1'), own.peek('1')]).toEqual([undefined, 'loaded'])
})

it('they keep what they hold where a part of it is passed over', async () => {
  const at = world()
  const { cache, shared, own } = await isolate(at)
  for (const each of [shared, own]) await at.run(each.getOrSet('1', () => 'loaded'))
  // More than a catch-up may take.
  for (let n = 0; n < 10; n++) update(at, { op: 'put', ns: 'shared', key: `k${n}` })
  await at.run(cache.sync())
  expect([shared.peek('1'), own.peek('1')]).toEqual([undefined, 'loaded'])
})
