/**
 * The consumer instances: bounded in number; each use of one also removes those that were idle too long. An
 * instance is its maker's alone: for every other principal it is not there.
 *
 * @module
 */
import type { AuthorizedCluster } from './authorized-cluster.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerOptions, ConsumerContext } from './consumer-options.ts'
import { Refusal } from './refusal.ts'

export interface ConsumersOptions extends Omit<ConsumerContext, 'cluster'> {
  readonly max: number
  readonly timeoutMs: number
}

export class Consumers {
  readonly #options: ConsumersOptions
  /** Least recently used first. */
  readonly #held = new Map<string, { readonly consumer: Consumer; usedAt: number }>()

  constructor(options: ConsumersOptions) {
    this.#options = options
  }

  /** @throws Refusal `instance-exists`, or `busy` when there are too many. */
  create(owner: AuthorizedCluster, group: string, name: string, options: ConsumerOptions): Consumer {
    this.#expire()
    const key = keyOf(owner, group, name)
    if (this.#held.has(key)) {
      throw new Refusal(
        'instance-exists',
        'Consumer with specified consumer ID already exists in the specified consumer group.',
      )
    }
    if (this.#held.size >= this.#options.max) {
      throw new Refusal(
        'busy',
        'The gateway has as many consumer instances as it may: delete one, or try again later.',
        { retryAfter: 10 },
      )
    }
    const consumer = new Consumer(group, name, options, { ...this.#options, cluster: owner })
    this.#use(key, consumer)
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
    const consumer = this.#find(key)
    this.#use(key, consumer)
    try {
      return await consumer.exclusive(signal, () => work(consumer))
    } finally {
      if (this.#held.get(key)?.consumer === consumer) this.#use(key, consumer)
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
    const consumer = this.#find(key)
    this.#held.delete(key)
    await consumer.close()
  }

  /** Closes all instances when the gateway stops. */
  async close(): Promise<void> {
    const all = [...this.#held.values()]
    this.#held.clear()
    await Promise.allSettled(all.map(({ consumer }) => consumer.close()))
  }

  #find(key: string): Consumer {
    this.#expire()
    const held = this.#held.get(key)
    if (!held) throw new Refusal('unknown-instance', 'Consumer instance not found.')
    return held.consumer
  }

  #use(key: string, consumer: Consumer): void {
    this.#held.delete(key)
    this.#held.set(key, { consumer, usedAt: this.#options.runtime.monotonic() })
  }

  get #idleSince(): number {
    return this.#options.runtime.monotonic() - this.#options.timeoutMs
  }

  #expire(): void {
    const before = this.#idleSince
    for (const [key, { consumer, usedAt }] of this.#held) {
      if (usedAt > before) return
      if (consumer.busy) continue
      this.#held.delete(key)
      void consumer.close()
    }
  }
}

/** A newline is in no name: `confluent-consumers.ts` and `access.ts` refuse it. */
const keyOf = ({ principal }: AuthorizedCluster, group: string, name: string): string =>
  `${principal.name}\n${group}\n${name}`
