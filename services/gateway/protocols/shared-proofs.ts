/**
 * Proofs of freshness that many isolates share: the gateway is the tail that `tail({ url })` asks, and that its sockets
 * follow (docs/scaling.md).
 *
 * @module
 */
import type { RawData } from 'ws'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { TailFeed, feedTerms } from '../../../adapters/sharing/tail/feed.ts'
import type { FeedTerms } from '../../../adapters/sharing/tail/feed.ts'
import { flagOf, Malformed } from '../../../adapters/sharing/tail/query.ts'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import type { TailStats } from '../../../adapters/sharing/tail/state.ts'
import { clientOf } from '../client.ts'
import { clusterLog } from '../cluster-log.ts'
import type { Cluster } from '../cluster.ts'
import { isStopping } from '../graceful-drain.ts'
import { Refusal } from '../refusal.ts'
import type { Service } from '../service.ts'
import { bindingsOf, takeSocket } from '../sockets/sockets.ts'
import { confluentErrors, gone, V2_ERRORS } from './confluent/errors.ts'

const PROOF = '/tail/:topic/:partition'
const PROOF_RECORDS = `${PROOF}/records`
const PROOF_SOCKET = `${PROOF}/ws`

/** @param cluster for every client alike: what one may see of it is asked before */
export function sharedProofs(service: Service, cluster: Cluster): Hono {
  const { runtime, stopping, counters } = service
  const log = clusterLog(cluster, { runtime })
  const state = new TailState({ log, runtime })
  const committed = new TailState({ log, runtime, isolation: 'committed' })
  counters.proofs = () => together(state.stats(), committed.stats())
  const feeds = {
    all: new TailFeed({ state, runtime }),
    committed: new TailFeed({ state: committed, runtime }),
  }
  counters.sockets = () => feeds.all.size + feeds.committed.size
  const stop = () => Object.values(feeds).forEach((feed) => feed.close())
  stopping.addEventListener('abort', stop, { once: true })
  const app = new Hono()
  app.onError(confluentErrors(service, V2_ERRORS, 'application/json'))
  for (const route of [PROOF, PROOF_RECORDS])
    app.get(route, (c) => {
      service.clusterOf(c).require('read', [c.req.param('topic')!])
      return answerTail(state, c.req.raw)
    })
  app.get(PROOF_SOCKET, (c) => follow(c, service, feeds))
  return app
}

/** Both ask the same cluster. */
const together = (one: TailStats, other: TailStats): TailStats => ({
  life: one.life,
  questions: one.questions + other.questions,
  refused: one.refused + other.refused,
  samples: one.samples + other.samples,
  reads: one.reads + other.reads,
  places: one.places + other.places,
})

interface Feeds {
  readonly all: TailFeed
  /** Without records of transactions that are open or were aborted. */
  readonly committed: TailFeed
}

/** Has the connection become a socket that follows the partition. */
function follow(c: Context, service: Service, feeds: Feeds): Response {
  const { topic = '', partition = '' } = c.req.param() as { topic?: string; partition?: string }
  service.clusterOf(c).require('read', [topic])
  const { terms, feed } = asked(topic, partition, c, feeds)
  const bindings = bindingsOf(c)
  if (bindings === undefined)
    return c.json({ error_code: 426, message: 'HTTP 426 Upgrade Required' }, 426, { upgrade: 'websocket' })
  if (service.stopping.aborted) throw isStopping()
  // It would give its place back when it closes, which it has done.
  if (bindings.connection.destroyed) return gone()
  const { socketPlaces } = service
  const client = clientOf(c)
  if (!socketPlaces.take(client, 1))
    throw new Refusal('busy', 'As many sockets are open as the gateway allows: try again later.', {
      retryAfter: 1,
    })
  bindings.connection.once('close', () => socketPlaces.give(client, 1))
  return takeSocket(bindings, (socket) => {
    // Node tells of `close` too.
    socket.on('error', () => undefined)
    const session = feed.open(socket, terms)
    socket.on('message', (data, isBinary) => session.heard(isBinary ? undefined : textOf(data)))
    socket.on('close', () => session.ended())
  })
}

function asked(
  topic: string,
  partition: string,
  c: Context,
  { all, committed }: Feeds,
): { readonly terms: FeedTerms; readonly feed: TailFeed } {
  if (!/^\d{1,9}$/.test(partition)) throw new Refusal('malformed', '`partition` must be a whole number')
  try {
    const { searchParams } = new URL(c.req.url)
    const terms = feedTerms(topic, Number(partition), searchParams)
    return { terms, feed: flagOf(searchParams, 'committed') ? committed : all }
  } catch (error) {
    throw error instanceof Malformed ? new Refusal('malformed', error.message) : error
  }
}

/** Of a message that is text. `ws` gives it as one buffer, unless an option says otherwise. */
const textOf = (data: RawData): string => (data as Buffer).toString()
