/** The brokers of a cluster, as they were named last: who shows them waits for no answer. @module */
import type { KafkaCluster } from '../services/gateway/kafka/index.ts'
import type { Runtime } from '../src/ports/runtime.ts'

/** How often the cluster is asked, at most. */
const ASK_MS = 5000

export class KnownBrokers {
  readonly #cluster: Pick<KafkaCluster, 'brokers'>
  readonly #runtime: Pick<Runtime, 'monotonic'>
  #ids: readonly number[] | undefined
  #askedAt = -Infinity

  constructor(cluster: Pick<KafkaCluster, 'brokers'>, runtime: Pick<Runtime, 'monotonic'>) {
    this.#cluster = cluster
    this.#runtime = runtime
  }

  /** Their ids; `undefined` before the first answer, and after one that has failed. Has them asked for anew. */
  get ids(): readonly number[] | undefined {
    void this.#ask()
    return this.#ids
  }

  async #ask(): Promise<void> {
    const now = this.#runtime.monotonic()
    if (now - this.#askedAt < ASK_MS) return
    this.#askedAt = now
    // Their addresses are none of a reader's business.
    const found = await this.#cluster.brokers().catch(() => undefined)
    this.#ids = found?.map(({ id }) => id).toSorted((a, b) => a - b)
  }
}
