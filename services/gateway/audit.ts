/** Who has written what, changed which topic, or shown a wrong credential. Never a key in clear, a value or a secret. @module */
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
  /** What `auditKey` makes of the keys of the records: of a hundred at most; `count` has them all. */
  readonly keys?: readonly string[] | undefined
  /** `ok`, or why the gateway or the cluster has refused it. `failed` is an error of the gateway itself. */
  readonly outcome: 'ok' | 'failed' | 'wrong-credential' | RefusalReason
  /** The address that the connection comes from. */
  readonly remote: string
  readonly requestId: string
  readonly traceId?: string | undefined
  /** Wrong credentials that were refused before, from addresses that had shown too many, without an entry of their own. */
  readonly unsaid?: number | undefined
}

/** A keyed hash of a record's key: a reader with the secret finds a key again, and others learn none. */
export type AuditKey = (key: Uint8Array) => string

/** Keys of one entry. */
const MAX_KEYS = 100

type Act = Pick<
  AuditEntry,
  'act' | 'topic' | 'partition' | 'offsets' | 'count' | 'keys' | 'outcome' | 'unsaid'
>

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
  readonly #hashOf: AuditKey | undefined

  constructor(
    cluster: Cluster & Required<PartitionReader>,
    principal: Principal,
    tell: (act: Act) => void,
    hashOf: AuditKey | undefined,
  ) {
    super(cluster, principal)
    this.#tell = tell
    this.#hashOf = hashOf
  }

  override async append(topic: string, records: readonly RecordToAppend[]): Promise<readonly Appended[]> {
    const act = { act: 'write', topic } as const
    const refused = { ...act, count: records.length, ...this.#keysOf(records) }
    const results = await this.#told(refused, () => super.append(topic, records))
    for (const { at, ...part } of partsOf(results))
      this.#tell({ ...act, ...part, ...this.#keysOf(at.map((index) => records[index]!)) })
    return results
  }

  #keysOf(records: readonly RecordToAppend[]): Pick<Act, 'keys'> {
    const hashOf = this.#hashOf
    if (!hashOf) return {}
    const keys = records.slice(0, MAX_KEYS).flatMap(({ key }) => (key ? [hashOf(key)] : []))
    return { keys: [...new Set(keys)] }
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

interface Part extends Omit<Act, 'act' | 'topic'> {
  /** Where its records stand in the request. */
  readonly at: readonly number[]
}

/** One part for each partition that was written, and one for each reason of refusal. */
function partsOf(results: readonly Appended[]): Part[] {
  const written = new Map<number, { first: number; last: number; at: number[] }>()
  const refused = new Map<RefusalReason, number[]>()
  for (const [index, result] of results.entries()) {
    if (result.refusal) {
      const { reason } = result.refusal
      const at = refused.get(reason) ?? []
      at.push(index)
      refused.set(reason, at)
      continue
    }
    const { partition, offset } = result
    const part = written.get(partition) ?? { first: offset, last: offset, at: [] }
    part.last = offset
    part.at.push(index)
    written.set(partition, part)
  }
  return [
    ...[...written].map(([partition, { first, last, at }]) => {
      return { partition, offsets: [first, last] as const, count: at.length, outcome: 'ok' as const, at }
    }),
    ...[...refused].map(([outcome, at]) => ({ count: at.length, outcome, at })),
  ]
}
