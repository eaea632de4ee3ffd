/** The stores that faults strike, and that clients without kedge read. @module */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { Memcache } from 'memcache'
import { memcached, memcachedSink } from '../../adapters/stores/memcached.ts'
import { ioredis, redisSink } from '../../adapters/stores/redis.ts'
import type { Sink } from '../../src/ports/sink.ts'
import { startMemcached, type TestMemcached } from '../store-servers/memcached.ts'
import { type RedisServer, startRedis, startRedisCluster } from '../store-servers/redis.ts'
import type { Held } from './checker.ts'
import type { Loss } from './sightings.ts'
import { STORE_KEYS } from './topic.ts'

/** The random numbers of a fault, and how long it stops a server. */
export interface Blow {
  readonly random: () => number
  readonly freezeMs: number
  /** To be called with how long something really stood still. */
  readonly stood: (ms: number) => void
}

/** Strikes, mends what it struck, and resolves with what was lost. */
export type Fault = (blow: Blow) => Promise<Loss | undefined>

export interface Store {
  readonly name: string
  /** As `--to` has it. */
  readonly url: string
  /** A loss in one part has the sync read everything again: until then any key may go back. */
  readonly spread: boolean
  /** How much earlier than at its time a value may be gone, in milliseconds: the clock that the store uses. */
  readonly earlyMs: number
  /** Whether a write that comes late may show a deleted key for a moment. */
  readonly flickers: boolean
  readonly faults: Readonly<Record<string, Fault>>
  /** Of a sink of its own, for what the store says of itself alone. */
  readonly state: Sink['state']
  /** The values as any client reads them. Rejects while it is down. */
  read(keys: readonly string[]): Promise<(string | undefined)[]>
  /** All keys with their times to live. */
  held(): Promise<Map<string, Held>>
  wipe(): Promise<void>
  stop(): Promise<void>
}

/** A look may not take long: the next one comes. */
const LOOK_MS = 1000

/** While `work` runs something is lost. */
async function losing(work: () => Promise<void>): Promise<Loss> {
  const from = Date.now()
  await work()
  return { from, to: Date.now() }
}

const anyOf = <T>(all: readonly T[], { random }: Blow): T => all[Math.floor(random() * all.length)]!

interface Stoppable {
  pause(): unknown
  resume(): void
}

/** Stops it for as long as the fault has it, and for what is done meanwhile. */
export async function standsStill(
  { freezeMs, stood }: Blow,
  victim: Stoppable,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const since = performance.now()
  await victim.pause()
  await meanwhile()
  await sleep(freezeMs)
  victim.resume()
  stood(performance.now() - since)
}

interface Server extends Stoppable {
  kill(): void
  restart(): Promise<void>
  wipe(): Promise<void>
}

function faultsOf(servers: readonly Server[]) {
  return {
    frozen: async (blow: Blow) => {
      await standsStill(blow, anyOf(servers, blow))
      return undefined
    },
    wiped: (blow: Blow) => losing(() => anyOf(servers, blow).wipe()),
  }
}

const redisFaults = (servers: readonly RedisServer[]): Store['faults'] => ({
  ...faultsOf(servers),
  'killed and empty': (blow) =>
    losing(async () => {
      const victim = anyOf(servers, blow)
      const [, folder = ''] = (await victim.command('CONFIG', 'GET', 'dir')).split('\n')
      await rm(join(folder, 'dump.rdb'), { force: true })
      victim.kill()
      await sleep(200 + blow.random() * 600)
      await victim.restart()
    }),
  'back to a snapshot': async (blow) => {
    const victim = anyOf(servers, blow)
    await victim.command('SAVE')
    await sleep(500 + blow.random() * 500)
    return losing(async () => {
      victim.kill()
      await sleep(blow.random() * 600)
      await victim.restart()
    })
  },
})

