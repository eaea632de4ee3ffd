/** `GET /cache/:namespace/dump`: which values are handed on, and what each line says. */
import { describe, expect, it } from 'vitest'
import { bearerAuth } from '../../../worker/index.ts'
import { appWorld } from './app-world.ts'

const keysOf = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ op }) => op === 'put').map(({ key }) => key)

describe('a dump', () => {
  it('says of which log it is, then what is held and as of when, then whether that was all', async () => {
    const { isolate, runtime } = appWorld()
    const a = isolate()
    await a.run(a.orders.delete('x'))
    await a.run(a.cache.sync())
    await a.run(a.users.getOrSet('7', () => ({ name: 'Ada' }), { ttl: '10s', tags: ['team:1'] }))
    const token = await a.run(a.users.set('8', [1, null], { version: 3, ttl: '1m' }))
    await a.run(a.cache.sync())
    const then = runtime.now()
    await runtime.advance(4000)
    const [head, ...rest] = await a.dump()
    const log = head!['log']
    expect(head).toEqual({ v: 1, op: 'dump', ns: 'users', log: expect.any(String), position: 2, token })
    const both = { v: 1, op: 'put', ns: 'users', log, position: 2 }
    expect(rest).toEqual([
      {
        ...both,
        key: '7',
        value: { name: 'Ada' },
        asOf: 1,
        ttl: 10_000,
        left: expect.any(Number),
        at: expect.any(Number),
        tags: ['team:1'],
      },
      {
        ...both,
        key: '8',
        value: [1, null],
        asOf: 2,
        ttl: 60_000,
        left: expect.any(Number),
        at: expect.any(Number),
        version: 3,
      },
      { v: 1, op: 'end', values: 2, omitted: 0, complete: true },
    ])
    const [first] = rest
    expect(first!['left']).toBeLessThanOrEqual(6000)
    expect(first!['left']).toBeGreaterThan(5000)
    expect(first!['at']).toBeLessThanOrEqual(then)
  })

  it('has nothing that an eviction has met, by key, tag, prefix or all, nor what has expired', async () => {
    const { isolate, runtime } = appWorld()
    const [a, b] = [isolate(), isolate()]
    await a.run(a.cache.sync())
    const hold = (key: string, tags: readonly string[] = [], ttl = 60_000) =>
      a.run(a.users.getOrSet(key, () => key, { tags, ttl, swr: '1m' }))
    await Promise.all([hold('key'), hold('tag', ['t']), hold('eu/1'), hold('short', [], 1000), hold('stays')])
    await runtime.advance(1500)
    await a.run(b.users.delete('key'))
    await a.run(b.users.invalidateTags('t'))
    await a.run(b.users.invalidatePrefix('eu/'))
    expect(keysOf(await a.dump())).toEqual(['stays'])
    await a.run(b.users.clear())
    expect(keysOf(await a.dump())).toEqual([])
  })

  it('is of one namespace', async () => {
    const { isolate } = appWorld()
    const a = isolate()
    await a.run(a.cache.sync())
    await a.run(a.orders.getOrSet('secret', () => 'secret'))
    await a.run(a.users.getOrSet('7', () => 1))
    expect(keysOf(await a.dump())).toEqual(['7'])
    expect(keysOf(await a.dump({}, 'orders'))).toEqual(['secret'])
  })

  it('has applied what the token of its client names', async () => {
    const { isolate } = appWorld()
    const [a, b] = [isolate({ cache: { maxStaleness: '1h' } }), isolate()]
    await a.run(a.cache.sync())
    await a.run(a.users.getOrSet('7', () => 1))
    await a.run(b.cache.sync())
    const token = await a.run(b.users.delete('7'))
    const lines = await a.dump({ headers: { 'kedge-token': token } })
    expect(lines[0]).toMatchObject({ position: 1, token })
    expect(keysOf(lines)).toEqual([])
  })

  it('leaves out what JSON would lose or a message does not take, and says how much that is', async () => {
    const { isolate } = appWorld()
    const a = isolate({ cache: { maxMessageBytes: 1000 } })
    await a.run(a.cache.sync())
    const hold = (key: string, value: unknown) => a.run(a.users.getOrSet(key, () => value))
    await hold('map', { of: new Map([[1, 2]]) })
    await hold('bigint', { n: 1n })
    await hold('large', 'x'.repeat(1001))
    await hold('good', 1)
    const lines = await a.dump()
    expect(keysOf(lines)).toEqual(['good'])
    expect(lines.at(-1)).toMatchObject({ values: 1, omitted: 3, complete: true })
  })

  it.each([
    ['values', { maxDumpValues: 3 }, 3],
    ['bytes', { maxDumpBytes: 700 }, 4],
  ])('ends where it is of more %s than it may be, and says so', async (_, bulk, most) => {
    const { isolate } = appWorld()
    const a = isolate({ app: { bulk } })
    await a.run(a.cache.sync())
    for (let n = 0; n < 10; n++) await a.run(a.users.getOrSet(`${n}`, () => n))
    const lines = await a.dump()
    expect(keysOf(lines).length).toBeLessThanOrEqual(most)
    expect(keysOf(lines).length).toBeGreaterThan(1)
    expect(lines.at(-1)).toMatchObject({ op: 'end', values: keysOf(lines).length, complete: false })
  })
})

