/** Examines a token: what it asks for, and whether it can be from this log. @module */
import type { KafkaCluster } from '../services/gateway/kafka/index.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { logMark, readToken } from '../src/wire/token.ts'
import type { TokenParts } from '../src/wire/token.ts'
import { ok, problem, skipped, warning } from './findings.ts'
import type { Finding } from './findings.ts'

/** The bounds of the evictions topic, by partition. */
export type Ends = ReadonlyMap<
  number,
  { readonly beginning: number; readonly end: number; readonly logId?: string }
>

export async function endsOfProxy(
  log: KafkaLog,
  topic: string,
  signal: AbortSignal,
): Promise<Ends | undefined> {
  try {
    return new Map((await log.offsets(topic, { signal })).map((each) => [each.partition, each]))
  } catch {
    // The examination of the proxy reports the error.
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
  let parts: TokenParts
  try {
    parts = readToken(token)
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
  for (const [partition, next] of parts.evictions) findings.push(compare(partition, next, parts.log, ends))
  return findings
}

function compare(partition: number, next: number, log: string | undefined, ends: Ends | undefined): Finding {
  const says = `a reader must have read partition ${partition} up to ${next}`
  if (ends === undefined)
    return skipped('token', `${says}; there is no log to compare it with (--url or --brokers)`)
  const bounds = ends.get(partition)
  if (bounds === undefined)
    return problem(
      'token',
      `${says}, but the topic has no such partition`,
      'it is from another topic, or from another cluster',
    )
  const elsewhere = 'from another cluster, or from a topic that was deleted and created again'
  if (log !== undefined && bounds.logId !== undefined && log !== logMark(bounds.logId))
    return problem(
      'token',
      `${says}, but of another log: each read with it polls once, and then counts it as passed`,
      `it is ${elsewhere}; a client that sends back the token of the latest answer loses it`,
    )
  if (next > bounds.end)
    return problem(
      'token',
      `${says}, but the log ends at ${bounds.end}: each read with it polls once, and then counts it as passed`,
      `it is from another log: ${elsewhere}`,
    )
  if (next <= bounds.beginning)
    return warning('token', `${says}; retention has deleted that eviction, and every cache is past it`)
  const later = bounds.end - next
  return ok(
    'token',
    `${says}, and the log ends at ${bounds.end}: ${later === 0 ? 'the latest eviction' : `${later} came after it`}`,
  )
}
