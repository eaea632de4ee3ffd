/**
 * The part of the gateway's port for consumer groups: which member reads which partitions, and the committed
 * offsets.
 *
 * Methods reject with a `Refusal`, as those of a `Cluster` do.
 *
 * @module
 */
import type { TopicPartition, TopicPosition } from './topic-position.ts'
import { Refusal } from './refusal.ts'

export interface GroupOffset extends TopicPosition {
  /** Text that the committing client adds. @default '' */
  readonly metadata?: string | undefined
}

/** The partitions that a member reads until the next rebalance. */
export interface Share {
  readonly partitions: readonly TopicPartition[]
  /** Aborted when the group ends this share. Other members read again what was not returned by then. */
  readonly ended: AbortSignal
}

export interface MemberOptions {
  readonly topics: readonly string[]
  /** What is to be committed before the partitions go to others. Asked for at that moment. */
  readonly consumed: () => readonly GroupOffset[]
  /** Whether a client has records that it may be about to commit: a group may wait for it a little. */
  readonly owes: () => boolean
  /** Whether the instance is still in use. A member not in use leaves, and the others get its partitions. */
  readonly wanted: () => boolean
}

export interface GroupMember {
  /**
   * The member's share; `undefined` where a rebalance is still under way after `waitMs`. Rejects with the
   * reason that keeps the member out of the group, where it is known.
   */
  share(waitMs: number, signal: AbortSignal): Promise<Share | undefined>
  /** @throws Refusal `not-assigned` when the group does not take it from this member any more. */
  commit(offsets: readonly GroupOffset[]): Promise<void>
  /** Commits the consumed offsets and gives the partitions back. Never rejects, and may be called again. */
  leave(): Promise<void>
}

export interface Groups {
  /** Begins to join. */
  join(group: string, options: MemberOptions): GroupMember
  /** Commits for a reader that is no member. @throws Refusal `not-assigned` while the group has members. */
  commit(group: string, offsets: readonly GroupOffset[]): Promise<void>
  /** The group's committed offsets, for the partitions that have one. */
  committed(group: string, partitions: readonly TopicPartition[]): Promise<readonly GroupOffset[]>
}

/** A client that is no member may commit only for a group without members. */
export const membersOnly = (): Refusal =>
  new Refusal('not-assigned', 'Illegal state: the group has members, and takes offsets only from them.')

/** The group has rebalanced without the instance. */
export const notAssigned = (): Refusal =>
  new Refusal(
    'not-assigned',
    'Illegal state: the group has shared out its partitions anew, and takes no offsets from this instance now. ' +
      'What was not committed is read again.',
  )
