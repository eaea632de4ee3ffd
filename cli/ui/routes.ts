/** The routes of the live page: the page itself for everybody, and its data for who may read. @module */
import type { Context, Hono } from 'hono'
import { answerPage } from './page-answer.ts'
import type { LiveFeed, ViewerRights } from './live-feed.ts'

/** `GET /ui`. Here, and not behind a credential: a browser sends none when it is given an address. */
export function addPage(app: Hono): void {
  app.get('/ui', answerPage)
  app.get('/ui/', answerPage)
}

export interface DataOptions {
  /** Who looks, so that no client takes all places; `undefined` where that is not known. */
  readonly clientOf: (c: Context) => string | undefined
  /** What the sender may see. Rejects, or answers, where that is nothing. */
  readonly rightsOf: (c: Context) => Promise<ViewerRights | Response>
}

/** `GET /ui/state` and `GET /ui/events`. */
export function addData(app: Hono, feed: LiveFeed, { clientOf, rightsOf }: DataOptions): void {
  app.get('/ui/state', async (c) => {
    const rights = await rightsOf(c)
    if (rights instanceof Response) return rights
    c.header('cache-control', 'no-store')
    return c.json(await feed.state(rights))
  })
  app.get('/ui/events', async (c) => {
    const rights = await rightsOf(c)
    if (rights instanceof Response) return rights
    for (const [name, value] of Object.entries(EVENT_STREAM)) c.header(name, value)
    // Hono answers it by this handler too: a stream that no client reads would keep its place.
    if (c.req.method === 'HEAD') return c.body(null)
    const stream = feed.open(rights, clientOf(c))
    if (stream) return c.body(stream)
    return c.json({ error: 'As many look at this page as may: try again later.' }, 503, {
      'content-type': 'application/json',
      'retry-after': '5',
    })
  })
}

const EVENT_STREAM = {
  'content-type': 'text/event-stream',
  // A proxy on the way that compresses it would hold it back.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}
