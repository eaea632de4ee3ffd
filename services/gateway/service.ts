/** What every protocol of the gateway receives. @module */
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Context } from 'hono'
import type { LifeClock } from '../../adapters/sharing/tail/life-clock.ts'
import { Answers } from './answers.ts'
import type { AuthorizedCluster } from './authorized-cluster.ts'
import { Bodies } from './body.ts'
import { FairBound } from './fair-bound.ts'
import type { GatewayCounters } from './counters.ts'
import type { GatewayLimits } from './limits.ts'
import { LongPollLimiter } from './long-poll-limiter.ts'

export interface Service {
  readonly answers: Answers
  readonly bodies: Bodies
  readonly clusterId: string
  /** By which tails reckon how old the ends are that they ask for. */
  readonly clock: LifeClock
  readonly counters: GatewayCounters
  /** The cluster as the sender of this request may use it. */
  readonly clusterOf: (c: Context) => AuthorizedCluster
  readonly limits: Required<GatewayLimits>
  readonly polls: LongPollLimiter
  readonly runtime: Runtime
  /** Counts the sockets that follow partitions. */
  readonly socketPlaces: FairBound
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal
  /** Whether the gateway asks for no credentials: then a shared cache may keep answers that never change. */
  readonly open: boolean
  /** Whether web pages of some origins may ask: then every answer says for which it is. */
  readonly cors: boolean
  /** Called with unexpected errors; the client gets none of their text. */
  readonly onError: (error: unknown) => void
}

/** What counts requests, answers and polls, each client with its share. */
export function boundsOf(
  limits: Required<GatewayLimits>,
  counters: GatewayCounters,
): Pick<Service, 'answers' | 'bodies' | 'polls' | 'socketPlaces'> {
  const bound = (max: number) => new FairBound(max, limits.clientShare)
  counters.maxPolls = limits.maxPolls
  return {
    answers: new Answers(bound(limits.maxAnswerBytes)),
    bodies: new Bodies({
      maxBytes: limits.maxBodyBytes,
      maxValues: limits.maxBodyValues,
      total: bound(limits.maxBufferedBytes),
    }),
    polls: new LongPollLimiter(bound(limits.maxPolls), counters),
    socketPlaces: bound(limits.maxSockets),
  }
}
