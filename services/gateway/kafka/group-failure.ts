/** The errors that keep a member out of its group. @module */
import { Refusal } from '../refusal.ts'
import { KafkaFailure, refusalFrom, refusalOf, withRight } from './failure.ts'
import { GROUP_CODES } from './group-apis.ts'

const AWAY: ReadonlySet<number> = new Set([
  GROUP_CODES.loading,
  GROUP_CODES.notAvailable,
  GROUP_CODES.notCoordinator,
])

/** The error for a code of `JoinGroup`, `SyncGroup` or `Heartbeat` that a member cannot recover from. */
export function failureOf(code: number): Error {
  if (code === GROUP_CODES.inconsistentProtocol) {
    return new Refusal(
      'not-assigned',
      'Illegal state: the other members of the group do not know the range assignor: use another group.',
    )
  }
  if (code === GROUP_CODES.groupFull) return new Refusal('busy', 'The group has as many members as it may.')
  return AWAY.has(code) ? new KafkaFailure('The group has no coordinator.', { code }) : refusalOf(code)
}

/** The refusal for an error of a group, with the right of Kafka's ACLs where that is what lacks. */
export function refusalInGroup(error: unknown, group: string, topics: readonly string[]): unknown {
  const refusal = refusalFrom(error)
  const topic = topics.slice(0, 5).join(', ')
  return refusal instanceof Refusal ? withRight(refusal, { operation: 'Read', group, topic }) : refusal
}
