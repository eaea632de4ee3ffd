/**
 * `npm run bench:stores`: real stores behind a real broker.
 *
 * Ends with 0 whatever was measured: a figure is not a failure. 1 when something could not be measured, 2 for a wrong
 * option.
 *
 * @module
 */
import os from 'node:os'
import { clusterLog, kafkaCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { startBroker } from '../../test/kafka/broker.ts'
import { startMemcached, type TestMemcached } from '../../test/store-servers/memcached.ts'
import { startRedis, startRedisCluster } from '../../test/store-servers/redis.ts'
import { readStoresOptions, STORES_USAGE } from './stores-options.ts'
import type { StoresBenchOptions } from './stores-options.ts'
import { bring, measureRates } from './stores-rates.ts'
import type { MeasuredStore } from './stores-rates.ts'
import { measureReads } from './stores-reads.ts'
import { storesReport } from './stores-report.ts'
import type { StoresResults } from './stores-report.ts'
import { measureStorm } from './stores-storm.ts'
import type { Storm } from './stores-storm.ts'
import { fill } from './stores-topic.ts'

/** Fewer than a cache holds: `maxEntries`. */
const READS = 4000
/** Memory of each Memcached: nothing is to be forgotten. */
const MEMCACHED_MB = '512'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: StoresBenchOptions
  try {
    options = readStoresOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${STORES_USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(STORES_USAGE)
    return 0
  }
  try {
    process.stdout.write(storesReport(await measure(options.quick)))
    return 0
  } catch (error) {
    console.error(error)
    return 1
  }
}

async function measure(quick: boolean): Promise<StoresResults> {
  const own = machine()
  const say = (text: string) => console.error(text)
  say('starting a broker and the stores')
  const ends: (() => Promise<unknown>)[] = []
  try {
    const broker = await startBroker()
    ends.push(() => broker.stop())
    const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    ends.push(() => cluster.close())
    const stores = await openStores(ends)
    const redis = stores[0]!
    const brokers = broker.bootstrap

    const [some, many] = quick ? [20_000, 50_000] : [100_000, 1_000_000]
    say(`filling topics with ${some} and ${many} records`)
    await fill(cluster, 'bench-rates', some)
    await fill(cluster, 'bench-many', many)
    const rates = await measureRates(stores, { brokers, topic: 'bench-rates', records: some }, say)
    say(`catching up with ${many} records`)
    const caughtUp = await bring('sync', redis, { brokers, topic: 'bench-many', records: many })
    say('reads')
    for (const store of stores) await store.wipe()
    await cluster.createTopic('cache-evictions', { partitions: 1 })
    const reads = await measureReads(clusterLog(cluster), redis.url, quick ? 500 : READS)
    return { machine: own, rates, reads, storms: await measureStorms(cluster, brokers, say), caughtUp }
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

async function openStores(ends: (() => Promise<unknown>)[]): Promise<MeasuredStore[]> {
  const redis = await startRedis()
  ends.push(() => redis.stop())
  const cluster = await startRedisCluster(3)
  ends.push(() => cluster.stop())
  const memcached: TestMemcached[] = []
  for (let each = 0; each < 3; each++) {
    const server = await startMemcached({ args: ['-m', MEMCACHED_MB] })
    ends.push(() => server.stop())
    memcached.push(server)
  }
  const at = (nodes: readonly { readonly host: string; readonly port: number }[]) =>
    nodes.map(({ host, port }) => `${host}:${port}`).join(',')
  return [
    { name: 'Redis', url: `redis://${at([redis])}`, wipe: () => redis.wipe() },
    { name: 'Redis Cluster of 3', url: `redis-cluster://${at(cluster.nodes)}`, wipe: () => cluster.wipe() },
    {
      name: 'Memcached × 3',
      url: `memcached://${at(memcached)}`,
      wipe: async () => void (await Promise.all(memcached.map((server) => server.wipe()))),
    },
  ]
}

async function measureStorms(
  cluster: KafkaCluster,
  brokers: string,
  say: (text: string) => void,
): Promise<Storm[]> {
  const storms: Storm[] = []
  for (const keys of [1, 10]) {
    for (const service of [false, true]) {
      say(
        `a storm of ${keys} ${keys === 1 ? 'key' : 'keys'}, ${service ? 'with' : 'without'} the loader service`,
      )
      const own: KafkaCluster[] = []
      const log = () => {
        const made = kafkaCluster({ brokers: [brokers] })
        own.push(made)
        return clusterLog(made)
      }
      const name = `storm-${storms.length}`
      const topics = { evictions: `${name}-e`, updates: `${name}-u`, requests: `${name}-r` }
      for (const topic of Object.values(topics)) await cluster.createTopic(topic, { partitions: 1 })
      storms.push(await measureStorm(log, topics, keys, service))
      for (const each of own) await each.close()
    }
  }
  return storms
}

function machine(): string {
  const cpus = os.cpus()
  const load = os.loadavg()[0]!.toFixed(1)
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, load ${load}; broker, stores and clients on this machine`
}
