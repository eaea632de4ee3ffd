/**
 * Fifty caches in one worker of Miniflare, two colos, and a Durable Object as their tail, over a real gateway that is 30 ms away:
 * the same counts as in virtual time, with the requests, clocks and timers of workerd.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Miniflare } from 'miniflare'
import { startGateway } from '../../../services/gateway/index.ts'
import { bundle } from '../../../test/runtime/bundle.ts'
import { Durations } from './counts.ts'
import { farFrom, serveSource, type Served } from './far-servers.ts'
import type { Way } from './plan.ts'
import type { Answer, Done } from './worker.ts'

export interface WorkersRow {
  readonly way: Way
  readonly isolates: number
  readonly colos: number
  /** A second, each of these. */
  readonly origin: number
  readonly questions: number
  readonly polls: number
  readonly adopted: number
  readonly dropped: { readonly p50: number; readonly p99: number }
  readonly longestMs: number
  readonly tooLong: number
  readonly reads: number
  readonly failures: number
  readonly reanchors: number
}

const [ISOLATES, COLOS, AT_ONCE] = [50, 2, 5]
const TOPIC = 'cache-evictions'
const SECRET = 'YmVuY2htYXJr'.repeat(4)
const MAX_STALENESS_MS = 2000
/** Of each isolate, a second. */
const REQUESTS = 4
const EVICTION_EVERY_MS = 1000
const ROUND_TRIP_MS = 30
const KEYS = 2
const WARM_MS = 3000
const LIMIT_MS = 15_000

export async function measureWorkers(
  quick: boolean,
  progress: (text: string) => void,
): Promise<WorkersRow[]> {
  const { code } = await bundle(new URL('worker.ts', import.meta.url), { external: ['cloudflare:*'] })
  const rows: WorkersRow[] = []
  for (const way of ['direct', 'tail', 'store'] as const) {
    progress(`${ISOLATES} caches in Miniflare, ${way}`)
    rows.push(await measureWay(way, code, quick ? 4000 : 15_000))
  }
  return rows
}

async function measureWay(way: Way, code: string, ms: number): Promise<WorkersRow> {
  const open: { close(): Promise<void> }[] = []
  const opened = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const one = await opening
    open.push(one)
    return one
  }
  try {
    const near = await opened(startGateway({ port: 0, memory: { topics: { [TOPIC]: 1 } } }))
    const fleet = new Fleet(near.url)
    const kafka = await opened(farFrom(near.url, ROUND_TRIP_MS))
    const source = await opened(serveSource(fleet.valueOf))
    const worker = new Miniflare({
      modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
      bindings: {
        KAFKA: kafka.url,
        SOURCE: source.url,
        COLOS,
        REFRESH_AFTER: '500ms',
        SECRET,
      },
      durableObjects: { KEDGE_TAIL: { className: 'KedgeTail', useSQLite: true } },
      compatibilityDate: '2026-06-01',
      host: '127.0.0.1',
      port: 0,
      cf: false,
    })
    open.push({ close: () => worker.dispose() })
    return await fleet.measure(way, String(await worker.ready).replace(/\/$/, ''), kafka, ms)
  } finally {
    for (const each of open.toReversed()) await each.close()
  }
}

/** Requests of all isolates, and a writer. */
class Fleet {
  readonly #gateway: string
  readonly #versions: number[] = Array.from({ length: KEYS }, () => 0)
  /** When the eviction of each version was acknowledged, by key; and by its offset. */
  readonly #acknowledged: number[][] = Array.from({ length: KEYS }, () => [])
  readonly #byOffset: number[] = []
  #judged = { reads: 0, tooLong: 0, longestMs: 0 }

  constructor(gateway: string) {
    this.#gateway = gateway
  }

  valueOf = (key: string): number => this.#versions[Number(key)]!

  async measure(way: Way, url: string, kafka: Served, ms: number): Promise<WorkersRow> {
    const ended = new AbortController()
    const of = <T>(path: string): Promise<T> => jsonOf<T>(url + path)
    const drivers = Array.from({ length: ISOLATES / AT_ONCE }, (_, at) =>
      this.#drive(at, way, of, ended.signal),
    )
    const work = Promise.all([...drivers, this.#write(ended.signal)])
    try {
      await Promise.race([sleep(WARM_MS), work])
      const [before, requests, from] = [await of<Done>(`/${way}`), kafka.requests(), Date.now()]
      this.#judged = { reads: 0, tooLong: 0, longestMs: 0 }
      await Promise.race([sleep(ms), work])
      const seconds = (Date.now() - from) / 1000
      const [origin, after] = [kafka.requests() - requests, await of<Done>(`/${way}`)]
      const each = (name: 'polls' | 'adopted' | 'questions') => (after[name] - before[name]) / seconds
      const dropped = new Durations()
      for (const [offset, at] of after.applied)
        if (at >= from) dropped.add(at - (this.#byOffset[offset] ?? at))
      return {
        way,
        isolates: ISOLATES,
        colos: COLOS,
        origin: origin / seconds,
        questions: each('questions'),
        polls: each('polls'),
        adopted: each('adopted') / each('polls'),
        dropped: { p50: dropped.quantile(0.5), p99: dropped.quantile(0.99) },
        ...this.#judged,
        failures: after.failures - before.failures,
        reanchors: after.reanchors,
      }
    } finally {
      ended.abort()
      await work.catch(() => undefined)
    }
  }

  /** Requests of some isolates, together. */
  async #drive(
    at: number,
    way: Way,
    of: <T>(path: string) => Promise<T>,
    signal: AbortSignal,
  ): Promise<void> {
    const some = Array.from({ length: AT_ONCE }, (_, nth) => at * AT_ONCE + nth).join('-')
    while (!signal.aborted) {
      const key = Math.floor(Math.random() * KEYS)
      const began = Date.now()
      for (const { version, isHeld } of await of<Answer[]>(`/${way}/${some}/${key}`)) {
        this.#judged.reads++
        const evicted = isHeld ? this.#acknowledged[key]![version + 1] : undefined
        if (evicted === undefined) continue
        // It may have been answered as soon as it was asked for.
        const lateMs = began - evicted
        this.#judged.longestMs = Math.max(this.#judged.longestMs, lateMs)
        if (lateMs > MAX_STALENESS_MS) this.#judged.tooLong++
      }
      await sleep(Math.max(0, (1000 / REQUESTS) * (0.5 + Math.random()) - (Date.now() - began)))
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    for (let nth = 0; !signal.aborted; nth++) {
      await sleep(EVICTION_EVERY_MS)
      const key = nth % KEYS
      const version = ++this.#versions[key]!
      const message = JSON.stringify({ v: 1, op: 'evict', ns: 'rows', keys: [String(key)] })
      const { offsets } = await jsonOf<{ offsets: { offset: number }[] }>(
        `${this.#gateway}/topics/${TOPIC}`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.kafka.binary.v2+json' },
          body: JSON.stringify({ records: [{ value: btoa(message), partition: 0 }] }),
        },
      )
      this.#acknowledged[key]![version] = Date.now()
      this.#byOffset[offsets[0]!.offset] = Date.now()
    }
  }
}

async function jsonOf<T>(url: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(LIMIT_MS) })
  const told = await answer.text()
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${told.slice(0, 300)}`)
  return JSON.parse(told) as T
}
