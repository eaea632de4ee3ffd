/** The requests of Kafka's consumer groups: of each the version that brokers from 2.8 to 4.x know. @module */
import {
  findCoordinatorV3,
  heartbeatV4,
  joinGroupV7,
  leaveGroupV4,
  offsetCommitV8,
  offsetFetchV7,
  syncGroupV5,
} from '@platformatic/kafka'
import type { Versions } from './requests.ts'

export type JoinAnswer = joinGroupV7.JoinGroupResponse

export const FIND_COORDINATOR: Versions<
  findCoordinatorV3.FindCoordinatorRequest,
  findCoordinatorV3.FindCoordinatorResponse
> = [findCoordinatorV3.api]

export const JOIN_GROUP: Versions<joinGroupV7.JoinGroupRequest, JoinAnswer> = [joinGroupV7.api]

export const SYNC_GROUP: Versions<syncGroupV5.SyncGroupRequest, syncGroupV5.SyncGroupResponse> = [
  syncGroupV5.api,
]

export const HEARTBEAT: Versions<heartbeatV4.HeartbeatRequest, heartbeatV4.HeartbeatResponse> = [
  heartbeatV4.api,
]

export const LEAVE_GROUP: Versions<leaveGroupV4.LeaveGroupRequest, leaveGroupV4.LeaveGroupResponse> = [
  leaveGroupV4.api,
]

export const OFFSET_COMMIT: Versions<
  offsetCommitV8.OffsetCommitRequest,
  offsetCommitV8.OffsetCommitResponse
> = [offsetCommitV8.api]

export const OFFSET_FETCH: Versions<offsetFetchV7.OffsetFetchRequest, offsetFetchV7.OffsetFetchResponse> = [
  offsetFetchV7.api,
]

/** Kafka's error codes that a member deals with. */
export const GROUP_CODES = {
  loading: 14,
  notAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  unknownMember: 25,
  rebalance: 27,
  memberIdRequired: 79,
  groupFull: 81,
  fenced: 82,
  unstable: 88,
} as const
