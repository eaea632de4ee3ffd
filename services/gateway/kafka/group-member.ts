/**
 * One member of a consumer group on a real cluster, by Kafka's classic protocol (`JoinGroup`, `SyncGroup`, `Heartbeat`),
 * with the range assignor: it shares with any client that knows that one, as Java's does by default.
 *
 * It joins, stays and rejoins whether or not the client polls, so a slow client delays no other member (decision 88).
 * Before its partitions go it commits what was consumed.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'
import type { TopicPartition } from '../topic-position.ts'
import { notAssigned } from '../groups.ts'
import type { GroupMember, GroupOffset, MemberOptions, Share } from '../groups.ts'
import { Refusal } from '../refusal.ts'
import { Backoff } from './backoff.ts'
import type { Coordinators } from './coordinators.ts'
import { isPassing, KafkaFailure } from './failure.ts'
import { GROUP_CODES, HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP } from './group-apis.ts'
import type { JoinAnswer } from './group-apis.ts'
import { failureOf, refusalInGroup } from './group-failure.ts'
import type { GroupOffsets } from './group-offsets.ts'
import { assignmentsOf, PROTOCOL, PROTOCOL_TYPE, partitionsIn, subscriptionTo } from './group-sharing.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { Condition, pause } from './condition.ts'
import type { KafkaSettings } from './options.ts'
import type { Topology } from './topology.ts'

/** `session.timeout.ms`: a member that was not heard of for so long has lost its partitions. */
const SESSION_MS = 10_000
/** `heartbeat.interval.ms`. */
const HEARTBEAT_MS = 3000
/** How long members have to join again when the group is shared out anew. */
const REBALANCE_MS = 60_000
/** A join is answered when all others have joined, which may take that long. */
const JOIN_MS = REBALANCE_MS + 5000
/**
 * How long the group waits for a client that has records which it may be about to commit, and how often is looked.
 * Within a session: nothing is heard of the member meanwhile.
 */
const GRACE_MS = 5000
const LOOK_MS = 50
/** Between attempts to join that failed. */
const PAUSES = { firstMs: 250, maxMs: 5000 }
/** How long the last words of a member may take: others wait for its partitions. */
const FAREWELL_MS = 3000
const OUT = new Set<number>([GROUP_CODES.unknownMember, GROUP_CODES.illegalGeneration, GROUP_CODES.rebalance])

export interface GroupAccess {
  readonly coordinators: Coordinators
  readonly offsets: GroupOffsets
  readonly links: ConnectionPool
  readonly topology: Topology
  readonly settings: KafkaSettings
}

/** What a member is in one generation of its group. */
interface Seat {
  readonly share: Share
  readonly generation: number
  /** How many partitions each topic had when this member shared them out; absent where another did. */
  readonly counted: ReadonlyMap<string, number> | undefined
  readonly end: () => void
}

export class KafkaMember implements GroupMember {
  readonly #group: string
  readonly #options: MemberOptions
  readonly #access: GroupAccess
  readonly #left: () => void
  readonly #stop = new AbortController()
  readonly #news = new Condition()
  #id = ''
  #seat: Seat | undefined
  /** What keeps it out of the group at the moment. */
  #failure: unknown
  #farewell: Promise<void> | undefined

  /** @param left called when it has left */
  constructor(group: string, options: MemberOptions, access: GroupAccess, left: () => void) {
    this.#group = group
    this.#options = options
    this.#access = access
    this.#left = left
    void this.#run()
  }

