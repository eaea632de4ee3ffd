/** A loader service: what it loads, when, and what it publishes. */
import { describe, expect, it } from 'vitest'
import { createLoader, recordsOfLambda } from '../../../services/loader/index.ts'
import { KedgeError } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { deferred, readyIn, world } from '../../src/world.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { ask, evict, makeService, running, updates } from './services.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'

/** A source that notes how it was called. */
function source(rows: Record<string, unknown> = {}) {
  const calls: string[][] = []
  const table = new Map(Object.entries(rows))
  return {
    calls,
    table,
    load: async (keys: readonly string[]) => {
      calls.push([...keys])
      return new Map(keys.flatMap((key) => (table.has(key) ? [[key, table.get(key)]] : [])))
    },
  }
}

describe('a loader service', () => {
  it('answers the misses of isolates, which then hold the values themselves', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load })
    const here = await readyIn(at)
    const there = await readyIn(at)
    const own = () => expect.fail('the isolate loaded by itself')
    const found = [here, there].map(({ users }) => users.getOrSet('1', viaLoader(own)))
    expect(await at.run(Promise.all(found))).toEqual(['Ada', 'Ada'])
    expect([here.users.peek('1'), there.users.peek('1')]).toEqual(['Ada', 'Ada'])
    expect(db.calls).toEqual([['1']])
    await loader.stop()
  })

  it('says with a value when and as of which position its load began, and how long it lives', async () => {
    const at = world()
    evict(at, 'x')
    const row = deferred<string>()
    const loader = await running(at, {
      users: { load: async () => ({ '1': await row.promise }), ttl: '10s', tags: () => ['people'] },
    })
    const began = at.runtime.now()
    ask(at, '1')
    await at.runtime.advance(300)
    evict(at, 'y')
    row.resolve('Ada')
    await at.runtime.advance(50)
    expect(updates(at)).toMatchObject([
      { op: 'put', ns: 'users', key: '1', value: 'Ada', ttl: 10_000, asOf: 1, tags: ['people'] },
    ])
    expect(updates(at)[0]!['at']).toBe(began)
    await loader.stop()
  })

  it('publishes nothing that it loaded before the evictions topic was recreated', async () => {
    const at = world()
    for (let n = 0; n < 5; n++) evict(at, 'x')
    const rows = [deferred<void>(), deferred<void>()]
    let calls = 0
    const load = async (keys: readonly string[]) => {
      await rows[calls++]?.promise
      return Object.fromEntries(keys.filter((key) => key !== 'none').map((key) => [key, 'old']))
    }
    const loader = await running(at, { users: load })
    for (const key of ['a', 'none', 'b']) ask(at, key)
    await at.runtime.advance(50)
    // An eviction comes during its load: the service loads it once more, and the others wait for it.
    evict(at, 'b')
    await at.runtime.advance(50)
    rows[0]!.resolve()
    await at.runtime.advance(50)
    expect(calls).toBe(2)
    at.log.recreateTopic('cache-evictions')
    for (let n = 0; n < 10; n++) evict(at, 'x')
    await at.runtime.advance(1500)
    rows[1]!.resolve()
    await at.runtime.advance(100)
    const log = at.log.offsets('cache-evictions', 0).logId
    expect(updates(at).filter((said) => said['log'] === log && Number(said['asOf']) < 10)).toEqual([])
    expect(updates(at)).toMatchObject([{ key: 'b', asOf: 10, log }])
    await loader.stop()
  })

  it('answers requests for a key without a value that there is none', async () => {
    const at = world()
    const loader = await running(at, { users: source().load })
    const { users } = await readyIn(at)
    const own = () => expect.fail('the isolate loaded by itself')
    expect(await at.run(users.getOrSet('1', viaLoader(own)))).toBeUndefined()
    expect(updates(at)).toMatchObject([{ op: 'del', key: '1', asOf: 0, none: true }])
    expect(loader.service.stats()).toMatchObject({ none: 1, values: 0 })
    await loader.stop()
  })

  it('loads many keys in calls of at most maxBatch, and so many calls at once as it may', async () => {
    const at = world()
    const row = deferred<void>()
    const calls: number[] = []
    const load = async (keys: readonly string[]) => {
      calls.push(keys.length)
      await row.promise
      return Object.fromEntries(keys.map((key) => [key, key]))
    }
    const loader = await running(at, { users: { load, maxBatch: 10, concurrency: 2 } })
    for (let id = 0; id < 45; id++) ask(at, `k${id}`)
    await at.runtime.advance(50)
    expect(calls).toEqual([10, 10])
    expect(loader.service.stats()).toMatchObject({ queued: 25, loading: 20 })
    row.resolve()
    await at.runtime.advance(50)
    await at.runtime.advance(50)
    expect(calls).toEqual([10, 10, 10, 10, 5])
    expect(updates(at)).toHaveLength(45)
    await loader.stop()
  })

  it('publishes the values of a batch in one call', async () => {
    const at = world()
    const loader = await running(at, {
      users: source(Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => [key, key]))).load,
    })
    for (const key of 'abcdef') ask(at, key)
    await at.runtime.advance(50)
    expect(updates(at)).toHaveLength(6)
    expect(loader.kafka.calls.produce).toBe(1)
    await loader.stop()
  })

  it('publishes large values in several calls, and what is no message not at all', async () => {
    const at = world()
    const large = 'x'.repeat(200_000)
    const load = () => ({ a: large, b: large, c: large, d: 1n, e: 'e'.repeat(1_100_000) })
    const loader = await running(at, { users: load })
    for (const key of 'abcde') ask(at, key)
    await at.runtime.advance(50)
    expect(updates(at).map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect(loader.kafka.calls.produce).toBe(2)
    expect(loader.of('batch_failed')).toMatchObject([{ keys: ['d', 'e'] }])
    await loader.stop()
  })

  it('loads a key once, however many ask while it is loaded', async () => {
    const at = world()
    const rows = [deferred<string>(), deferred<string>()]
    let loads = 0
    let under = 0
    const load = async () => {
      expect(++under).toBe(1)
      const value = await rows[loads++]!.promise
      under--
      return { '1': value }
    }
    const loader = await running(at, { users: load })
    for (let asker = 0; asker < 50; asker++) {
      ask(at, '1')
      await at.runtime.advance(5)
    }
    rows[0]!.resolve('Ada')
    await at.runtime.advance(100)
    expect([loads, updates(at).length]).toEqual([1, 1])
    expect(loader.service.stats()).toMatchObject({ requests: 50, values: 1 })
    await loader.stop()
  })

  it('drops a request that its last publication answers, and publishes a held value again for others', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load })
    ask(at, '1', { end: 0 })
    await at.runtime.advance(20)
    ask(at, '1', { end: 0 })
    await at.runtime.advance(20)
    expect(updates(at)).toHaveLength(1)
    expect(loader.service.stats()).toMatchObject({ answered: 1 })
    ask(at, '1', { end: 1 })
    await at.runtime.advance(20)
    expect(updates(at)).toHaveLength(2)
    expect(db.calls).toHaveLength(1)
    expect(loader.service.stats()).toMatchObject({ republished: 1 })
    await loader.stop()
  })

  it('publishes a held value again as of the position up to which no eviction has met it', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load })
    ask(at, '1')
    await at.runtime.advance(20)
    const asOf = evict(at, 'another') + 1
    ask(at, '1', { end: 1, asOf })
    await at.runtime.advance(50)
    expect(db.calls).toHaveLength(1)
    expect(updates(at).map((update) => update['asOf'])).toEqual([0, 1])
    // The as-of is from the start of the load.
    expect(updates(at)[0]!['at']).toBe(updates(at)[1]!['at'])
    await loader.stop()
  })

  it('loads again what was evicted since', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load })
    ask(at, '1')
    await at.runtime.advance(20)
    const asOf = evict(at, '1') + 1
    db.table.set('1', 'Grace')
    ask(at, '1', { end: 0, asOf })
    await at.runtime.advance(50)
    expect(updates(at).map(({ value, asOf: position }) => [value, position])).toEqual([
      ['Ada', 0],
      ['Grace', 1],
    ])
    await loader.stop()
  })

  it('loads again, and does not publish, a value that is evicted during its load', async () => {
    const at = world()
    const rows = [deferred<string>(), deferred<string>()]
    let loads = 0
    const loader = await running(at, { users: async () => ({ '1': await rows[loads++]!.promise }) })
    const { users, cache } = await readyIn(at)
    const own = () => expect.fail('the isolate loaded by itself')
    const asked = users.getOrSet('1', viaLoader(own))
    await at.runtime.advance(50)
    evict(at, '1')
    await at.run(cache.sync())
    await at.runtime.advance(1500)
    rows[0]!.resolve('old')
    await at.runtime.advance(20)
    expect([loads, updates(at).length]).toEqual([2, 0])
    rows[1]!.resolve('new')
    expect(await at.run(asked)).toBe('new')
    expect(users.peek('1')).toBe('new')
    await loader.stop()
  })

  it('gives up a key that is evicted again and again under way', async () => {
    const at = world()
    let loads = 0
    const loader = await running(at, {
      users: async () => {
        loads++
        evict(at, '1')
        await at.runtime.sleep(1200)
        return { '1': 'old' }
      },
    })
    ask(at, '1', { deadline: at.runtime.now() + 60_000 })
    await at.runtime.advance(10_000)
    expect(loads).toBe(3)
    expect(updates(at)).toEqual([])
    expect(loader.of('request_dropped')).toMatchObject([{ key: '1', reason: 'unshareable' }])
    await loader.stop()
  })

  it('publishes no value that must not be kept', async () => {
    const at = world()
    const loader = await running(at, { users: { load: () => ({ '1': 'Ada' }), ttl: 0 } })
    ask(at, '1')
    await at.runtime.advance(20)
    expect(updates(at)).toEqual([])
    expect(loader.service.stats()).toMatchObject({ unshareable: 1 })
    await loader.stop()
  })

  it('publishes nothing that has not settled at a source that lags', async () => {
    const at = world()
    const loader = await running(at, { users: { load: () => ({ '1': 'Ada' }), settle: '2s' } })
    evict(at, '1')
    await at.runtime.advance(1500)
    ask(at, '1')
    await at.runtime.advance(50)
    expect(updates(at)).toEqual([])
    expect(loader.of('request_dropped')).toMatchObject([{ reason: 'unshareable' }])
    await at.runtime.advance(3000)
    ask(at, '1')
    await at.runtime.advance(50)
    expect(updates(at)).toHaveLength(1)
    await loader.stop()
  })

  it('loads for a request of a later position, instead of publishing a held value again', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load }, { maxStaleness: '10s' })
    ask(at, '1')
    await at.runtime.advance(20)
    loader.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'offsets' })
    const asOf = evict(at, 'another') + 1
    ask(at, '1', { end: 1, asOf })
    await at.runtime.advance(3000)
    expect(db.calls).toHaveLength(2)
    await loader.stop()
  })

  it('drops requests whose askers have given up, allowing for the skew of clocks', async () => {
    const at = world()
    const db = source({ '1': 'Ada', '2': 'Bob' })
    const loader = await running(at, { users: db.load }, { maxSkew: 1000 })
    ask(at, '1', { deadline: at.runtime.now() - 900 })
    ask(at, '2', { deadline: at.runtime.now() - 1100 })
    await at.runtime.advance(20)
    expect(db.calls).toEqual([['1']])
    expect(loader.of('request_dropped')).toMatchObject([{ key: '2', reason: 'expired' }])
    await loader.stop()
  })

  it('drops the oldest of more keys than may wait', async () => {
    const at = world()
    const row = deferred<void>()
    const loaded: string[] = []
    const load = async (keys: readonly string[]) => {
      await row.promise
      loaded.push(...keys)
      return {}
    }
    const loader = await running(at, { users: { load, concurrency: 1, maxBatch: 1 } }, { maxQueue: 3 })
    for (const key of 'abcdef') ask(at, key, { deadline: at.runtime.now() + 60_000 })
    await at.runtime.advance(20)
    expect(loader.of('request_dropped').map(({ key, reason }) => [key, reason])).toEqual([
      ['a', 'overflow'],
      ['b', 'overflow'],
      ['c', 'overflow'],
    ])
    row.resolve()
    await at.runtime.advance(20)
    expect(loaded).toEqual(['d', 'e', 'f'])
    await loader.stop()
  })

  it('pauses calls to a failing source, and leaves the loads to the isolates meanwhile', async () => {
    const at = world()
    let loads = 0
    const down = new Error('down')
    const loader = await running(at, {
      users: () => {
        loads++
        throw down
      },
    })
    const { users } = await readyIn(at)
    expect(
      await at.run(
        users.getOrSet(
          '1',
          viaLoader(() => 'own', { wait: 300 }),
        ),
      ),
    ).toBe('own')
    ask(at, '1')
    await at.runtime.advance(20)
    expect(loads).toBe(1)
    expect(loader.of('batch_failed')).toMatchObject([{ namespace: 'users', keys: ['1'], error: down }])
    expect(loader.of('request_dropped')).toMatchObject([{ key: '1', reason: 'failing' }])
    ask(at, '2')
    await at.runtime.advance(20)
    expect(loads).toBe(2)
    // Twice in a row: now the service pauses calls to the source.
    ask(at, '3')
    await at.runtime.advance(20)
    expect(loads).toBe(2)
    await at.runtime.advance(1200)
    ask(at, '3')
    await at.runtime.advance(20)
    expect(loads).toBe(3)
    expect(loader.service.stats()).toMatchObject({ failed: 3, failing: 2 })
    await loader.stop()
  })

  it('gives a load up after hardTimeout, aborts its loader, and goes on', async () => {
    const at = world()
    const signals: AbortSignal[] = []
    let hangs = true
    const load = (keys: readonly string[], { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return hangs ? new Promise<never>(() => undefined) : { [keys[0]!]: 'Ada' }
    }
    const loader = await running(at, { users: { load, hardTimeout: 500, concurrency: 1 } })
    ask(at, '1')
    await at.runtime.advance(600)
    expect(signals[0]!.aborted).toBe(true)
    expect(loader.of('batch_failed')).toMatchObject([{ error: { code: 'ERR_LOADER_TIMEOUT' } }])
    hangs = false
    ask(at, '2')
    await at.runtime.advance(20)
    expect(updates(at)).toMatchObject([{ key: '2' }])
    await loader.stop()
  })

  it('counts a publication that failed, and answers the next request without loading again', async () => {
    const at = world()
    const db = source({ '1': 'Ada' })
    const loader = await running(at, { users: db.load })
    loader.kafka.fail(new KedgeError('ERR_AUTH', 'no'), { on: 'produce', times: 1 })
    ask(at, '1')
    await at.runtime.advance(20)
    expect(loader.of('batch_failed')).toMatchObject([{ keys: ['1'], error: { code: 'ERR_AUTH' } }])
    ask(at, '1')
    await at.runtime.advance(20)
    expect(updates(at)).toMatchObject([{ value: 'Ada' }])
    expect(db.calls).toHaveLength(1)
    await loader.stop()
  })

  it('counts requests for namespaces that it does not serve, and records that are none', async () => {
    const at = world()
    const loader = await running(at, { users: source().load })
    ask(at, '1', { ns: 'orders' })
    ask(at, '1', { op: 'unload' })
    await at.runtime.advance(20)
    expect(loader.service.stats()).toMatchObject({ requests: 1, foreign: 1, unreadable: 1 })
    expect(loader.of('request_unreadable')).toMatchObject([{ partition: 0, offset: 1 }])
    await loader.stop()
  })

  it('understands requests that say no more than the key and a deadline', async () => {
    const at = world()
    const loader = await running(at, { users: source({ '1': 'Ada' }).load })
    ask(at, '1', { end: undefined, asOf: undefined })
    await at.runtime.advance(20)
    expect(updates(at)).toMatchObject([{ value: 'Ada' }])
    await loader.stop()
  })

  it('ignores a position of another log', async () => {
    const at = world()
    const loader = await running(at, { users: source({ '1': 'Ada' }).load })
    ask(at, '1', { asOf: 1000, log: 'another' })
    await at.runtime.advance(20)
    ask(at, '1', { asOf: 1000, log: 'another' })
    await at.runtime.advance(20)
    expect(loader.service.stats()).toMatchObject({ loads: 1, answered: 1 })
    await loader.stop()
  })

  it('still loads values when the evictions cannot be read, as of what it knows', async () => {
    const at = world()
    const db = source({ '1': 'Ada', '2': 'Bob' })
    const loader = await running(at, { users: db.load }, { maxStaleness: 100 })
    ask(at, '1')
    await at.runtime.advance(50)
    loader.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'offsets' })
    await at.runtime.advance(1000)
    ask(at, '1', { end: 1 })
    ask(at, '2')
    await at.runtime.advance(3000)
    // What it holds is not proved fresh any more: the service loads it instead of publishing it again.
    expect(db.calls).toEqual([['1'], ['1', '2']])
    expect(loader.service.health()).toMatchObject({ ready: false })
    await loader.stop()
  })
})

