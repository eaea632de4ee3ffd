/** What a gateway says when it has started. @module */
import { isOpen } from '../services/gateway/credentials.ts'
import type { AuthOptions } from '../services/gateway/credentials.ts'
import type { KafkaCluster } from '../services/gateway/kafka/index.ts'
import { codeOf, sentence } from './failure.ts'
import type { Session } from './session.ts'
import type { GatewayKind } from './gateway-kind.ts'
import { url as proxyUrl } from './settings/proxy.ts'
import { plain } from './terminal.ts'

interface Access {
  readonly auth: AuthOptions | undefined
  readonly open: boolean
}

/**
 * Reports at once an error that every request would get; the gateway serves as soon as it reaches the
 * cluster.
 */
async function look(cluster: KafkaCluster, { terminal, stop }: Session): Promise<void> {
  try {
    const count = (await cluster.brokers()).length
    const says = `kedge gateway stands on the cluster ${plain(cluster.id)} of ${count} ${count === 1 ? 'broker' : 'brokers'}`
    terminal.tell('info', 'cluster', says, { cluster: cluster.id, brokers: count })
  } catch (error) {
    if (stop.aborted) return
    const says = `kedge gateway: ${sentence(error)}; it serves as soon as that has changed`
    terminal.tell('warn', 'cluster_unreachable', says, codeOf(error))
  }
}

/** Prints whether the cluster answers, and then the next steps with a gateway that has just started. */
export async function welcome(
  url: string,
  kind: GatewayKind,
  access: Access,
  cluster: KafkaCluster | undefined,
  session: Session,
): Promise<void> {
  if (cluster) await look(cluster, session)
  const { stop, terminal } = session
  // For people: a log has no use for them.
  if (!stop.aborted && !terminal.isJson) terminal.say(nextSteps(url, kind, access).join('\n'))
}

/** The next steps, one line each. */
function nextSteps(url: string, kind: GatewayKind, { auth, open: toAll }: Access): string[] {
  const at = url === proxyUrl.otherwise ? '' : ` --url ${url}`
  const isFree = isOpen(auth)
  return [
    ...(isFree && !toAll
      ? ['  access   this machine alone, without credentials; KEDGE_GATEWAY_TOKEN asks for one']
      : []),
    ...(kind === 'memory'
      ? ['  log      in memory: it ends with this process; --brokers puts it on a Kafka cluster']
      : []),
    `  caches   gateway({ url: '${url}'${isFree ? '' : ', auth'} })`,
    `  look     kedge doctor${at}${isFree ? '' : ' (with KEDGE_AUTH_TOKEN, or --username and KEDGE_PASSWORD)'}`,
    `  follow   kedge tail --follow${at}`,
    `  watch    ${url}/ui`,
  ]
}
