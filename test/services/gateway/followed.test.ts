/** Caches that follow a gateway by sockets, over loopback: what they ask, and how soon an eviction is there. */
import { afterEach, expect, it, vi } from 'vitest'
import { gateway as gatewayLog } from '../../../adapters/kafka/gateway.ts'
import { tailSocket } from '../../../adapters/sharing/tail-socket.ts'
import { tail } from '../../../adapters/sharing/tail.ts'
import { startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway } from '../../../services/gateway/index.ts'
import { createCache } from '../../../src/index.ts'
import type { Feature } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'

const TOPICS = { 'cache-evictions': 1, 'cache-updates': 1 }
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})
const until = (see: () => unknown, interval = 5): Promise<void> =>
  vi.waitFor(async () => void (await see()), { timeout: 15_000, interval })

async function started(): Promise<RunningGateway> {
  const gateway = await startGateway({ memory: { topics: TOPICS }, graceMs: 500, limits: { maxPolls: 500 } })
  closing.push(gateway.close)
  return gateway
}

type Followers = readonly Pick<ReturnType<typeof follower>, 'cache'>[]

/** Until each has polled so often again: their own clock. */
async function polled(followers: Followers, times: number): Promise<void> {
  const before = followers.map(({ cache }) => cache.stats().polls)
  const isDone = () => followers.every(({ cache }, at) => cache.stats().polls - before[at]! >= times)
  await until(() => expect(isDone()).toBe(true), 50)
}

/** A process that follows, and what it has asked. */
function follower({ url }: RunningGateway, use: Feature[] = []) {
  const asked: string[] = []
  const counting: typeof fetch = (input, init) => {
    asked.push(`${init?.method} ${new URL(input as string).pathname}`)
    return fetch(input, init)
  }
  const socket = tailSocket({ updates: ['cache-updates'] })
  const kafka = tail({ origin: gatewayLog({ url, fetch: counting }), url, fetch: counting, socket })
  const cache = createCache({ kafka, maxStaleness: '2s', ttl: '1h', use })
  const users = cache.namespace('users')
  const stop = new AbortController()
  const following = cache.follow({ signal: stop.signal }).catch(() => undefined)
  closing.push(async () => {
    stop.abort()
    await following
    await cache.close()
  })
  return { cache, users, asked, socket }
}

it('drops what another process deletes, without a request, within some milliseconds', async () => {
  const gateway = await started()
  const [one, two] = [follower(gateway), follower(gateway)]
  await until(() => expect(one.socket.stats().live + two.socket.stats().live).toBe(2))
  const took: number[] = []
  for (let round = 0; round < 10; round++) {
    // What it loads before it is proved again is returned, and not held.
    await until(async () => {
      await two.users.getOrSet('7', () => round)
      expect(two.users.peek('7')).toBe(round)
    })
    two.asked.length = 0
    await one.users.delete('7')
    const began = performance.now()
    await until(() => expect(two.cache.stats().entries).toBe(0), 1)
    took.push(performance.now() - began)
    expect(two.asked).toEqual([])
  }
  const median = took.toSorted((a, b) => a - b)[5]!
  // By polls it would be half a second.
  expect(median).toBeLessThan(300)
}, 60_000)

it('holds what another process sets, without a request', async () => {
  const gateway = await started()
  const [one, two] = [follower(gateway, [replicate()]), follower(gateway, [replicate()])]
  const live = () => one.socket.stats().live + two.socket.stats().live
  await until(() => expect(live()).toBe(4))
  await polled([two], 2)
  two.asked.length = 0
  await one.users.set('7', 'set')
  await until(() => expect(two.users.peek('7')).toBe('set'))
  await polled([two], 3)
  expect(two.asked).toEqual([])
}, 60_000)

it('costs nothing while nothing happens: 50 processes send no request', async () => {
  const gateway = await started()
  const fleet = Array.from({ length: 50 }, () => follower(gateway))
  await until(() => expect(fleet.every(({ socket }) => socket.stats().live === 1)).toBe(true), 50)
  await polled(fleet, 2)
  for (const { asked } of fleet) asked.length = 0
  // By what the sockets have brought.
  await polled(fleet, 4)
  expect(fleet.flatMap(({ asked }) => asked)).toEqual([])
  for (const { cache } of fleet) expect(cache.freshness().proved).toBe(true)
}, 60_000)

it('goes on after its gateway was away, with every eviction of that time', async () => {
  const gateway = await started()
  const one = follower(gateway)
  await until(() => expect(one.socket.stats().live).toBe(1))
  await one.users.getOrSet('7', () => 'old')
  await gateway.pause()
  await until(() => expect(one.cache.freshness().proved).toBe(false), 50)
  gateway.log.append('cache-evictions', {
    key: null,
    value: new TextEncoder().encode('{"ns":"users","key":"7"}'),
    partition: 0,
  })
  await gateway.resume()
  await until(() => expect(one.socket.stats().live).toBe(1), 50)
  await until(() => expect(one.cache.freshness().proved).toBe(true), 20)
  expect(await one.users.getOrSet('7', () => 'new')).toBe('new')
  expect(one.socket.stats()).toMatchObject({ refused: 0 })
  await polled([one], 2)
  one.asked.length = 0
  await polled([one], 3)
  expect(one.asked).toEqual([])
}, 60_000)