describe('reading the requests', () => {
  it('begins at the end, or the configured number of records before it', async () => {
    const at = world()
    for (const key of 'abcd') ask(at, key)
    const db = source()
    const fromEnd = await running(at, { users: db.load })
    await at.runtime.advance(20)
    expect(db.calls).toEqual([])
    await fromEnd.stop()
    const back = await running(at, { users: db.load }, { lookback: 2 })
    await at.runtime.advance(20)
    expect(db.calls).toEqual([['c', 'd']])
    await back.stop()
  })

  it.each([
    [{ partitions: [0, 2] }, [0, 2]],
    [{ share: '1/2' }, [0, 2]],
    [{ share: '2/2' }, [1, 3]],
    [{}, [0, 1, 2, 3]],
  ])('reads its own partitions: %j', async (options, partitions) => {
    const at = world()
    at.log.createTopic('cache-requests', { partitions: 4 })
    const db = source()
    const loader = await running(at, { users: db.load }, options)
    for (let partition = 0; partition < 4; partition++) {
      const value = { v: 1, op: 'load', ns: 'users', key: `k${partition}`, deadline: at.runtime.now() + 1000 }
      at.log.append('cache-requests', {
        key: null,
        value: new TextEncoder().encode(JSON.stringify(value)),
        partition,
      })
    }
    await at.runtime.advance(20)
    expect(db.calls.flat().toSorted()).toEqual(partitions.map((partition) => `k${partition}`))
    await loader.stop()
  })

  it('goes on after reads that fail, later and later, and says so', async () => {
    const at = world()
    const loader = await running(at, { users: source({ '1': 'Ada' }).load })
    loader.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'read' })
    await at.runtime.advance(20_000)
    const unread = loader.of('requests_unread')
    expect(unread.length).toBeGreaterThan(3)
    expect(unread.length).toBeLessThan(12)
    expect(loader.service.health().ready).toBe(false)
    loader.kafka.fail()
    ask(at, '1', { deadline: at.runtime.now() + 10_000 })
    await at.runtime.advance(6000)
    expect(updates(at)).toHaveLength(1)
    expect(loader.service.health()).toEqual({ ready: true })
    await loader.stop()
  })

  it('waits for a topic that is not there yet', async () => {
    const at = world()
    const log = new MemoryLog({ autoCreate: false, now: () => at.runtime.now() })
    log.createTopic('cache-evictions')
    log.createTopic('cache-updates')
    const there = { ...at, log }
    const loader = await running(there, { users: source({ '1': 'Ada' }).load })
    await at.runtime.advance(2000)
    expect(loader.service.health()).toMatchObject({ ready: false, error: { code: 'ERR_UNKNOWN_TOPIC' } })
    log.createTopic('cache-requests')
    await at.runtime.advance(5000)
    expect(loader.service.health().ready).toBe(true)
    ask(there, '1')
    await at.runtime.advance(50)
    expect(updates(there)).toHaveLength(1)
    await loader.stop()
  })

  it('goes on at the end of a topic that was recreated, and reports what it has lost', async () => {
    const at = world()
    for (const key of 'abc') ask(at, key)
    const db = source({ d: 'Dan' })
    const loader = await running(at, { users: db.load })
    at.log.recreateTopic('cache-requests')
    await at.runtime.advance(6000)
    expect(loader.of('requests_skipped')).toMatchObject([{ partition: 0, from: 3, to: 0 }])
    ask(at, 'd')
    await at.runtime.advance(50)
    expect(updates(at)).toMatchObject([{ value: 'Dan' }])
    await loader.stop()
  })

  it('asks a log without long polls with pauses', async () => {
    const at = world()
    const loader = await running(
      at,
      { users: source({ '1': 'Ada' }).load },
      {},
      { capabilities: { longPoll: false } },
    )
    await at.runtime.advance(10_000)
    expect(loader.kafka.calls.read).toBeLessThan(40)
    ask(at, '1')
    await at.runtime.advance(600)
    expect(updates(at)).toHaveLength(1)
    await loader.stop()
  })

  it('reports how far it is behind', async () => {
    const at = world()
    const row = deferred<void>()
    const load = async () => {
      await row.promise
      return {}
    }
    const loader = await running(at, { users: { load, concurrency: 1, maxBatch: 1 } })
    expect(await at.run(loader.service.lag())).toMatchObject({ records: 0, queued: 0, ageMs: 0 })
    for (const key of 'abc') ask(at, key)
    await at.runtime.advance(700)
    expect(await at.run(loader.service.lag())).toMatchObject({ records: 0, queued: 2, ageMs: 700 })
    row.resolve()
    await loader.stop()
    ask(at, 'd')
    expect(await at.run(loader.service.lag())).toMatchObject({ records: 1 })
  })
})

