/**
 * Many caches in one worker: as far as kedge knows, each is an isolate of its own. Their tail is a Durable Object.
 *
 * `/{way}/{isolates}/{key}` reads the key in each of these isolates; `/{way}` tells what its isolates have done.
 *
 * @module
 */
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { tail, type ProofStore } from '../../../adapters/sharing/tail.ts'
import { createCache } from '../../../src/index.ts'
import type { Cache, RequestContext } from '../../../src/index.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { durableTail, TailObject, type TailNamespace } from '../../../worker/tail.ts'
import type { Way } from './plan.ts'

interface Env {
  /** The gateway, a long way off. */
  readonly KAFKA: string
  readonly KEDGE_TAIL: TailNamespace
  readonly SOURCE: string
  readonly COLOS: number
  readonly REFRESH_AFTER: string
  readonly SECRET: string
}

export interface Answer {
  readonly isolate: number
  readonly version: number
  readonly isHeld: boolean
}

export interface Done {
  readonly polls: number
  readonly adopted: number
  readonly questions: number
  readonly failures: number
  readonly reanchors: number
  /** When each eviction was applied: its offset, and the wall clock. */
  readonly applied: readonly (readonly [offset: number, at: number])[]
}

interface Isolate {
  readonly cache: Cache
  readonly seen: { polls: number; adopted: number; questions: number; applied: [number, number][] }
}

export class KedgeTail extends TailObject<Env> {
  override log(): KafkaLog {
    return gateway({ url: this.env.KAFKA })
  }
}

/** What a match takes: it is a call, in the same building. */
const STORE_MS = 3
const isolates = new Map<string, Isolate>()
const stores = new Map<string, Map<string, string>>()

/** In memory: Miniflare's own Cache API writes to the disk. */
function storeOf(colo: string): ProofStore {
  const held = stores.get(colo) ?? new Map<string, string>()
  stores.set(colo, held)
  return {
    async get(name) {
      await new Promise((resolve) => setTimeout(resolve, STORE_MS))
      return held.get(name)
    },
    put: async (name, text) => void held.set(name, text),
  }
}

function isolateOf(env: Env, way: Way, nth: number): Isolate {
  const name = `${way}/${nth}`
  const known = isolates.get(name)
  if (known) return known
  const seen: Isolate['seen'] = { polls: 0, adopted: 0, questions: 0, applied: [] }
  const origin = gateway({ url: env.KAFKA })
  const object = durableTail(env.KEDGE_TAIL)
  const ask: typeof object = (path, init) => {
    seen.questions++
    return object(path, init)
  }
  const store = storeOf(`${way}/${nth % env.COLOS}`)
  const log =
    way === 'direct' ? origin : tail({ origin, ask, ...(way === 'store' && { store, secret: env.SECRET }) })
  const kafka: KafkaLog = {
    ...log,
    offsets: async (topic, options) => {
      const before = seen.questions
      const found = await log.offsets(topic, options)
      seen.polls++
      if (seen.questions === before) seen.adopted++
      return found
    },
  }
  const cache = createCache({
    kafka,
    ttl: '1h',
    maxStaleness: '2s',
    refreshAfter: env.REFRESH_AFTER as '500ms',
    pollTimeout: '2s',
    onUnreachable: 'bypass',
    onEvent: (event) => {
      if (event.type === 'evict') seen.applied.push([event.offset, Date.now()])
    },
  })
  const isolate = { cache, seen }
  isolates.set(name, isolate)
  return isolate
}

function doneOf(way: string): Done {
  const all = [...isolates].filter(([name]) => name.startsWith(`${way}/`)).map(([, isolate]) => isolate)
  const sum = (of: (isolate: Isolate) => number) => all.reduce((total, each) => total + of(each), 0)
  return {
    polls: sum(({ seen }) => seen.polls),
    adopted: sum(({ seen }) => seen.adopted),
    questions: sum(({ seen }) => seen.questions),
    failures: sum(({ cache }) => cache.stats().pollFailures),
    // The first contact of each is one.
    reanchors: sum(({ cache }) => cache.stats().reanchors) - all.length,
    applied: all.flatMap(({ seen }) => seen.applied),
  }
}

export default {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const [, way, list, key] = new URL(request.url).pathname.split('/')
    if (list === undefined || key === undefined) return Response.json(doneOf(way!))
    const read = async (nth: number): Promise<Answer> => {
      const rows = isolateOf(env, way as Way, nth)
        .cache.for(context)
        .namespace<number>('rows')
      const entry = await rows.getEntry(key, async ({ signal }) => {
        const answer = await fetch(`${env.SOURCE}/${key}`, { signal })
        return Number(await answer.text())
      })
      return { isolate: nth, version: entry.value!, isHeld: entry.from === 'memory' }
    }
    return Response.json(await Promise.all(list.split('-').map((nth) => read(Number(nth)))))
  },
}
