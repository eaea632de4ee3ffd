/** Consumer groups of a real cluster. @module */
import type { TopicPartition } from '../topic-position.ts'
import type { GroupMember, GroupOffset, Groups, MemberOptions } from '../groups.ts'
import { Coordinators } from './coordinators.ts'
import { KafkaMember } from './group-member.ts'
import type { GroupAccess } from './group-member.ts'
import { GroupOffsets, NO_MEMBER } from './group-offsets.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { KafkaSettings } from './options.ts'
import type { Topology } from './topology.ts'

export class KafkaGroups implements Groups {
  readonly #access: GroupAccess
  readonly #members = new Set<KafkaMember>()

  constructor(links: ConnectionPool, topology: Topology, settings: KafkaSettings) {
    const coordinators = new Coordinators(links, topology, settings)
    const offsets = new GroupOffsets(coordinators, settings)
    this.#access = { coordinators, offsets, links, topology, settings }
  }

  join(group: string, options: MemberOptions): GroupMember {
    const left = () => void this.#members.delete(member)
    const member = new KafkaMember(group, options, this.#access, left)
    this.#members.add(member)
    return member
  }

  commit(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    return this.#access.offsets.commit(group, NO_MEMBER, offsets)
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<readonly GroupOffset[]> {
    return this.#access.offsets.committed(group, partitions)
  }

  /** All members leave: other members need not wait for their session timeouts. */
  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.leave()))
  }
}
