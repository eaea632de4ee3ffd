/** A right that lacks: of Kafka's ACLs, or of a credential of the gateway. @module */
import { fault } from './failure.ts'
import { plain } from './terminal.ts'

/** The right that a call needs, where the answer does not name it. */
export interface Needed {
  readonly operation: 'Describe' | 'Read' | 'Write'
  readonly topic: string
}

/** What the gateway and `--brokers` say when Kafka refuses. */
const OF_KAFKA = /Kafka refuses (\w+) on the (topic|group|cluster) ?([\w.,~ -]*): (\w+_FAILED)/
/** What the gateway says when it refuses by itself. */
const OF_GATEWAY =
  /Not authorized(?:: the credential has not the role (\w+)| to access the (topic [\w.-]+|consumer group))/
/** What other proxies say: a status, kafka-rest's code, or Kafka's own. */
const OF_PROXY =
  /HTTP 403\b|\(403\d\d\)|Kafka answers with its code (?:29|30|31|53|65)\b|_AUTHORIZATION_FAILED/

const ROLES: Readonly<Record<Needed['operation'], string>> = {
  Describe: 'read',
  Read: 'read',
  Write: 'write',
}

/** What to do about it; `undefined` where the error is about something else, such as wrong credentials. */
export function adviceOnRight(error: unknown, { operation, topic }: Needed): string | undefined {
  const said = textOf(error)
  const [, named, kind, of = ''] = OF_KAFKA.exec(said) ?? []
  if (named !== undefined && kind !== undefined) return acl(named, kind, of)
  const [found, role] = OF_GATEWAY.exec(said) ?? []
  if (found !== undefined)
    return `the gateway's configuration: give the credential ${role === undefined ? `the topic ${plain(topic)}` : `the role ${role}`} (${ROLES[operation]} on ${plain(topic)})`
  return OF_PROXY.test(said) ? acl(operation, 'topic', topic) : undefined
}

/** The command of Kafka's own tools that gives the right to the principal of the proxy, or of `--brokers`. */
function acl(operation: string, kind: string, name: string): string {
  const of = kind === 'cluster' ? '--cluster' : `--${kind} ${plain(name).split(',')[0] || '…'}`
  return `the right ${operation} lacks: kafka-acls.sh --bootstrap-server … --add --allow-principal User:… --operation ${operation} ${of}`
}

const MAX_DEPTH = 8

/** The messages of an error and of all that caused it. */
function textOf(error: unknown): string {
  const messages = [fault(error)]
  let at: unknown = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    messages.push(at.message)
    at = at.cause
  }
  return messages.join('\n')
}
