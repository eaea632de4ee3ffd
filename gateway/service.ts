/** What every protocol of the gateway is given. @module */
import type { Runtime } from '../src/runtime.ts'
import type { Bodies } from './body.ts'
import type { Cluster } from './cluster.ts'
import type { GatewayLimits } from './limits.ts'
import type { Polls } from './polls.ts'

export interface Service {
  readonly bodies: Bodies
  readonly cluster: Cluster
  readonly limits: Required<GatewayLimits>
  readonly polls: Polls
  readonly runtime: Runtime
  /** Told of errors that nobody expected; the client gets none of their text. */
  readonly onError: (error: unknown) => void
}
