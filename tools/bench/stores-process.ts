/**
 * What brings a topic into a store, in a process of its own: `node stores-process.ts <way> <store's URL> <brokers>
 * <topic> <records>`. Started by `fork`; says what it measured in one message.
 *
 * @module
 */
import { Cluster, Redis } from 'ioredis'
import { Memcache } from 'memcache'
import { openStore } from '../../cli/store.ts'
import { clusterLog, kafkaCluster } from '../../services/gateway/index.ts'
import type { KafkaLog, LogRecord } from '../../src/index.ts'
import { createSync } from '../../services/sync/index.ts'

/** `'sync'`: kedge. `'loop'`: one SET a record, each awaited. `'pipeline'`: a thousand at a time, and nothing else. */
export type Way = 'sync' | 'loop' | 'pipeline'

/** How far behind, at a moment. */
export interface LagPoint {
  readonly ms: number
  readonly records: number
}

export interface Brought {
  readonly records: number
  readonly ms: number
  /** Milliseconds of processor time, of user and system. */
  readonly cpuMs: number
  /** The most that was resident, in bytes. */
  readonly peakRss: number
  readonly lag: readonly LagPoint[]
}

const LAG_EVERY_MS = 250
const TOGETHER = 1000

const [way, url = '', brokers = '', topic = '', records = '0'] = process.argv.slice(2)
const cluster = kafkaCluster({ brokers: brokers.split(',') })
const log = clusterLog(cluster)
const wanted = Number(records)

async function measured(work: () => Promise<number>, lag: readonly LagPoint[] = []): Promise<Brought> {
  // Connect and ask for the bounds before the clock runs: the figures are of the writes alone.
  await log.offsets(topic)
  const before = process.cpuUsage()
  const began = performance.now()
  const count = await work()
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  const peakRss = process.resourceUsage().maxRSS * 1024
  return { records: count, ms, cpuMs: (user + system) / 1000, peakRss, lag }
}

async function bySync(): Promise<Brought> {
  const { sink } = await openStore(url, { password: undefined, prefix: 'kedge:' })
  const sync = createSync({ kafka: log, topic, sink, key: 'user:{key}:latest', format: 'string' })
  const lag: LagPoint[] = []
  return measured(async () => {
    const began = performance.now()
    const look = () => {
      const { records: behind, partitions } = sync.lag()
      const known = partitions.length > 0
      lag.push({ ms: performance.now() - began, records: known ? behind : wanted })
    }
    const timer = setInterval(look, LAG_EVERY_MS)
    const { reached, records: done } = await sync.step()
    clearInterval(timer)
    look()
    if (!reached || done < wanted) throw new Error(`${done} of ${wanted} records were brought`)
    return done
  }, lag)
}

/** The same topic by the same log, without versions and positions. */
async function byHand(by: Way): Promise<Brought> {
  const set = await setter(by)
  return measured(async () => {
    let done = 0
    for await (const batch of batches(log)) {
      const taken = batch.slice(0, wanted - done)
      await set(taken)
      done += taken.length
      if (done >= wanted) break
    }
    return done
  })
}

async function* batches(from: KafkaLog): AsyncGenerator<readonly LogRecord[]> {
  let positions = (await from.offsets(topic)).map(({ partition, beginning }) => ({
    partition,
    offset: beginning,
  }))
  const read = () =>
    from.read(topic, positions, { maxBytes: 1_000_000, waitMs: 1000, isolation: 'committed' })
  let ahead = read()
  for (;;) {
    const result = await ahead
    positions = positions.map(
      (known) => result.next.find((one) => one.partition === known.partition) ?? known,
    )
    // As the sync does: one batch is read while another is written.
    ahead = read()
    ahead.catch(() => undefined)
    yield result.records
  }
}

const decoder = new TextDecoder()
const nameOf = ({ key }: LogRecord): string => `user:${decoder.decode(key!)}:latest`

async function setter(by: Way): Promise<(batch: readonly LogRecord[]) => Promise<void>> {
  const { protocol } = new URL(url.split(',')[0]!)
  const hosts = url.slice(url.indexOf('//') + 2).split(',')
  let set: (key: string, value: Uint8Array) => Promise<unknown>
  if (protocol === 'memcached:') {
    const client = new Memcache({ nodes: hosts })
    await client.connect()
    // It takes text alone.
    set = (key, value) => client.set(key, decoder.decode(value))
  } else {
    const client =
      protocol === 'redis:'
        ? new Redis(url)
        : new Cluster(hosts.map((host) => ({ host: host.split(':')[0]!, port: Number(host.split(':')[1]) })))
    await client.ping()
    if (client instanceof Redis && by === 'pipeline') {
      return async (batch) => {
        for (let from = 0; from < batch.length; from += TOGETHER) {
          const pipeline = client.pipeline()
          for (const record of batch.slice(from, from + TOGETHER))
            pipeline.set(nameOf(record), Buffer.from(record.value!))
          await pipeline.exec()
        }
      }
    }
    set = (key, value) => client.set(key, Buffer.from(value))
  }
  return async (batch) => {
    const most = by === 'loop' ? 1 : TOGETHER
    for (let from = 0; from < batch.length; from += most) {
      const part = batch.slice(from, from + most)
      await Promise.all(part.map((record) => set(nameOf(record), record.value!)))
    }
  }
}

const brought = way === 'sync' ? await bySync() : await byHand(way as Way)
process.send!(brought, () => process.exit())