function redisLooks(client: Redis | Cluster): Pick<Store, 'state' | 'read' | 'held'> {
  const read = async (keys: readonly string[]) =>
    (await Promise.all(keys.map((key) => client.get(key)))).map((value) => value ?? undefined)
  const sink = redisSink(ioredis(client), { timeout: LOOK_MS })
  return {
    state: (stream) => sink.state(stream),
    read,
    async held() {
      const [values, times] = await Promise.all([
        read(STORE_KEYS),
        Promise.all(STORE_KEYS.map((key) => client.pttl(key))),
      ])
      return new Map(STORE_KEYS.map((key, at) => [key, { value: values[at], ttlMs: lifeOf(times[at]!) }]))
    },
  }
}

/** Of `PTTL`: -1 is for ever, -2 that the key has gone since its value was read. */
const lifeOf = (ms: number): number | undefined => (ms === -1 ? undefined : Math.max(0, ms))

export async function openRedis(): Promise<Store> {
  const server = await startRedis()
  const { host, port } = server
  const client = new Redis({ host, port, retryStrategy: () => 50, ...IMPATIENT })
  client.on('error', () => undefined)
  return {
    name: 'Redis',
    url: `redis://${host}:${port}`,
    spread: false,
    earlyMs: 200,
    flickers: false,
    faults: redisFaults([server]),
    ...redisLooks(client),
    wipe: () => server.wipe(),
    async stop() {
      client.disconnect()
      await server.stop()
    },
  }
}

const IMPATIENT = { commandTimeout: LOOK_MS, maxRetriesPerRequest: 0 } as const

export async function openRedisCluster(): Promise<Store> {
  const cluster = await startRedisCluster(3)
  const hosts = cluster.nodes.map(({ host, port }) => ({ host, port }))
  const client = new Cluster(hosts, { clusterRetryStrategy: () => 50, redisOptions: IMPATIENT })
  client.on('error', () => undefined)
  return {
    name: 'Redis Cluster',
    url: `redis-cluster://${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    spread: true,
    earlyMs: 200,
    flickers: false,
    faults: redisFaults(cluster.nodes),
    ...redisLooks(client),
    wipe: () => cluster.wipe(),
    async stop() {
      client.disconnect()
      await cluster.stop()
    },
  }
}

export async function openMemcached(): Promise<Store> {
  const servers: TestMemcached[] = await Promise.all([0, 1, 2].map(() => startMemcached()))
  const nodes = servers.map(({ host, port }) => `${host}:${port}`)
  const client = new Memcache({ nodes })
  client.on('error', () => undefined)
  const ring = new Memcache({ nodes })
  const serverOf = (key: string) => {
    const [node] = ring.hash.getNodesByKey(key)
    return servers.find(({ port }) => port === node?.port)!
  }
  const sink = memcachedSink(memcached(client), { timeout: LOOK_MS })
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    const late = sleep(LOOK_MS).then(() => Promise.reject(new Error('late')))
    late.catch(() => undefined)
    work.catch(() => undefined)
    return Promise.race([work, late])
  }
  return {
    name: 'Memcached',
    url: `memcached://${nodes.join(',')}`,
    spread: true,
    // It answers whole seconds.
    earlyMs: 1200,
    flickers: true,
    faults: {
      ...faultsOf(servers),
      'killed and empty': (blow) =>
        losing(async () => {
          const victim = anyOf(servers, blow)
          victim.kill()
          await sleep(200 + blow.random() * 600)
          await victim.restart()
        }),
    },
    state: (stream) => sink.state(stream),
    read: (keys) =>
      inTime(Promise.all(keys.map(async (key) => (await serverOf(key).get(key))?.toString('utf8')))),
    async held() {
      const all = new Map<string, Held>()
      for (const key of STORE_KEYS) {
        const answer = Buffer.from(await serverOf(key).command(`mg ${key} t v\r\n`), 'latin1')
        const [, size, life] = /^VA (\d+) t(-?\d+)\r\n/.exec(answer.toString('latin1')) ?? []
        const at = answer.indexOf('\r\n') + 2
        const value = size === undefined ? undefined : answer.subarray(at, at + Number(size)).toString('utf8')
        all.set(key, { value, ttlMs: life === undefined || life === '-1' ? undefined : Number(life) * 1000 })
      }
      return all
    },
    wipe: async () => void (await Promise.all(servers.map((server) => server.wipe()))),
    async stop() {
      await client.disconnect()
      await ring.disconnect()
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}
