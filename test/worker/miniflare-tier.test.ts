/** A shared tier in workerd: requests that share its answer share no promise, no signal and no client. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from './miniflare-client.ts'
import { startSource } from './miniflare-source.ts'
import type { Source } from './miniflare-source.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

const ENTRY = new URL('./miniflare-tier-worker.ts', import.meta.url)
const FOLLOWERS = 10

let world: World
let store: Source
let one: Client
let two: Client
beforeAll(async () => {
  world = await startWorld()
  store = await startSource()
  const bindings = { TIER_URL: store.url }
  one = await world.isolate({ entry: ENTRY, bindings })
  two = await world.isolate({ entry: ENTRY, bindings })
})
afterAll(async () => {
  await world.close()
  await store.close()
})

/** Has the first isolate load the row, and waits until the tier has it. */
async function shared(key: string, row: string): Promise<void> {
  world.source.rows.set(key, row)
  expect((await one.read(key)).body).toEqual({ value: row, from: 'loader' })
  await until(() => store.rows.has(`rows/${key}`), 'the value is in the tier')
}

describe('isolates of workerd with a tier', () => {
  it('take from it what another one has loaded, and load what was evicted since', async () => {
    await shared('a', 'first')
    expect((await two.read('a')).body).toEqual({ value: 'first', from: 'tier' })
    expect((await two.read('a')).body).toEqual({ value: 'first', from: 'memory' })
    world.source.rows.set('a', 'second')
    const after = await one.evict('a')
    expect((await two.read('a', { after })).body).toEqual({ value: 'second', from: 'loader' })
    expect(world.source.reads('a')).toBe(2)
  })

  it('that are asked by many requests at once ask it once', async () => {
    await shared('b', 'row')
    const reads = store.reads('rows/b')
    const gate = store.hold('rows/b')
    const answers = Array.from({ length: FOLLOWERS }, () => two.read('b'))
    await gate.caughtAtLeast(1)
    gate.open()
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(answers.map(() => 'row'))
    expect(store.reads('rows/b')).toBe(reads + 1)
    expect(world.source.reads('b')).toBe(1)
  })

  it('answer every caller when the request that asks it is gone', async () => {
    await shared('c', 'row')
    const gate = store.hold('rows/c', 1)
    const leave = two.leave('/cache/rows/c')
    await gate.caughtAtLeast(1)
    const answers = Array.from({ length: FOLLOWERS }, () => two.read('c'))
    leave()
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(answers.map(() => 'row'))
    gate.open()
    expect((await two.read('c')).body).toEqual({ value: 'row', from: 'memory' })
  })
})
