/**
 * What the cron of the deployable worker does: a heartbeat, and where values travel in the log, a prewarming.
 *
 * @module
 */
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { Cache } from '../src/api/cache-types.ts'
import { prewarm } from '../src/replicate/index.ts'
import type { PrewarmResult } from '../src/replicate/index.ts'
import type { Settings } from './bindings.ts'
import { beat } from './heartbeat.ts'

/** How long the prewarming of a cron may take: no request waits for it, and a run has 15 minutes. */
const PREWARM_BUDGET = '30s'

/**
 * Beats, then prewarms in mode `'replicate'`; resolves with what was read, or with `undefined` in the other modes.
 *
 * A prewarming fills the isolate that the cron happens to run in and no other. One that finds nothing, or not all of
 * it, is no failure; a heartbeat that is not acknowledged is one, and is thrown as `produce` does, after the rest.
 */
export async function runCron(
  cache: Cache,
  log: KafkaLog,
  settings: Pick<Settings, 'evictionsTopic' | 'evictionPartitions' | 'replicates'>,
): Promise<PrewarmResult | undefined> {
  // A worker that may not write may still read: a heartbeat that is refused does not keep the isolate cold.
  const [beaten] = await Promise.allSettled([beat(log, settings.evictionsTopic, settings.evictionPartitions)])
  const warmed = settings.replicates ? await prewarm(cache, { budget: PREWARM_BUDGET }) : undefined
  if (beaten.status === 'rejected') throw beaten.reason
  return warmed
}