describe('the end of a service', () => {
  it('is after what it has begun and what waits, within drain', async () => {
    const at = world()
    const rows = deferred<void>()
    const load = async (keys: readonly string[]) => {
      await rows.promise
      return { [keys[0]!]: 'x' }
    }
    const loader = await running(at, { users: { load, maxBatch: 1, concurrency: 1 } })
    ask(at, 'a')
    ask(at, 'b')
    await at.runtime.advance(20)
    let ended = false
    const over = loader.stop().then(() => (ended = true))
    await at.runtime.advance(1000)
    expect(ended).toBe(false)
    rows.resolve()
    await at.run(over)
    expect(updates(at).map(({ key }) => key)).toEqual(['a', 'b'])
  })

  it('comes when drain is over, whatever its loaders do', async () => {
    const at = world()
    const loader = await running(at, { users: () => new Promise<never>(() => undefined) }, { drain: 500 })
    ask(at, 'a')
    await at.runtime.advance(20)
    const before = at.runtime.monotonic()
    await loader.stop()
    expect(at.runtime.monotonic() - before).toBeLessThan(700)
    expect(at.runtime.sleeping).toBeLessThan(3)
  })

  it('comes with close too, and then nothing is taken in', async () => {
    const at = world()
    const made = makeService(at, { users: source().load })
    const over = made.service.run({ signal: new AbortController().signal })
    await at.runtime.advance(20)
    await made.service.close()
    await at.run(over)
    await expect(made.service.load([])).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(made.service.step({ budget: 1 })).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe.each([
  ['where promises may be shared', false],
  ['where requests are isolated', true],
])('in steps, %s', (_, isolatesRequests) => {
  it('reads for as long as its budget says, and goes on where the last step ended', async () => {
    const at = world({ isolatesRequests })
    const db = source({ '1': 'Ada', '2': 'Bob' })
    const { service } = makeService(at, { users: db.load })
    const before = at.runtime.monotonic()
    const first = service.step({ budget: '1s' })
    await at.runtime.advance(100)
    ask(at, '1')
    expect(await at.run(first)).toMatchObject({ answered: 1, failed: 0 })
    expect(at.runtime.monotonic() - before).toBeLessThan(1100)
    ask(at, '2')
    expect(await at.run(service.step({ budget: '1s' }))).toMatchObject({ answered: 1 })
    expect(db.calls).toEqual([['1'], ['2']])
    expect(at.runtime.sleeping).toBe(0)
  })

  it('finishes what it has begun when its budget is over', async () => {
    const at = world({ isolatesRequests })
    const load = async () => {
      await at.runtime.sleep(800)
      return { '1': 'Ada' }
    }
    const { service } = makeService(at, { users: load })
    const step = service.step({ budget: 500 })
    await at.runtime.advance(50)
    ask(at, '1')
    expect(await at.run(step)).toMatchObject({ answered: 1 })
    expect(updates(at)).toHaveLength(1)
  })

  it('ends with the reason of its signal', async () => {
    const at = world({ isolatesRequests })
    const { service } = makeService(at, { users: source().load })
    const stop = new AbortController()
    const step = service.step({ budget: '10s', signal: stop.signal })
    await at.runtime.advance(50)
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(at.run(step)).rejects.toBe(reason)
  })

  it('answers requests that another consumer has read', async () => {
    const at = world({ isolatesRequests })
    const db = source({ '1': 'Ada' })
    const { service } = makeService(at, { users: db.load })
    const request = (key: string, more = {}) => ({
      v: 1,
      op: 'load',
      ns: 'users',
      key,
      deadline: at.runtime.now() + 1000,
      ...more,
    })
    const bytes = new TextEncoder().encode(JSON.stringify(request('2')))
    const given = [
      request('1'),
      request('1'),
      bytes,
      request('3', { deadline: 0 }),
      request('4', { ns: 'x' }),
      'no',
    ]
    expect(await at.run(service.load(given))).toEqual({
      answered: 2,
      failed: 0,
      expired: 1,
      overflow: 0,
      failing: 0,
      unshareable: 0,
      foreign: 1,
      unreadable: 1,
    })
    expect(updates(at)).toMatchObject([
      { key: '1', value: 'Ada' },
      { key: '2', none: true },
    ])
  })

  it('waits for keys that are loaded for another request already', async () => {
    const at = world({ isolatesRequests })
    const row = deferred<string>()
    let loads = 0
    const load = async () => {
      loads++
      return { '1': await row.promise }
    }
    const { service } = makeService(at, { users: load })
    const request = { v: 1, op: 'load', ns: 'users', key: '1', deadline: at.runtime.now() + 5000 }
    const both = [service.load([request]), service.load([request])]
    await at.runtime.advance(100)
    row.resolve('Ada')
    expect(await at.run(Promise.all(both))).toMatchObject([{ answered: 1 }, { answered: 1 }])
    expect([loads, updates(at).length]).toEqual([1, 1])
  })
})

describe('an event of Lambda', () => {
  it('gives the values of its records, whatever their partition, and refuses what is none', () => {
    const at = (partition: number, offset: number) => ({ topic: 'cache-requests', partition, offset })
    const records = {
      'cache-requests-0': [
        { ...at(0, 1), value: btoa('a') },
        { ...at(0, 2), value: null },
      ],
      'cache-requests-1': [{ ...at(1, 1), value: btoa('b') }],
    }
    expect(
      recordsOfLambda({ eventSource: 'aws:kafka', records }).map((bytes) => new TextDecoder().decode(bytes)),
    ).toEqual(['a', 'b'])
    expect(() => recordsOfLambda({ Records: [] })).toThrow('not a Kafka event of Lambda')
  })
})

describe('wrong options', () => {
  const kafka = memory()
  const users = () => ({})
  it.each([
    ['`loaders`', {}],
    ['`loaders`', { loaders: {} }],
    ['`loaders.users`', { loaders: { users: 7 } }],
    ['`loaders.no name`', { loaders: { 'no name': users } }],
    ['`loaders.users', { loaders: { users: { load: users, maxBatch: 0 } } }],
    ['`loaders.users.without`', { loaders: { users: { load: users, without: ['sharedTier'] } } }],
    ['`via`', { loaders: { users: { load: users, via: 'loader' } } }],
    ['`use`', { loaders: { users }, use: [replicate()] }],
    ['`colour`', { loaders: { users: { load: users, colour: 'red' } } }],
    ['`colour`', { loaders: { users }, colour: 'red' }],
    ['`mode`', { loaders: { users }, mode: 'replicate' }],
    ['`share`', { loaders: { users }, share: '4/3' }],
    ['`share`', { loaders: { users }, share: '0/3' }],
    ['`partitions`', { loaders: { users }, partitions: [] }],
    ['`share` and `partitions`', { loaders: { users }, partitions: [0], share: '1/2' }],
    ['`drain`', { loaders: { users }, drain: 'long' }],
    ['`maxQueue`', { loaders: { users }, maxQueue: 0 }],
    ['`lookback`', { loaders: { users }, lookback: -1 }],
    ['`ttl`', { loaders: { users }, ttl: 'long' }],
  ])('are refused by name: %s in %j', (name, options) => {
    expect(() => createLoader({ kafka, ...options } as never)).toThrow(TypeError)
    expect(() => createLoader({ kafka, ...options } as never)).toThrow(name)
  })

  it('are refused in a step: `budget`', async () => {
    const service = createLoader({ kafka, loaders: { users } })
    await expect(service.step({ budget: 'long' as never })).rejects.toThrow('`budget`')
  })
})
