/**
 * Consumer groups of a log in memory: members in one process share its partitions as in a Kafka group.
 *
 * @module
 */
import type { MemoryLog } from '../../src/testing/memory-log.ts'
import type { TopicPartition } from './topic-position.ts'
import { membersOnly } from './groups.ts'
import type { GroupMember, GroupOffset, Groups, MemberOptions, Share } from './groups.ts'
import { rangeAssign } from './range-assignor.ts'
import { Refusal } from './refusal.ts'

/**
 * Groups whose offsets are kept. A further group drops the group without members that was used longest ago.
 */
const MAX_GROUPS = 1000

interface Group {
  readonly members: Map<string, Member>
  /** By topic id and partition: offsets of a deleted topic do not count for a new one of its name. */
  readonly committed: Map<string, GroupOffset>
}

export class MemoryGroups implements Groups {
  readonly #log: MemoryLog
  readonly #groups = new Map<string, Group>()
  #count = 0

  constructor(log: MemoryLog) {
    this.#log = log
  }

  join(name: string, options: MemberOptions): GroupMember {
    const group = this.#group(name)
    this.#revoke(group)
    // Ids sort by age: the oldest member gets the first partitions.
    const id = String(this.#count++).padStart(12, '0')
    const member = new Member(options, {
      commit: (offsets) => this.#commit(group, offsets),
      share: () => this.#shareOut(group, id),
      leave: () => {
        this.#revoke(group)
        group.members.delete(id)
      },
    })
    group.members.set(id, member)
    return member
  }

  async commit(name: string, offsets: readonly GroupOffset[]): Promise<void> {
    const group = this.#group(name)
    dismissUnwanted(group)
    if (group.members.size > 0) throw membersOnly()
    this.#commit(group, offsets)
  }

  async committed(name: string, partitions: readonly TopicPartition[]): Promise<GroupOffset[]> {
    const committed = this.#groups.get(name)?.committed
    return partitions.flatMap((one) => committed?.get(this.#key(one)) ?? [])
  }

  #commit(group: Group, offsets: readonly GroupOffset[]): void {
    for (const offset of offsets) this.#key(offset)
    for (const offset of offsets) group.committed.set(this.#key(offset), offset)
  }

  /** @throws Refusal `not-hosted`. */
  #key({ topic, partition }: TopicPartition): string {
    const found = this.#log.describe(topic)
    if (!found || partition >= found.partitions) {
      throw new Refusal('not-hosted', 'This server does not host this topic-partition.')
    }
    return `${found.id} ${partition}`
  }

  #group(name: string): Group {
    const group = this.#groups.get(name) ?? { members: new Map(), committed: new Map() }
    this.#groups.delete(name)
    this.#groups.set(name, group)
    if (this.#groups.size > MAX_GROUPS) {
      const idle = [...this.#groups].find(([other, { members }]) => other !== name && members.size === 0)
      if (idle) this.#groups.delete(idle[0])
    }
    return group
  }

  /** All members commit and give up their partitions; each gets its new share at its next call. */
  #revoke(group: Group): void {
    for (const member of group.members.values()) member.revoke()
  }

  #shareOut(group: Group, id: string): readonly TopicPartition[] {
    dismissUnwanted(group)
    const members = new Map([...group.members].map(([other, member]) => [other, member.topics]))
    const topics = new Set([...members.values()].flat())
    const counts = new Map([...topics].map((topic) => [topic, this.#log.describe(topic)?.partitions ?? 0]))
    return rangeAssign(members, counts).get(id) ?? []
  }
}

function dismissUnwanted(group: Group): void {
  for (const [id, member] of group.members) {
    if (member.wanted) continue
    member.revoke()
    group.members.delete(id)
  }
}

interface Membership {
  readonly commit: (offsets: readonly GroupOffset[]) => void
  readonly share: () => readonly TopicPartition[]
  readonly leave: () => void
}

class Member implements GroupMember {
  readonly #options: MemberOptions
  readonly #group: Membership
  #share: { readonly share: Share; readonly end: () => void } | undefined
  #left = false

  constructor(options: MemberOptions, group: Membership) {
    this.#options = options
    this.#group = group
  }

  get topics(): readonly string[] {
    return this.#options.topics
  }

  get wanted(): boolean {
    return this.#options.wanted()
  }

  async share(): Promise<Share> {
    if (this.#left) throw hasLeft()
    const partitions = this.#group.share()
    const known = this.#share?.share
    if (known && sameAs(known.partitions, partitions)) return known
    this.revoke()
    const controller = new AbortController()
    const share = { partitions, ended: controller.signal }
    this.#share = { share, end: () => controller.abort() }
    return share
  }

  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    if (this.#left) throw hasLeft()
    this.#group.commit(offsets)
  }

  async leave(): Promise<void> {
    if (this.#left) return
    this.#left = true
    this.#group.leave()
  }

  revoke(): void {
    const { end } = this.#share ?? {}
    if (!end) return
    this.#share = undefined
    try {
      this.#group.commit(this.#options.consumed())
    } catch (error) {
      // The offsets of a deleted topic are dropped.
      if (!(error instanceof Refusal)) throw error
    }
    end()
  }
}

const hasLeft = () => new Refusal('unknown-instance', 'Consumer instance not found.')

const sameAs = (some: readonly TopicPartition[], others: readonly TopicPartition[]): boolean =>
  some.length === others.length &&
  some.every(({ topic, partition }, at) => topic === others[at]?.topic && partition === others[at].partition)
