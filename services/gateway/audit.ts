/** Who has written what, changed which topic, or shown a wrong credential. Never a key, a value or a secret. @module */
import type { Context } from 'hono'
import type { Principal } from './access.ts'
import { AuthorizedCluster } from './authorized-cluster.ts'
import type { Appended, Cluster, RecordToAppend, TopicDescription } from './cluster.ts'
import type { PartitionReader } from './partition-reader.ts'
import { Refusal } from './refusal.ts'
import type { RefusalReason } from './refusal.ts'
import { remoteOf } from './remote.ts'
import { requestIdOf, traceIdOf } from './request-id.ts'

export interface AuditEntry {
  readonly act: 'write' | 'create-topic' | 'delete-topic' | 'show-credential'
  /** The name of the credential; empty without credentials, and for a wrong one. */
  readonly principal: string
  readonly roles: readonly string[]
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** The first and the last offset of the records, in the order in which they were given. */
  readonly offsets?: readonly [first: number, last: number] | undefined
  /** Records. */
  readonly count?: number | undefined
  /** `ok`, or why the gateway or the cluster has refused it. `failed` is an error of the gateway itself. */
  readonly outcome: 'ok' | 'failed' | 'wrong-credential' | RefusalReason
  /** The address that the connection comes from. */
  readonly remote: string
  readonly requestId: string
  readonly traceId?: string | undefined
  /** Wrong credentials that were refused before, from addresses that had shown too many, without an entry of their own. */
  readonly unsaid?: number | undefined
}

type Act = Pick<AuditEntry, 'act' | 'topic' | 'partition' | 'offsets' | 'count' | 'outcome' | 'unsaid'>

type Sender = Omit<AuditEntry, keyof Act>

/** The entry for an act of this request. */
export const entryOf = (c: Context, principal: Principal | undefined, act: Act): AuditEntry => ({
  ...act,
  ...senderOf(c, principal),
})

/** Who has sent this request, and by which ids it is found. */
export const senderOf = (c: Context, principal: Principal | undefined): Sender => ({
  principal: principal?.name ?? '',
  roles: [...(principal?.roles ?? [])],
  remote: remoteOf(c),
  requestId: requestIdOf(c),
  traceId: traceIdOf(c),
})

/** The cluster as a principal may use it, in one request: the audit gets each write and each change of a topic. */
export class AuditedCluster extends AuthorizedCluster {
  readonly #tell: (act: Act) => void

  constructor(cluster: Cluster & PartitionReader, principal: Principal, tell: (act: Act) => void) {
    super(cluster, principal)
    this.#tell = tell
  }

  override async append(topic: string, records: readonly RecordToAppend[]): Promise<readonly Appended[]> {
    const act = { act: 'write', topic } as const
    const results = await this.#told({ ...act, count: records.length }, () => super.append(topic, records))
    for (const part of partsOf(results)) this.#tell({ ...act, ...part })
    return results
  }

  override async create(topic: string, partitions: number | undefined): Promise<TopicDescription> {
    const act = { act: 'create-topic', topic } as const
    const made = await this.#told(act, () => super.create(topic, partitions))
    this.#tell({ ...act, outcome: 'ok' })
    return made
  }

  override async remove(topic: string): Promise<void> {
    const act = { act: 'delete-topic', topic } as const
    await this.#told(act, () => super.remove(topic))
    this.#tell({ ...act, outcome: 'ok' })
  }

  async #told<T>(act: Omit<Act, 'outcome'>, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#tell({ ...act, outcome: error instanceof Refusal ? error.reason : 'failed' })
      throw error
    }
  }
}

/** One part for each partition that was written, and one for each reason of refusal. */
function partsOf(results: readonly Appended[]): Omit<Act, 'act' | 'topic'>[] {
  const written = new Map<number, { first: number; last: number; count: number }>()
  const refused = new Map<RefusalReason, number>()
  for (const result of results) {
    if (result.refusal) refused.set(result.refusal.reason, (refused.get(result.refusal.reason) ?? 0) + 1)
    else {
      const part = written.get(result.partition)
      if (part) Object.assign(part, { last: result.offset, count: part.count + 1 })
      else written.set(result.partition, { first: result.offset, last: result.offset, count: 1 })
    }
  }
  return [
    ...[...written].map(([partition, { first, last, count }]) => {
      return { partition, offsets: [first, last] as const, count, outcome: 'ok' as const }
    }),
    ...[...refused].map(([outcome, count]) => ({ count, outcome })),
  ]
}
