/**
 * Proofs of freshness that many isolates share: the gateway is the tail that `tail({ url })` asks (docs/scaling.md).
 *
 * @module
 */
import { Hono } from 'hono'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import { clusterLog } from '../cluster-log.ts'
import type { Cluster } from '../cluster.ts'
import type { Service } from '../service.ts'
import { confluentErrors, V2_ERRORS } from './confluent/errors.ts'

const PROOF = '/tail/:topic/:partition'
const PROOF_RECORDS = `${PROOF}/records`

/** @param cluster for every client alike: what one may see of it is asked before */
export function sharedProofs(service: Service, cluster: Cluster): Hono {
  const { counters, runtime } = service
  const state = new TailState({ log: clusterLog(cluster, { runtime }), runtime })
  counters.proofs = () => state.stats()
  const app = new Hono()
  app.onError(confluentErrors(service, V2_ERRORS, 'application/json'))
  for (const route of [PROOF, PROOF_RECORDS])
    app.get(route, (c) => {
      service.clusterOf(c).require('read', [c.req.param('topic')!])
      return answerTail(state, c.req.raw)
    })
  return app
}
