/** Routes that a program adds to its gateway: how `kedge gateway` serves its live page. @module */
import type { Hono } from 'hono'
import type { Cluster } from './cluster.ts'

export interface LivePage {
  /** Adds routes that everybody may ask for, and that tell nothing of the cluster. */
  readonly open: (app: Hono) => void
  /**
   * Adds routes behind the authentication.
   *
   * @param cluster the cluster as the gateway sees it: what a client may see of it is for the routes to say
   * @param stopping aborted when the process stops: answers that go on have to end
   */
  readonly closed: (app: Hono, cluster: Cluster, stopping: AbortSignal) => void
}
