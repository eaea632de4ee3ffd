/** Everything between the orders and Redis. Each part could be a process of its own, and several at once. @module */
import type { Redis } from 'ioredis'
import type { KafkaLog } from 'kedge'
import { enricher } from './enricher.ts'
import { redisPositions } from './positions.ts'
import { compactor, viewBuilder } from './read-model.ts'
import { reference } from './reference.ts'
import { runStage } from './stage.ts'
import { viewsInRedis } from './views.ts'

export interface PipelineParts {
  readonly kafka: KafkaLog
  readonly redis: Redis
  readonly onEvicted: (ids: readonly string[]) => void
}

export interface Pipeline {
  /** Rejects when a part has failed for good; resolves when all of them have ended. */
  readonly done: Promise<unknown>
  stop(): Promise<void>
}

export function startPipeline({ kafka, redis, onEvicted }: PipelineParts): Pipeline {
  const stopping = new AbortController()
  const { signal } = stopping
  const positions = redisPositions(redis)
  const parts = [
    ...[enricher(reference), viewBuilder, compactor].map((stage) =>
      runStage(stage, { kafka, positions, signal }),
    ),
    viewsInRedis({ kafka, redis, onEvicted }).run({ signal }),
  ]
  const done = Promise.all(parts)
  done.catch(() => undefined)
  return {
    done,
    async stop() {
      stopping.abort()
      await Promise.allSettled(parts)
    },
  }
}
