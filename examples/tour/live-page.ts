/**
 * The live page of the tour: whether its workers can prove that they are fresh, what the origin was asked, and evictions
 * as they come. It is served beside the switch, so that it stays when the log is stopped.
 *
 * @module
 */
import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { LiveFeed, type LiveSource } from '../../cli/ui/live-feed.ts'
import { addData, addPage } from '../../cli/ui/routes.ts'
import type { IsolateState, TourState, Verdict } from '../../cli/ui/state.ts'
import { forThisMachine } from '../../cli/ui/this-machine.ts'
import { TopicWatch } from '../../cli/ui/topic-watch.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { json } from '../../src/wire/codec.ts'
import { curlLine, setupLine, type Addresses } from './curl.ts'
import { messageOf } from './server.ts'
import { TOUR } from './tour.ts'

const TOPIC = 'cache-evictions'
/** A worker that needs longer cannot prove anything now. */
const ANSWER_MS = 900

/** How long an eviction may take: longer than a worker waits for the log. */
const EVICT_MS = 15_000
const MAX_BODY_BYTES = 65_536

/** The places that the page looks at. */
export type Watched = Addresses & { readonly log: string }

/**
 * Adds the page to an app that stays when the log is stopped, and returns what makes it show the places, once they are known. Before,
 * it answers 503 to a page that was left open.
 */
export function addTourPage(app: Hono, isRunning: () => boolean): (places: Watched) => void {
  const runtime = systemRuntime()
  const onError = (error: unknown): void => console.error(messageOf(error))
  let places: Watched | undefined
  let source: LiveSource | undefined
  const known = (): LiveSource => {
    if (!source) throw new Error('the places are not known yet')
    return source
  }
  const feed = new LiveFeed(
    {
      sample: (signal) => known().sample(signal),
      follow: async (tell, signal) => known().follow?.(tell, signal),
    },
    { version: 'tour', runtime, onError },
  )
  app.use('/ui/*', forThisMachine)
  addPage(app)
  addData(app, feed, {
    clientOf: () => undefined,
    rightsOf: async (c) => (source ? { seesEvictions: true, evicts: { by: 'serve' } } : waits(c)),
  })
  const limit = bodyLimit({ maxSize: MAX_BODY_BYTES })
  app.post('/evictions', forThisMachine, limit, async (c) => (places ? evict(c, places.a) : waits(c)))
  return (found) => {
    places = found
    source = sourceOf(found, isRunning)
  }
}

const waits = (c: Context): Response =>
  c.json({ error: 'The tour is about to begin.' }, 503, { 'retry-after': '1' })

/** An eviction by the box of the page, published by a worker as any other. */
async function evict(c: Context, url: string): Promise<Response> {
  const headers = { 'content-type': c.req.header('content-type') ?? '' }
  const init = { method: 'POST', headers, body: await c.req.arrayBuffer() }
  try {
    const answer = await fetch(`${url}/evictions`, { ...init, signal: AbortSignal.timeout(EVICT_MS) })
    return new Response(await answer.text(), {
      status: answer.status,
      headers: { 'content-type': answer.headers.get('content-type') ?? 'application/json' },
    })
  } catch {
    return c.json({ error: 'Worker A does not answer: the eviction may be in the log.' }, 502)
  }
}

function sourceOf(places: Watched, isRunning: () => boolean): LiveSource {
  const watch = new TopicWatch({
    log: gateway({ url: places.log }),
    topic: TOPIC,
    exists: async () => true,
    codec: json,
    runtime: systemRuntime(),
  })
  const chapters = TOUR.map(({ title, steps }) => ({
    title,
    lines: steps.map((step) => curlLine(step, places)),
  }))
  let reads = 0
  return {
    async sample() {
      const log = isRunning() ? 'running' : 'stopped'
      const [a, b, stats, look] = await Promise.all([
        isolateAt('A', places.a),
        isolateAt('B', places.b),
        answerOf(`${places.origin}/stats`),
        watch.look(),
      ])
      reads = numberIn(stats, 'reads') ?? reads
      const setup = setupLine(places)
      const tour: TourState = { isolates: [a, b], log, originReads: reads, setup, chapters }
      return { service: 'tour', verdict: verdictOf(tour), tour, ...(look.state && { topic: look.state }) }
    },
    follow: (tell, signal) => watch.follow(tell, signal),
  }
}

async function isolateAt(letter: string, url: string): Promise<IsolateState> {
  const name = `Worker ${letter}`
  const answer = await answerOf(`${url}/readyz`)
  const [ageMs, lag] = [numberIn(answer, 'ageMs') ?? null, numberIn(answer, 'lag') ?? null]
  return { name, url, ready: ageMs !== null, ageMs, lag }
}

/** The answer as JSON; `undefined` where there is none, or none that is good. */
async function answerOf(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    return response.ok ? await response.json() : undefined
  } catch {
    return undefined
  }
}

function numberIn(answer: unknown, name: string): number | undefined {
  const found = typeof answer === 'object' && answer !== null ? Object.entries(answer) : []
  const value: unknown = found.find(([each]) => each === name)?.[1]
  return typeof value === 'number' ? value : undefined
}

function verdictOf({ isolates, log }: TourState): Verdict {
  const doubtful = isolates.filter(({ ready }) => !ready).map(({ name }) => name)
  if (doubtful.length > 0)
    return {
      mood: 'bad',
      says: doubtful.length === 1 ? `${doubtful[0]} is not proved` : 'Not proved',
      because:
        log === 'stopped'
          ? 'The log is stopped: what they hold is served for MAX_OUTAGE, and says so; then reads go to the origin.'
          : 'The log runs again; a worker that has failed to reach it leaves it alone for five seconds at most.',
    }
  const ageMs = Math.max(...isolates.map((each) => each.ageMs ?? 0))
  return {
    mood: 'good',
    says: 'Both workers are fresh',
    since: { verb: 'proved', ageMs },
    because: 'Neither serves a value whose eviction was acknowledged more than MAX_STALENESS, 2 s, ago.',
  }
}