/** A dump that is read piece by piece. */
async function slowly(world: ReturnType<typeof appWorld>, bulk: object = {}) {
  const a = world.isolate({ app: { bulk } })
  await a.run(a.cache.sync())
  const row = 'x'.repeat(1000)
  for (let n = 0; n < 200; n++) await a.run(a.users.getOrSet(`${n}`, () => row))
  const response = await a.ask('/cache/users/dump')
  const reader = response.body!.getReader()
  let text = ''
  const piece = async (): Promise<boolean> => {
    const { done, value } = await a.run(reader.read())
    if (value) text += new TextDecoder().decode(value)
    return !done
  }
  const rest = async () => {
    while (await piece());
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  return { a, piece, rest, reader }
}

describe('while a dump is under way', () => {
  it('what is evicted meanwhile is not handed on any more', async () => {
    const world = appWorld()
    const { a, piece, rest } = await slowly(world)
    const b = world.isolate()
    await piece()
    await a.run(b.users.delete(['0', '150']))
    await a.run(a.cache.sync())
    const lines = await rest()
    // The first was out before: its as-of says that the eviction concerns it.
    expect(lines.find(({ key }) => key === '0')).toMatchObject({ asOf: 0, position: 0 })
    expect(keysOf(lines)).not.toContain('150')
    expect(lines.find(({ key }) => key === '199')).toMatchObject({ position: 1 })
    expect(lines.at(-1)).toMatchObject({ values: 199, complete: true })
  })

  it('another log ends it', async () => {
    const world = appWorld()
    const { a, piece, rest } = await slowly(world)
    await piece()
    world.log.recreateTopic('cache-evictions')
    await a.run(a.cache.sync())
    const lines = await rest()
    expect(lines.at(-1)).toMatchObject({ op: 'end', complete: false })
    expect(keysOf(lines).length).toBeLessThan(100)
  })

  it('its time is bounded, and so is that of a client that takes nothing', async () => {
    const world = appWorld()
    const { a, piece, rest } = await slowly(world, { dumpTime: '5s', maxDumps: 1 })
    await piece()
    expect(await (await a.ask('/cache/users/dump')).json()).toMatchObject({ code: 'ERR_OVERLOADED' })
    await world.runtime.advance(4900)
    await piece()
    await world.runtime.advance(200)
    expect((await rest()).at(-1)).toMatchObject({ op: 'end', complete: false })
    const { a: other, reader } = await slowly(world, { dumpTime: '5s', maxDumps: 1 })
    await world.runtime.advance(5100)
    await expect(other.run(reader.read())).rejects.toThrow('takes nothing')
    expect((await other.ask('/cache/users/dump')).status).toBe(200)
  })

  it('a server that stops ends it', async () => {
    const world = appWorld()
    const stop = new AbortController()
    const context = {
      waitUntil: () => {},
      passThroughOnException: () => {},
      props: {},
      stopping: stop.signal,
    }
    const a = world.isolate({ context })
    await a.run(a.cache.sync())
    await a.run(a.users.getOrSet('7', () => 1))
    stop.abort()
    expect((await a.dump()).at(-1)).toMatchObject({ op: 'end', values: 0, complete: false })
  })
})

it('a dump needs the scope read, a namespace that is served, and freshness that is proved', async () => {
  const { isolate, runtime } = appWorld()
  const a = isolate({ app: { auth: bearerAuth({ read: ['r'], evict: ['e'] }) } })
  const status = async (path: string, token?: string) =>
    (await a.ask(path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status
  expect(await status('/cache/users/dump')).toBe(401)
  expect(await status('/cache/users/dump', 'e')).toBe(403)
  expect(await status('/cache/others/dump', 'r')).toBe(404)
  expect(await status('/cache/users/dump', 'r')).toBe(200)
  a.kafka.pause()
  await runtime.advance(3000)
  expect((await a.ask('/cache/users/dump', { headers: { authorization: 'Bearer r' } })).status).toBe(503)
})