  async share(waitMs: number, signal: AbortSignal): Promise<Share | undefined> {
    const deadline = performance.now() + waitMs
    for (;;) {
      signal.throwIfAborted()
      if (this.#stop.signal.aborted) throw new Refusal('unknown-instance', 'Consumer instance not found.')
      if (this.#seat) return this.#seat.share
      if (this.#failure !== undefined) throw refusalInGroup(this.#failure, this.#group, this.#options.topics)
      const left = deadline - performance.now()
      if (left <= 0) return undefined
      await this.#news.wait(left, signal)
    }
  }

  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    if (!this.#seat) throw notAssigned()
    const { generation } = this.#seat
    await this.#access.offsets.commit(this.#group, { id: this.#id, generation }, offsets)
  }

  leave(): Promise<void> {
    return (this.#farewell ??= this.#leave().finally(this.#left))
  }

  async #leave(): Promise<void> {
    this.#stop.abort(new Refusal('unavailable', 'The member has left its group.'))
    await this.#giveUp()
    this.#news.tell()
    if (this.#id === '') return
    const member = { memberId: this.#id, groupInstanceId: null }
    const deadline = performance.now() + FAREWELL_MS
    try {
      await this.#access.coordinators.call(this.#group, LEAVE_GROUP, [this.#group, [member]], {
        codeOf: ({ errorCode }) => errorCode,
        deadline,
      })
    } catch {
      // The group will miss its heartbeats.
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let since: number | undefined
    let backoff = new Backoff(Infinity, PAUSES)
    let sentBack = 0
    while (!signal.aborted) {
      let waits = true
      try {
        const seat = await this.#join()
        since = undefined
        this.#failure = undefined
        // Sent back to the beginning it joins again at once, but not for ever.
        sentBack = seat ? 0 : sentBack + 1
        if (seat) {
          backoff = new Backoff(Infinity, PAUSES)
          await this.#stay(seat)
        }
        waits = sentBack > 1
      } catch (error) {
        since ??= performance.now()
        this.#failure = this.#worthTelling(error, since) ? error : undefined
      }
      if (!signal.aborted) await this.#giveUp()
      this.#news.tell()
      if (waits) await backoff.wait(signal)
      if (waits && !signal.aborted && !this.#options.wanted()) void this.leave()
    }
  }

  /** A coordinator that moves or loads is there again soon: until then a client gets an empty answer. */
  #worthTelling(error: unknown, since: number): boolean {
    const passes = error instanceof KafkaFailure && (error.code === undefined || isPassing(error.code))
    return !passes || performance.now() - since >= this.#access.settings.requestTimeoutMs
  }

  /** `undefined` where the group is being shared out anew already. */
  async #join(): Promise<Seat | undefined> {
    const { coordinators, links, settings } = this.#access
    const address = await coordinators.of(this.#group, performance.now() + settings.requestTimeoutMs)
    // The answer waits for the other members: nothing else may wait behind it.
    const link = links.own(address)
    try {
      const joined = await this.#joined(link)
      if (!joined) return undefined
      const { generationId: generation, leader, members } = joined
      const shared = leader === this.#id ? await assignmentsOf(members, this.#access.topology) : undefined
      const { signal } = this.#stop
      const { errorCode, assignment } = await link.request(
        SYNC_GROUP,
        () => [
          this.#group,
          generation,
          this.#id,
          null,
          PROTOCOL_TYPE,
          joined.protocolName,
          shared?.assignments ?? [],
        ],
        { ms: JOIN_MS, signal },
      )
      if (this.#isOut(errorCode)) return undefined
      if (errorCode !== 0) throw failureOf(errorCode)
      return this.#sit(partitionsIn(assignment), generation, shared?.counted)
    } catch (error) {
      // The coordinator may have changed.
      if (!(error instanceof Refusal)) coordinators.forget(this.#group)
      throw error
    } finally {
      links.end(link)
    }
  }

  async #joined(link: BrokerConnection): Promise<JoinAnswer | undefined> {
    const { signal } = this.#stop
    const protocols = [{ name: PROTOCOL, metadata: subscriptionTo(this.#options.topics) }]
    // The first answer may be no more than the name by which it is to join.
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await link.request(
        JOIN_GROUP,
        () => [this.#group, SESSION_MS, REBALANCE_MS, this.#id, null, PROTOCOL_TYPE, protocols],
        { ms: JOIN_MS, signal },
      )
      if (answer.errorCode === GROUP_CODES.memberIdRequired) this.#id = answer.memberId
      else if (this.#isOut(answer.errorCode)) return undefined
      else if (answer.errorCode !== 0) throw failureOf(answer.errorCode)
      else {
        this.#id = answer.memberId
        return answer
      }
    }
    throw new KafkaFailure('The group does not take the member.', { code: GROUP_CODES.memberIdRequired })
  }

  #sit(
    partitions: readonly TopicPartition[],
    generation: number,
    counted: ReadonlyMap<string, number> | undefined,
  ): Seat {
    this.#stop.signal.throwIfAborted()
    const controller = new AbortController()
    const share = { partitions, ended: controller.signal }
    const seat = { share, generation, counted, end: () => controller.abort() }
    this.#seat = seat
    this.#news.tell()
    return seat
  }

  /** Until it is to join again. @throws KafkaFailure when the session is over. */
  async #stay({ generation, counted }: Seat): Promise<void> {
    const { coordinators, settings } = this.#access
    const { signal } = this.#stop
    let heard = performance.now()
    for (;;) {
      await pause(HEARTBEAT_MS, signal)
      if (signal.aborted) return
      if (!this.#options.wanted()) return void this.leave()
      try {
        if (counted && (await this.#haveChanged(counted))) return
        const asked = performance.now()
        const ms = Math.min(settings.requestTimeoutMs, HEARTBEAT_MS)
        const { errorCode } = await coordinators.call(
          this.#group,
          HEARTBEAT,
          [this.#group, generation, this.#id, null],
          { codeOf: (answer) => answer.errorCode, deadline: asked + ms },
        )
        if (errorCode === GROUP_CODES.rebalance) await this.#grace()
        if (this.#isOut(errorCode)) return
        if (errorCode !== 0) throw failureOf(errorCode)
        heard = asked
      } catch (error) {
        if (error instanceof Refusal || performance.now() - heard >= SESSION_MS) throw error
      }
    }
  }

  /** Kafka takes commits until its members have joined again: what is dealt with at the moment need not be read again. */
  async #grace(): Promise<void> {
    const end = performance.now() + GRACE_MS
    const { signal } = this.#stop
    while (this.#options.owes() && performance.now() < end && !signal.aborted) await pause(LOOK_MS, signal)
  }

  /** Whether there are more partitions to share out by now, or fewer. */
  async #haveChanged(counted: ReadonlyMap<string, number>): Promise<boolean> {
    for (const [topic, count] of counted) {
      if (((await this.#access.topology.find(topic))?.partitions ?? 0) !== count) return true
    }
    return false
  }

  /** The group goes on without this member's last word: it joins again, by a new name where the old one is forgotten. */
  #isOut(code: number): boolean {
    if (code === GROUP_CODES.unknownMember) this.#id = ''
    return OUT.has(code)
  }

  /** What was consumed is committed as long as the group takes it; then the partitions are another's. */
  async #giveUp(): Promise<void> {
    const seat = this.#seat
    if (!seat) return
    this.#seat = undefined
    const consumed = this.#options.consumed()
    seat.end()
    if (consumed.length === 0 || this.#id === '') return
    const by = { id: this.#id, generation: seat.generation }
    try {
      await this.#access.offsets.commit(this.#group, by, consumed, FAREWELL_MS)
    } catch {
      // The next owner of the partitions reads these records again.
    }
  }
}
