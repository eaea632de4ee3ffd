/** Twenty caches of a worker in workerd, one tail for all of them, and what comes of reads while rows change. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../../services/gateway/index.ts'
import { memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/index.ts'
import { bundle } from '../../runtime/bundle.ts'
import type { Replacement } from '../../runtime/bundle.ts'
import { Client } from '../miniflare-client.ts'
import { startIsolate } from '../miniflare-isolate.ts'
import { startSource } from '../miniflare-source.ts'
import { until } from '../miniflare-until.ts'

export const TOPIC = 'cache-evictions'
const ISOLATES = 20
const MAX_STALENESS_MS = 1000
const ENTRY = new URL('./colos-worker.ts', import.meta.url)

interface Stats {
  readonly hits: number
  readonly polls: number
  readonly sharedPolls: number
  readonly pollFailures: number
  readonly reanchors: number
}

/** A read that returned what had been evicted longer ago than it may. */
interface Violation {
  readonly isolate: number
  readonly value: number
  readonly expected: number
}

interface Run {
  readonly reads: number
  readonly violations: readonly Violation[]
  readonly stats: Stats
  /** Requests to the log. */
  readonly requests: number
  readonly seconds: number
}

export interface Colos extends AsyncDisposable {
  readonly log: MemoryLog
  read(isolate: number, key?: string): Promise<number>
  evict(isolate: number, key?: string): Promise<void>
  /** Changes the row at its source: what is read from there on. */
  set(value: number, key?: string): void
  /** How often the row was read at its source. */
  loads(): number
  stats(): Promise<Stats>
  /** How often each object was asked. */
  tails(): Promise<Readonly<Record<string, number>>>
  proof(): Promise<{ readonly life: string; readonly log: string; readonly end: number }>
  /** Ends every object that was asked so far, as Cloudflare does; how many that were. */
  abort(): Promise<number>
  /** All isolates read while the row changes again and again; `between` is called after each eviction. */
  storm(changes: number, between?: () => Promise<void>): Promise<Run>
}

interface ColosSpec {
  readonly store?: 'none' | 'caches.open' | 'caches.default' | 'throws'
  readonly shards?: number
  readonly identity?: boolean
  readonly replacements?: readonly Replacement[]
}

/** Counts what is asked of the log for the sake of freshness. */
function counted(cluster: Cluster, count: () => void): Cluster {
  return new Proxy(cluster, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...call: unknown[]) => {
        if (name === 'offsets' || name === 'read') count()
        return (value as (...call: unknown[]) => unknown).apply(target, call)
      }
    },
  })
}

export async function startColos(spec: ColosSpec = {}): Promise<Colos> {
  const { store = 'none', shards = 1, identity = true, replacements = [] } = spec
  const log = new MemoryLog({ topics: { [TOPIC]: 1 } })
  let requests = 0
  const gateway = await startGateway({ cluster: counted(memoryCluster(log), () => requests++), port: 0 })
  const source = await startSource({ k: 0 })
  const { code } = await bundle(ENTRY, { replacements })
  const isolate = await startIsolate(
    code,
    {
      KAFKA_REST_URL: gateway.url,
      ORIGIN_URL: source.url,
      STORE: store,
      SHARDS: String(shards),
      MAX_STALENESS: `${MAX_STALENESS_MS}ms`,
      ...(!identity && { IDENTITY: 'none' }),
    },
    { KEDGE_TAIL: 'KedgeTail' },
  )
  const client = new Client(isolate.url)
  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    const { status, body } = await client.ask(path, { method })
    if (status !== 200) throw new Error(`${method} ${path} was answered with ${status}: ${String(body)}`)
    return body
  }
  const colos: Colos = {
    log,
    read: async (number, key = 'k') =>
      ((await ask(`/isolate/${number}/rows/${key}`)) as { value: number }).value,
    evict: async (number, key = 'k') => void (await ask(`/isolate/${number}/rows/${key}`, 'DELETE')),
    set: (value, key = 'k') => void source.rows.set(key, value),
    loads: () => source.reads('k'),
    stats: async () => (await ask('/stats')) as Stats,
    tails: async () => (await ask('/tails')) as Record<string, number>,
    proof: async () => (await ask('/proof')) as { life: string; log: string; end: number },
    abort: async () => ((await ask('/abort')) as { ended: number }).ended,
    storm: (changes, between) => storm(colos, changes, () => requests, between),
    async [Symbol.asyncDispose]() {
      await isolate.close()
      await source.close()
      await gateway.close()
    },
  }
  return colos
}

/** How long after an eviction the next row change comes: its proof of freshness is due by then. */
const CHANGE_EVERY_MS = 1.2 * MAX_STALENESS_MS
const READ_EVERY_MS = 100

async function storm(
  colos: Colos,
  changes: number,
  requestsSoFar: () => number,
  between: () => Promise<void> = async () => undefined,
): Promise<Run> {
  await Promise.all(Array.from({ length: ISOLATES }, (_, number) => colos.read(number)))
  // The first contact of an isolate with its log counts as one.
  await until(async () => (await colos.stats()).reanchors >= ISOLATES, 'each isolate knows its log')
  const [before, requests, began] = [await colos.stats(), requestsSoFar(), performance.now()]
  /** When the eviction of what was before each version was acknowledged, at the latest. */
  const acknowledged: number[] = [-Infinity]
  const violations: Violation[] = []
  let reads = 0
  let isOver = false
  async function reader(isolate: number): Promise<void> {
    while (!isOver) {
      const startedAt = performance.now()
      const value = await colos.read(isolate)
      const expected = acknowledged.findLastIndex((at) => at + MAX_STALENESS_MS <= startedAt)
      if (value < expected) violations.push({ isolate, value, expected })
      reads++
      await sleep(READ_EVERY_MS)
    }
  }
  const readers = Array.from({ length: ISOLATES }, (_, isolate) => reader(isolate))
  for (let version = 1; version <= changes; version++) {
    colos.set(version)
    await colos.evict(version % ISOLATES)
    acknowledged.push(performance.now())
    await between()
    await sleep(CHANGE_EVERY_MS)
  }
  isOver = true
  await Promise.all(readers)
  const after = await colos.stats()
  const stats = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name as keyof Stats]]),
  ) as unknown as Stats
  const seconds = (performance.now() - began) / 1000
  return { reads, violations, stats, requests: requestsSoFar() - requests, seconds }
}
