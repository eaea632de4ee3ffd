/** All that runs: Kafka, Redis, what stands between them, and the edge. Opened and closed together. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { OrderView, type OrderEvent } from './events.ts'
import { type Edge, startEdge } from './isolates.ts'
import { type OpenKafka, openKafka } from './kafka.ts'
import { publishOrder } from './orders.ts'
import { type Pipeline, startPipeline } from './pipeline.ts'
import { type OpenRedis, openRedis } from './redis.ts'
import { until } from './steps.ts'

export interface WorldOptions {
  readonly brokers: readonly string[]
  readonly maxStalenessMs: number
  /** Called when the pipeline has failed for good. */
  readonly onFailure: (error: unknown) => void
}

export class World {
  readonly kafka: OpenKafka
  readonly redis: OpenRedis
  readonly edge: Edge
  readonly #onFailure: WorldOptions['onFailure']
  #pipeline: Pipeline | undefined
  /** When the eviction of each order was acknowledged last. */
  readonly #evictedAt = new Map<string, number>()

  private constructor(kafka: OpenKafka, redis: OpenRedis, edge: Edge, onFailure: WorldOptions['onFailure']) {
    this.kafka = kafka
    this.redis = redis
    this.edge = edge
    this.#onFailure = onFailure
  }

  /** Nothing runs on where it fails. */
  static async open({ brokers, maxStalenessMs, onFailure }: WorldOptions): Promise<World> {
    const redis = await openRedis()
    let kafka: OpenKafka | undefined
    try {
      kafka = await openKafka(brokers)
      const edge = await startEdge({ kafkaUrl: kafka.url, redis: redis.client, maxStalenessMs })
      const world = new World(kafka, redis, edge, onFailure)
      world.startPipeline()
      return world
    } catch (error) {
      await kafka?.close()
      await redis.close()
      throw error
    }
  }

  startPipeline(): void {
    const onEvicted = (ids: readonly string[]) => {
      for (const id of ids) this.#evictedAt.set(id, performance.now())
    }
    this.#pipeline = startPipeline({ kafka: this.kafka.log, redis: this.redis.client, onEvicted })
    this.#pipeline.done.catch(this.#onFailure)
  }

  async stopPipeline(): Promise<void> {
    await this.#pipeline?.stop()
  }

  async publish(event: OrderEvent): Promise<void> {
    this.#evictedAt.delete(event.id)
    await publishOrder(this.kafka.log, event)
  }

  /** Resolves with when what was published last has been evicted: Redis has it by then. */
  evicted(id: string, signal: AbortSignal): Promise<number> {
    return until('the eviction', () => this.#evictedAt.get(id), signal)
  }

  /** What stands in Redis. */
  async view(id: string): Promise<OrderView | undefined> {
    const text = await this.redis.client.get(`{order:${id}}:view`)
    return text === null ? undefined : OrderView.parse(JSON.parse(text))
  }

  /** The values that a topic has for an order, oldest first. */
  async history(topic: string, id: string, signal: AbortSignal): Promise<(string | null)[]> {
    const decoder = new TextDecoder()
    const found: (string | null)[] = []
    const options = { maxBytes: 1_000_000, waitMs: 0, isolation: 'committed', signal } as const
    for (const { partition, beginning, end } of await this.kafka.log.offsets(topic, { signal })) {
      for (let offset = beginning; offset < end;) {
        const { records, next } = await this.kafka.log.read(topic, [{ partition, offset }], options)
        for (const { key, value } of records) {
          if (key && decoder.decode(key) === id) found.push(value && decoder.decode(value))
        }
        const to = next[0]?.offset ?? offset
        if (to === offset) await sleep(50, undefined, { signal })
        offset = to
      }
    }
    return found
  }

  /** Ends all that was started, clients before servers. */
  async close(): Promise<void> {
    await this.stopPipeline()
    await this.edge.close()
    await this.kafka.close()
    await this.redis.close()
  }
}
