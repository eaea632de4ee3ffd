/** Calls of the upstream: each ends with the gateway, shows whether the upstream answers, and fails as a refusal. @module */
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { eitherSignal } from '../../../src/runtime/abort.ts'
import type { ClusterReadOptions } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import { Contact } from './contact.ts'
import type { OnContact } from './contact.ts'
import { refusalOf } from './refusals.ts'

export type Isolation = NonNullable<ClusterReadOptions['isolation']>

export class UpstreamConnection {
  readonly log: KafkaLog
  readonly runtime: Runtime
  readonly #topic: string
  readonly #contact: Contact
  readonly #stop = new AbortController()
  #heardAt = -Infinity
  #closing: Promise<void> | undefined

  /** @param topic the one that the gateway is there for */
  constructor(log: KafkaLog, runtime: Runtime, topic: string, onContact: OnContact) {
    this.log = log
    this.runtime = runtime
    this.#topic = topic
    this.#contact = new Contact(onContact)
  }

  /** Aborted when the gateway stops. */
  get closed(): AbortSignal {
    return this.#stop.signal
  }

  /** Why the upstream serves no client; `undefined` where it answers. */
  get problem(): string | undefined {
    return this.#contact.problem
  }

  /** How long ago the upstream has said something, in milliseconds. */
  get silentMs(): number {
    return this.runtime.monotonic() - this.#heardAt
  }

  /** @throws Refusal, or the reason of the signal */
  async call<T>(
    topic: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.reach(topic, signal, work)
    } catch (error) {
      if (signal?.aborted) throw error
      throw refusalOf(error)
    }
  }

  /** @throws what the log throws */
  async reach<T>(
    topic: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const either = eitherSignal(signal, this.closed)
    try {
      const result = await work(either.signal)
      this.#heardAt = this.runtime.monotonic()
      this.#contact.answered()
      return result
    } catch (error) {
      if (!either.signal.aborted) this.#contact.failed(error, topic === this.#topic)
      throw error
    } finally {
      either.done()
    }
  }

  close(): Promise<void> {
    this.#stop.abort(new Refusal('unavailable', 'The gateway is stopping.', { retryAfter: 1 }))
    return (this.#closing ??= Promise.resolve(this.log.close?.()))
  }
}
