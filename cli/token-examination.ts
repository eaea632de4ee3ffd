/** What a token says, and whether it can be of this log. @module */
import type { KafkaCluster } from '../gateway/kafka/index.ts'
import type { KafkaLog } from '../src/log.ts'
import { parseToken } from '../src/token.ts'
import type { TokenPositions } from '../src/token.ts'
import { ok, problem, skipped, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** The bounds of the evictions topic, by partition. */
export type Ends = ReadonlyMap<number, { readonly beginning: number; readonly end: number }>

export async function endsOfProxy(
  log: KafkaLog,
  topic: string,
  signal: AbortSignal,
): Promise<Ends | undefined> {
  try {
    return new Map((await log.offsets(topic, { signal })).map((each) => [each.partition, each]))
  } catch {
    // Why not is said by the examination of the proxy.
    signal.throwIfAborted()
    return undefined
  }
}

export async function endsOfCluster(cluster: KafkaCluster, topic: string): Promise<Ends | undefined> {
  const found = (await cluster.topics()).find(({ name }) => name === topic)
  if (found === undefined) return undefined
  const partitions = Array.from({ length: found.partitions }, (_, partition) => partition)
  return new Map(
    await Promise.all(
      partitions.map(async (partition) => [partition, await cluster.offsets(topic, partition)] as const),
    ),
  )
}

/** One finding for each partition that the token names. */
export function examineToken(token: string, ends: Ends | undefined): Finding[] {
  let positions: TokenPositions
  try {
    positions = parseToken(token)
  } catch {
    return [
      problem(
        'token',
        'this is not a token of kedge: it should look like k1.0-42',
        'pass on what delete(), set() or `kedge evict` returned, as it is',
      ),
    ]
  }
  const findings: Finding[] = []
  for (const [partition, next] of positions) findings.push(compare(partition, next, ends))
  return findings
}

function compare(partition: number, next: number, ends: Ends | undefined): Finding {
  const says = `a reader must have read partition ${partition} up to ${next}`
  if (ends === undefined)
    return skipped('token', `${says}; there is no log to compare it with (--url or --brokers)`)
  const bounds = ends.get(partition)
  if (bounds === undefined)
    return problem(
      'token',
      `${says}, but the topic has no such partition`,
      'it is of another topic, or of another cluster',
    )
  if (next > bounds.end)
    return problem(
      'token',
      `${says}, but the log ends at ${bounds.end}: every read with it waits in vain, and loads past the cache`,
      'it is of another log: of another cluster, or of before the topic was made anew',
    )
  if (next <= bounds.beginning)
    return warning(
      'token',
      `${says}; retention has taken what it stands for, so that everybody has passed it`,
    )
  const later = bounds.end - next
  return ok(
    'token',
    `${says}, and the log ends at ${bounds.end}: ${later === 0 ? 'the latest eviction' : `${later} came after it`}`,
  )
}
