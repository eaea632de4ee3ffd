/** Which broker leads a group, and calls to it. @module */
import { performance } from 'node:perf_hooks'
import { Refusal } from '../refusal.ts'
import type { Versions } from './requests.ts'
import { Backoff } from './backoff.ts'
import { KafkaFailure } from './failure.ts'
import { FIND_COORDINATOR, GROUP_CODES } from './group-apis.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { Address, KafkaSettings } from './options.ts'
import type { Topology } from './topology.ts'

/** Groups whose coordinators are kept; a further group drops the one used longest ago. */
const MAX_GROUPS = 1000
/** `FindCoordinatorRequest`'s key type for groups. */
const GROUP = 0

const AWAY: ReadonlySet<number> = new Set([
  GROUP_CODES.loading,
  GROUP_CODES.notAvailable,
  GROUP_CODES.notCoordinator,
  GROUP_CODES.unstable,
])

export class Coordinators {
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #settings: KafkaSettings
  readonly #known = new Map<string, Address>()

  constructor(links: ConnectionPool, topology: Topology, settings: KafkaSettings) {
    this.#links = links
    this.#topology = topology
    this.#settings = settings
  }

  /**
   * Waits for a coordinator: a new cluster creates the topic of offsets on first use.
   * @throws KafkaFailure after the deadline.
   */
  async of(group: string, deadline: number): Promise<Address> {
    const address = this.#known.get(group) ?? (await this.#await(group, deadline))
    this.#known.delete(group)
    this.#known.set(group, address)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_GROUPS && oldest !== undefined) this.#known.delete(oldest)
    return address
  }

  /** The next call looks the coordinator up again. */
  forget(group: string): void {
    this.#known.delete(group)
  }

  /**
   * The coordinator's answer. While the coordinator is away, moves or loads, the call looks it up and asks
   * again.
   *
   * @param codeOf the error code that an answer stands under
   * @param deadline on `performance.now()`'s clock
   */
  async call<Args extends [] | unknown[], Answer>(
    group: string,
    versions: Versions<Args, Answer>,
    args: NoInfer<Args>,
    { codeOf, deadline }: { readonly codeOf: (answer: Answer) => number; readonly deadline: number },
  ): Promise<Answer> {
    const backoff = new Backoff(deadline)
    for (;;) {
      let failure: unknown
      try {
        const link = this.#links.shared(await this.of(group, deadline), 'groups')
        const answer = await link.request(versions, () => args, { ms: left(deadline) })
        const code = codeOf(answer)
        if (!AWAY.has(code)) return answer
        failure = new KafkaFailure('The group has no coordinator.', { code })
      } catch (error) {
        if (error instanceof Refusal || !isAway(error)) throw error
        failure = error
      }
      this.forget(group)
      if (backoff.over) throw failure
      await backoff.wait()
    }
  }

  async #await(group: string, deadline: number): Promise<Address> {
    const backoff = new Backoff(deadline)
    for (;;) {
      try {
        return await this.#find(group, deadline)
      } catch (error) {
        if (error instanceof Refusal || backoff.over || !isAway(error)) throw error
      }
      await backoff.wait()
    }
  }

  async #find(group: string, deadline: number): Promise<Address> {
    const addresses = [...this.#settings.brokers, ...this.#topology.known()]
    let failure: unknown
    for (const [at, address] of addresses.entries()) {
      try {
        // A broker that hangs leaves time for the others.
        const ms = left(deadline) / (addresses.length - at)
        const link = this.#links.shared(address, 'groups')
        const { coordinators } = await link.request(FIND_COORDINATOR, () => [GROUP, [group]], { ms })
        const [found] = coordinators
        if (found?.errorCode === 0) return { host: found.host, port: found.port }
        const code = found?.errorCode ?? GROUP_CODES.notAvailable
        failure = new KafkaFailure('No broker leads the group.', { code })
      } catch (error) {
        if (error instanceof Refusal) throw error
        failure = error
      }
    }
    throw failure
  }
}

/** Whether the broker gave no answer, or one that means to ask again. */
const isAway = (error: unknown): boolean =>
  !(error instanceof KafkaFailure) || error.code === undefined || AWAY.has(error.code)

const left = (deadline: number): number => Math.max(1, deadline - performance.now())
