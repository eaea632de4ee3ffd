/** The cluster as one principal may use it. Every protocol reaches the cluster through it alone (decision 116). @module */
import type { Principal, Role } from './access.ts'
import type { Cluster } from './cluster.ts'
import type { GroupMember, GroupOffset, Groups } from './groups.ts'
import type { PartitionReader, StartedRead, StartRead } from './partition-reader.ts'
import { Refusal } from './refusal.ts'
import type { TopicPartition } from './topic-position.ts'

/** The same for a topic that exists and one that does not: a client learns no names. */
const noTopic = (topic: string): Refusal =>
  new Refusal('forbidden', `Not authorized to access the topic ${topic.slice(0, 249)}.`)
const noRole = (role: Role): Refusal =>
  new Refusal('forbidden', `Not authorized: the credential has not the role ${role}.`)
const noGroup = (): Refusal => new Refusal('forbidden', 'Not authorized to access the consumer group.')

export class AuthorizedCluster implements Cluster, PartitionReader {
  readonly id: string
  readonly groups: Groups | undefined
  readonly principal: Principal
  readonly #cluster: Cluster & Required<PartitionReader>

  constructor(cluster: Cluster & Required<PartitionReader>, principal: Principal) {
    this.id = cluster.id
    this.principal = principal
    this.#cluster = cluster
    this.groups = cluster.groups && this.#groupsOf(cluster.groups)
  }

  /** @throws Refusal `forbidden` where the principal has not the role, or not one of the topics. */
  require(role: Role, topics: Iterable<string>): void {
    const { roles, mayTopic } = this.principal
    for (const topic of topics) if (!mayTopic(topic)) throw noTopic(topic)
    if (!roles.has(role)) throw noRole(role)
  }

  /** @throws Refusal `forbidden`. */
  requireGroup(group: string): void {
    if (!this.principal.mayGroup(group)) throw noGroup()
    if (!this.principal.roles.has('read')) throw noRole('read')
  }

  async topics(): ReturnType<Cluster['topics']> {
    const all = await this.#cluster.topics()
    return all.filter(({ name }) => this.principal.mayTopic(name))
  }

  async describe(topic: string): ReturnType<Cluster['describe']> {
    this.#requireTopic(topic)
    return this.#cluster.describe(topic)
  }

  async create(topic: string, partitions: number | undefined): ReturnType<Cluster['create']> {
    this.require('admin', [topic])
    return this.#cluster.create(topic, partitions)
  }

  async remove(topic: string): Promise<void> {
    this.require('admin', [topic])
    return this.#cluster.remove(topic)
  }

  async append(topic: string, records: Parameters<Cluster['append']>[1]): ReturnType<Cluster['append']> {
    this.require('write', [topic])
    return this.#cluster.append(topic, records)
  }

  async offsets(topic: string, partition: number): ReturnType<Cluster['offsets']> {
    this.#requireTopic(topic)
    return this.#cluster.offsets(topic, partition)
  }

  async offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
    this.#requireTopic(topic)
    return this.#cluster.offsetAt(topic, partition, timestamp)
  }

  async read(...[positions, options]: Parameters<Cluster['read']>): ReturnType<Cluster['read']> {
    this.require('read', topicsOf(positions))
    return this.#cluster.read(positions, options)
  }

  async readPartition(
    ...[position, options]: Parameters<PartitionReader['readPartition']>
  ): ReturnType<PartitionReader['readPartition']> {
    this.require('read', [position.topic])
    return this.#cluster.readPartition(position, options)
  }

  /** @throws Refusal `forbidden`. */
  startRead(...[position, options, caller]: Parameters<StartRead>): StartedRead {
    this.require('read', [position.topic])
    return this.#cluster.startRead(position, options, caller)
  }

  #requireTopic(topic: string): void {
    if (!this.principal.mayTopic(topic)) throw noTopic(topic)
  }

  #groupsOf(groups: Groups): Groups {
    const check = (group: string, partitions: readonly TopicPartition[]) => {
      this.requireGroup(group)
      this.require('read', topicsOf(partitions))
    }
    return {
      join: (group, options) => {
        this.requireGroup(group)
        this.require('read', options.topics)
        return this.#memberOf(groups.join(group, options))
      },
      commit: async (group, offsets) => {
        check(group, offsets)
        return groups.commit(group, offsets)
      },
      committed: async (group, partitions) => {
        check(group, partitions)
        return groups.committed(group, partitions)
      },
    }
  }

  #memberOf(member: GroupMember): GroupMember {
    return {
      share: (waitMs, signal) => member.share(waitMs, signal),
      commit: async (offsets: readonly GroupOffset[]) => {
        this.require('read', topicsOf(offsets))
        return member.commit(offsets)
      },
      leave: () => member.leave(),
    }
  }
}

const topicsOf = (partitions: readonly TopicPartition[]): Set<string> =>
  new Set(partitions.map(({ topic }) => topic))
