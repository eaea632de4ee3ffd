/** The errors that keep a member out of its group. @module */
import { Refusal } from '../refusal.ts'
import { KafkaFailure, refusalOf } from './failure.ts'
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
