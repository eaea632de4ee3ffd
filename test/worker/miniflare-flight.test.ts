import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Replacement } from '../runtime/bundle.ts'
import type { Answer, Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

/** Uses the cache without the context of a request. */
const ROOTLESS = new URL('./miniflare-rootless-worker.ts', import.meta.url)
const FOLLOWERS = 10

interface Stats {
  readonly loads: number
  readonly misses: number
  readonly takeover: number
  readonly entries: number
}

const statsOf = async (client: Client): Promise<Stats> => (await client.ask('/stats')).body as Stats

let world: World
/** As it is deployed: what a request began lives on under `waitUntil`. */
let deployed: Client
/** What a request began dies with it. */
let rootless: Client
beforeAll(async () => {
  world = await startWorld()
  deployed = await world.isolate()
  rootless = await world.isolate({ entry: ROOTLESS })
})
afterAll(() => world.close())

interface Followed {
  /** The requests that follow; the leader's load has not been answered. */
  readonly followers: readonly Promise<Answer>[]
  /** Lets the leader's client hang up. */
  readonly leave: () => void
  readonly gate: ReturnType<World['source']['hold']>
}

/** A request leads a load that the origin does not answer, and others wait for it. */
async function followed(at: World, client: Client, key: string, withinMs?: number): Promise<Followed> {
  at.source.rows.set(key, 'row')
  const gate = at.source.hold(key, 1)
  const leave = client.leave(`/cache/rows/${key}`)
  await gate.caughtAtLeast(1)
  const ask = withinMs === undefined ? {} : { withinMs }
  const followers = Array.from({ length: FOLLOWERS }, () => client.read(key, ask))
  // The test looks at them below; until then a failure must not count as unhandled.
  for (const each of followers) each.catch(() => undefined)
  return { followers, leave, gate }
}

const values = async (followers: readonly Promise<Answer>[]): Promise<unknown[]> =>
  (await Promise.all(followers)).map(({ status, value }) => (status === 200 ? value : status))

const ROWS = Array.from({ length: FOLLOWERS }, () => 'row')

describe('followers of a load', () => {
  it('wait for it, each with its own timer, and no other load runs', async () => {
    const before = await statsOf(rootless)
    const { followers, gate } = await followed(world, rootless, 'alive')
    await until(
      async () => (await statsOf(rootless)).misses === before.misses + FOLLOWERS + 1,
      'all have come',
    )
    gate.open()
    expect(await values(followers)).toEqual(ROWS)
    expect(world.source.reads('alive')).toBe(1)
    const { loads, takeover } = await statsOf(rootless)
    expect([loads - before.loads, takeover - before.takeover]).toEqual([1, 0])
  })

  it('get it although the client of its leader hung up, where it lives on under waitUntil', async () => {
    const { followers, leave, gate } = await followed(world, deployed, 'kept')
    leave()
    // The isolate goes on with other work meanwhile, and the load is not broken off.
    for (let nth = 0; nth < 20; nth++) await deployed.read('other')
    gate.open()
    expect(await values(followers)).toEqual(ROWS)
    expect([world.source.reads('kept'), gate.broken]).toEqual([1, 0])
  })

  it('get an answer when the origin never gives one', async () => {
    const timeout: Replacement = {
      file: 'worker/origin-request.ts',
      from: 'timeoutMs = 10_000',
      to: 'timeoutMs = 1_000',
    }
    const client = await world.isolate({ replacements: [timeout] })
    const { followers, leave } = await followed(world, client, 'silent')
    leave()
    // Callers that came during the load learn how it ended; a later one begins another load.
    for (const { status, value } of await Promise.all(followers)) {
      expect(status === 504 || value === 'row').toBe(true)
    }
    expect(await client.read('silent')).toMatchObject({ status: 200, value: 'row' })
  })

  it('take over, one of them, when the leader has ended and its load with it', async () => {
    const before = await statsOf(rootless)
    const { followers, leave, gate } = await followed(world, rootless, 'gone')
    await until(
      async () => (await statsOf(rootless)).misses === before.misses + FOLLOWERS + 1,
      'all have come',
    )
    leave()
    await until(() => gate.broken === 1, 'the load of the leader is broken off')
    expect(await values(followers)).toEqual(ROWS)
    expect(world.source.reads('gone')).toBe(2)
    const { loads, takeover } = await statsOf(rootless)
    expect([loads - before.loads, takeover > before.takeover]).toEqual([2, true])
    expect((await rootless.read('gone')).value).toBe('row')
    expect(world.source.reads('gone')).toBe(2)
  })

  it('take over again, when the one that took over has ended too', async () => {
    world.source.rows.set('again', 'row')
    const gate = world.source.hold('again', 2)
    const path = '/cache/rows/again'
    const leave = rootless.leave(path)
    await gate.caughtAtLeast(1)
    const leaveToo = rootless.leave(path)
    leave()
    await gate.caughtAtLeast(2)
    const followers = Array.from({ length: FOLLOWERS }, () => rootless.read('again'))
    leaveToo()
    expect(await values(followers)).toEqual(ROWS)
    expect([world.source.reads('again'), gate.broken]).toEqual([3, 2])
  })

  it('load again what was deleted while its leader was gone', async () => {
    const { followers, leave, gate } = await followed(world, rootless, 'deleted')
    leave()
    await until(() => gate.broken === 1, 'the load of the leader is broken off')
    world.source.rows.set('deleted', 'new')
    const token = await deployed.evict('deleted')
    for (const value of await values(followers)) expect(['row', 'new']).toContain(value)
    expect((await rootless.read('deleted', { headers: { 'kedge-token': token } })).value).toBe('new')
  })
})

describe('without the guard', () => {
  /** Longer than a take-over needs by far, even on a slow machine; a follower that hangs waits for it in vain. */
  const BOUND_MS = 3000

  async function hanging(replacement: Replacement): Promise<void> {
    await using lacking = await startWorld()
    const client = await lacking.isolate({ entry: ROOTLESS, replacements: [replacement] })
    const { followers, leave, gate } = await followed(lacking, client, 'gone', BOUND_MS)
    const { misses } = await statsOf(client)
    expect(misses).toBeGreaterThan(0)
    await until(async () => (await statsOf(client)).misses === FOLLOWERS + 1, 'all have come')
    leave()
    await until(() => gate.broken === 1, 'the load of the leader is broken off')
    for (const { status } of await Promise.allSettled(followers)) expect(status).toBe('rejected')
    expect(lacking.source.reads('gone')).toBe(1)
    expect(await statsOf(client)).toMatchObject({ loads: 1, takeover: 0, entries: 0 })
  }

  it.concurrent('that keeps what a request began alive, its load is lost when its client hangs up', async () => {
    await using lacking = await startWorld()
    const waitUntil: Replacement = {
      file: 'src/coherence/request-scope.ts',
      from: 'if (this.#context) this.#context.waitUntil(handled)\n      else ',
      to: '',
    }
    const client = await lacking.isolate({ replacements: [waitUntil] })
    const { followers, leave, gate } = await followed(lacking, client, 'lost')
    leave()
    await until(() => gate.broken === 1, 'the load of the leader is broken off')
    // The other guard still holds.
    expect(await values(followers)).toEqual(ROWS)
    expect(lacking.source.reads('lost')).toBe(2)
  })

  it.concurrent('that takes over, followers of a leader that has ended hang', async () => {
    await hanging({
      file: 'src/read/single-flight.ts',
      from: 'if (now > flight.aliveUntil) return true\n',
      to: '',
    })
  })

  it.concurrent('that shares state and not promises, followers of a leader that has ended hang', async () => {
    await hanging({
      file: 'src/ports/runtime.ts',
      from: "globalThis.navigator?.userAgent === 'Cloudflare-Workers'",
      to: 'false',
    })
  })
})
