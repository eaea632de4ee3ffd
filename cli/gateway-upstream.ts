/** The upstream of `kedge gateway`: a REST backend that it asks for all of its clients. @module */
import type { UpstreamCluster } from '../services/gateway/upstream/index.ts'
import { upstreamCluster } from '../services/gateway/upstream/index.ts'
import { codeOf, sentence } from './failure.ts'
import { proxied } from './proxy.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { upstream } from './settings/gateway.ts'
import { flavor } from './settings/proxy.ts'
import { evictionsTopic } from './settings/topics.ts'
import { plain } from './terminal.ts'

/**
 * @returns `undefined` where no upstream is given
 * @throws UsageError where settings contradict each other
 */
export async function upstreamOf(
  values: ResolvedSettings,
  session: Session,
): Promise<UpstreamCluster | undefined> {
  const url = values.get(upstream)
  if (url === undefined) return undefined
  // Without the setting it finds out: a relay has time for a few questions.
  const kind = values.source(flavor) === 'default' ? 'auto' : values.get(flavor)
  const log = await proxied(values, session, { at: upstream, flavor: kind })
  const { terminal, runtime, stop } = session
  return upstreamCluster(log, {
    runtime,
    topic: values.get(evictionsTopic),
    onContact(error) {
      if (stop.aborted) return
      if (error === undefined)
        terminal.tell('info', 'upstream', `kedge gateway: the upstream ${plain(url)} answers`, {
          upstream: url,
        })
      else
        terminal.tell(
          'warn',
          'upstream_unreachable',
          `kedge gateway: ${sentence(error)}; it serves as soon as that has changed`,
          { ...codeOf(error), upstream: url },
        )
    },
  })
}
