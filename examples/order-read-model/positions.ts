/** How far each stage has come, in Redis: a stage that is started again goes on there. @module */
import type { Redis } from 'ioredis'
import type { Position } from 'kedge'
import * as z from 'zod'

/** Positions in one topic, and which topic that was: one that is made anew has another id. */
interface Kept {
  readonly logId: string
  readonly positions: readonly Position[]
}

export interface Positions {
  load(stage: string): Promise<Kept | undefined>
  save(stage: string, kept: Kept): Promise<void>
}

const shape = z.object({
  logId: z.string(),
  positions: z.array(z.object({ partition: z.int().nonnegative(), offset: z.int().nonnegative() })),
})

export function redisPositions(redis: Redis): Positions {
  const keyOf = (stage: string) => `order-read-model:position:${stage}`
  return {
    async load(stage) {
      const text = await redis.get(keyOf(stage))
      return text === null ? undefined : shape.parse(JSON.parse(text))
    },
    async save(stage, kept) {
      await redis.set(keyOf(stage), JSON.stringify(kept))
    },
  }
}
