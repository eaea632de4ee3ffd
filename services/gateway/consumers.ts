/**
 * The consumer instances: bounded in number; each use of one also removes those that were idle too long. An
 * instance is its maker's alone: for every other principal it is not there.
 *
 * @module
 */
import type { AuthorizedCluster } from './authorized-cluster.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions, ConsumerContext } from './consumer-options.ts'
import type { FairBound } from './fair-bound.ts'
import { Refusal } from './refusal.ts'

export interface ConsumersOptions extends Omit<ConsumerContext, 'cluster'> {
  /** How many there may be. */
  readonly places: FairBound
  readonly timeoutMs: number
}

interface Held {
  readonly consumer: Consumer
  /** Who made it. */
  readonly client: string | undefined
  usedAt: number
}

export class Consumers {
  readonly #options: ConsumersOptions
  /** Least recently used first. */
  readonly #held = new Map<string, Held>()

  constructor(options: ConsumersOptions) {
    this.#options = options
  }

  /** @throws Refusal `instance-exists`, or `busy` when there are too many, or too many of this client. */
  create(
    owner: AuthorizedCluster,
    group: string,
    name: string,
    options: ConsumerOptions,
    client: string | undefined,
  ): Consumer {
    this.#expire()
    const key = keyOf(owner, group, name)
    if (this.#held.has(key)) {
      throw new Refusal(
        'instance-exists',
        'Consumer with specified consumer ID already exists in the specified consumer group.',
      )
    }
    if (!this.#options.places.take(client, 1)) {
      throw new Refusal(
        'busy',
        'The gateway has as many consumer instances as it may: delete one, or try again later.',
        { retryAfter: 10 },
      )
    }
    const consumer = new Consumer(group, name, options, { ...this.#options, cluster: owner })
    this.#use(key, { consumer, client, usedAt: 0 })
    return consumer
  }

  /**
   * Runs `work` on an instance; its idle time starts again before and after.
   * @throws Refusal `unknown-instance`.
   */
  async use<T>(
    owner: AuthorizedCluster,
    group: string,
    name: string,
    signal: AbortSignal,
    work: (consumer: Consumer) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(owner, group, name)
    const held = this.#find(key)
    const { consumer } = held
    this.#use(key, held)
    try {
      return await consumer.exclusive(signal, () => work(consumer))
    } finally {
      if (this.#held.get(key) === held) this.#use(key, held)
    }
  }

  /** Whether the instance is there and not idle for too long. */
  wants(owner: AuthorizedCluster, consumer: Consumer): boolean {
    const held = this.#held.get(keyOf(owner, consumer.group, consumer.name))
    return held?.consumer === consumer && (consumer.busy || held.usedAt > this.#idleSince)
  }

  /** Resolves when its partitions have been handed on. @throws Refusal `unknown-instance`. */
  async delete(owner: AuthorizedCluster, group: string, name: string): Promise<void> {
    const key = keyOf(owner, group, name)
    const held = this.#find(key)
    this.#forget(key, held)
    await held.consumer.close()
  }

  /** Closes all instances when the gateway stops. */
  async close(): Promise<void> {
    const all = [...this.#held.values()]
    for (const [key, held] of this.#held) this.#forget(key, held)
    await Promise.allSettled(all.map(({ consumer }) => consumer.close()))
  }

  #find(key: string): Held {
    this.#expire()
    const held = this.#held.get(key)
    if (!held) throw new Refusal('unknown-instance', 'Consumer instance not found.')
    return held
  }

  #use(key: string, held: Held): void {
    held.usedAt = this.#options.runtime.monotonic()
    this.#held.delete(key)
    this.#held.set(key, held)
  }

  #forget(key: string, { client }: Held): void {
    this.#held.delete(key)
    this.#options.places.give(client, 1)
  }

  get #idleSince(): number {
    return this.#options.runtime.monotonic() - this.#options.timeoutMs
  }

  #expire(): void {
    const before = this.#idleSince
    for (const [key, held] of this.#held) {
      if (held.usedAt > before) return
      if (held.consumer.busy) continue
      this.#forget(key, held)
      void held.consumer.close()
    }
  }
}

/** A newline is in no name: `confluent-consumers.ts` and `access.ts` refuse it. */
const keyOf = ({ principal }: AuthorizedCluster, group: string, name: string): string =>
  `${principal.name}\n${group}\n${name}`
