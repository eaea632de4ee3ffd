import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../../runtime/bundle.ts'
import { Client } from '../../../worker/miniflare-client.ts'
import { until } from '../../../worker/miniflare-until.ts'
import { startWorld, type World } from '../../../worker/miniflare-world.ts'
import { type Isolates, startIsolates } from './isolates.ts'

const ENTRY = new URL('./cache-worker.ts', import.meta.url)

describe.each(['kv', 'cache'])('two isolates of workerd that share a tier: %s', (tier) => {
  let world: World
  let isolates: Isolates
  let one: Client
  let two: Client

  beforeAll(async () => {
    world = await startWorld()
    const { code } = await bundle(ENTRY, { external: ['cloudflare:*'] })
    const bindings = { KAFKA_REST_URL: world.gateway.url, ORIGIN_URL: world.source.url, TIER: tier }
    isolates = await startIsolates(code, ['one', 'two'], bindings)
    const clients = isolates.urls.map((url) => new Client(url))
    ;[one, two] = clients as [Client, Client]
    for (const client of clients) {
      await until(async () => (await client.ask('/readyz')).status === 200, 'the isolate is ready')
    }
  })
  afterAll(async () => {
    await isolates?.close()
    await world?.close()
  })

  /** Has the first isolate load the row, and waits until the tier has it. What it holds then. */
  const load = async (key: string, row: string) => {
    world.source.rows.set(key, row)
    expect((await one.read(key)).body).toEqual({ value: row, from: 'loader' })
    return until(async () => (await one.ask(`/raw/${key}`)).value ?? undefined, 'the value is in the tier')
  }

  it('take from it what the other one has loaded', async () => {
    await load('a', 'first')
    expect((await two.read('a')).body).toEqual({ value: 'first', from: 'tier' })
    expect(world.source.reads('a')).toBe(1)
  })

  it('serve nothing from it that was evicted', async () => {
    await load('b', 'first')
    world.source.rows.set('b', 'second')
    const after = await one.evict('b')
    expect((await two.read('b', { after })).body).toEqual({ value: 'second', from: 'loader' })
    expect((await one.read('b', { after })).value).toBe('second')
  })

  it('take an old value that was put over a newer one for what it is', async () => {
    const old = await load('c', 'first')
    world.source.rows.set('c', 'second')
    const isNew = async () => {
      const { value } = await one.ask('/raw/c')
      return value !== null && JSON.stringify(value) !== JSON.stringify(old)
    }
    let after: string | undefined
    const renew = async () => {
      after = await one.evict('c')
      // Else that removal could take the new value with it, which would be missed: there is no compare-and-delete.
      await until(async () => (await one.ask('/raw/c')).value === null, 'the old value is removed')
      expect((await two.read('c', { after })).body).toEqual({ value: 'second', from: 'loader' })
      // A late removal, or a write that the tier did not take in time, leaves nothing there: then the test repeats it.
      return until(isNew, 'the new value is in the tier', 3000).catch(() => false)
    }
    await until(renew, 'the new value is in the tier')
    // The first isolate has served nothing since its eviction: it would take what there is.
    await one.ask('/raw/c', { method: 'PUT', body: { value: old } })
    expect((await one.ask('/raw/c')).value).toEqual(old)
    expect((await one.read('c', { after: after! })).body).toEqual({ value: 'second', from: 'loader' })
  })
})
