/** The live page of `kedge gateway`: whether the log answers, who waits for it, and evictions as they come. @module */
import type { Context } from 'hono'
import { clusterLog } from '../../services/gateway/cluster-log.ts'
import { clientOf } from '../../services/gateway/client.ts'
import { principalOf } from '../../services/gateway/access.ts'
import type { Cluster } from '../../services/gateway/cluster.ts'
import type { GatewayCounters } from '../../services/gateway/counters.ts'
import type { LivePage } from '../../services/gateway/live-page.ts'
import { onAbort } from '../../src/runtime/abort.ts'
import type { Codec } from '../../src/wire/codec.ts'
import type { KnownBrokers } from '../known-brokers.ts'
import { LiveFeed } from './live-feed.ts'
import type { LiveSource, Sample, ViewerRights } from './live-feed.ts'
import type { PageOptions } from './page-options.ts'
import { addData, addPage } from './routes.ts'
import { TopicWatch } from './topic-watch.ts'
import type { TopicLook } from './topic-watch.ts'
import type { GatewayState, ProofsState, Verdict } from './state.ts'

export interface GatewayPageOptions extends PageOptions {
  readonly topic: string
  readonly counters: GatewayCounters
  readonly log: GatewayState['log']
  /** Where the log is that of a Kafka cluster. */
  readonly brokers: KnownBrokers | undefined
  readonly codec: Codec
}

export function gatewayPage(options: GatewayPageOptions): LivePage {
  return {
    open: addPage,
    closed(app, cluster, stopping) {
      const feed = new LiveFeed(sourceOf(cluster, options), options)
      onAbort(stopping, () => feed.close())
      addData(app, feed, { clientOf, rightsOf: async (c) => rightsIn(c, cluster, options) })
    },
  }
}

async function rightsIn(
  c: Context,
  cluster: Cluster,
  { topic, log }: GatewayPageOptions,
): Promise<ViewerRights | Response> {
  const { roles, mayTopic } = principalOf(c)
  if (!roles.has('read')) {
    const message = 'Not authorized: the credential has not the role read.'
    return c.json({ error_code: 40301, message, error: message, status: 403 }, 403)
  }
  const seesEvictions = mayTopic(topic)
  if (!seesEvictions || !roles.has('write')) return { seesEvictions }
  const partitions = (await found(cluster, topic, log).catch(() => undefined))?.partitions
  return { seesEvictions, evicts: { by: 'gateway', topic, partitions: partitions ?? 1 } }
}

/** The topic, without its being made: a log in memory makes what it is asked to describe, and no other does. */
const found = async (cluster: Cluster, topic: string, log: GatewayState['log']) =>
  log === 'memory' ? (await cluster.topics()).find(({ name }) => name === topic) : cluster.describe(topic)

function sourceOf(cluster: Cluster, options: GatewayPageOptions): LiveSource {
  const { topic, brokers, log, codec, runtime, counters, sentence } = options
  const exists = async () => (await found(cluster, topic, log)) !== undefined
  const watch = new TopicWatch({ log: clusterLog(cluster, { runtime }), topic, exists, codec, runtime })
  return {
    async sample(): Promise<Sample> {
      const ids = brokers?.ids
      const look = await watch.look()
      return {
        service: 'gateway',
        verdict: verdictOf(look, topic, sentence),
        ...(look.state && { topic: look.state }),
        gateway: {
          log,
          cluster: cluster.id,
          ...(ids && { brokers: ids }),
          ...figuresOf(counters),
          ...(log !== 'memory' && { tails: counters.tails() }),
        },
      }
    },
    follow: (tell, signal) => watch.follow(tell, signal),
  }
}

const figuresOf = (
  counters: GatewayCounters,
): Omit<GatewayState, 'log' | 'cluster' | 'brokers' | 'tails'> => ({
  pollsWaiting: counters.pollsWaiting,
  connections: counters.connections,
  tailHits: counters.tailHits,
  tailReads: counters.tailReads,
  receivedBytes: counters.receivedBytes,
  sentBytes: counters.sentBytes,
  refused: [...counters.refused].map(([name, count]) => ({ name, count })),
  proofs: proofsOf(counters.proofs()),
})

const proofsOf = ({ questions, samples, places }: ProofsState = NONE): ProofsState => ({
  questions,
  samples,
  places,
})

const NONE: ProofsState = { questions: 0, samples: 0, places: 0 }

function verdictOf(
  { isThere, answeredAgoMs, error }: TopicLook,
  topic: string,
  sentence: (error: unknown) => string,
): Verdict {
  const isKnown = Number.isFinite(answeredAgoMs)
  if (error !== undefined)
    return {
      mood: 'bad',
      says: 'The log does not answer',
      ...(isKnown && { since: { verb: 'last answered', ageMs: answeredAgoMs } }),
      because: `${sentence(error)}. Caches behind this gateway cannot prove that they are fresh.`,
    }
  const since = { verb: 'answered', ageMs: answeredAgoMs }
  if (!isThere)
    return {
      mood: 'waiting',
      says: 'Ready',
      since,
      because: `The log answers, and has no topic ${topic} yet: the first cache that uses it makes it, or kedge topics create.`,
    }
  return {
    mood: 'good',
    says: 'The log answers',
    since,
    because: 'Caches behind this gateway can prove that they are fresh.',
  }
}
