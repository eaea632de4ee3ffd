/** The side of the tier that follows the log. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { AppliedPosition, TierBatch, TierEviction } from '../../../src/ports/tier.ts'
import { type RedisConnection, RedisFailure } from './connection.ts'
import { serverError } from './failure.ts'
import { listOf, textOf, wholeOf } from './reply.ts'
import type { ScriptCall } from './lua-script.ts'
import { lowestOf } from './tier-answer.ts'
import { type Bucket, keyWord, logOf, logWord, type TierLayout } from './tier-layout.ts'
import { APPLY, BEGIN } from './tier-scripts.ts'

/** After so many keys or namespaces a call of the script takes no further eviction. */
const MAX_PER_CALL = 500

/** A key that is evicted. */
interface Kill {
  readonly namespace: string | undefined
  readonly key: string
  readonly offset: number
  readonly version: number | undefined
}

/** The part of an eviction that concerns one bucket. */
interface Portion {
  readonly offset: number
  /** `''`: every namespace. `undefined` where the eviction names keys. */
  readonly group: string | undefined
  readonly kills: readonly Kill[]
}

/** The evictions that one call applies to a bucket. */
interface Step {
  readonly to: number
  readonly groups: readonly (readonly [namespace: string, offset: number])[]
  readonly kills: readonly Kill[]
}

export class TierApplication {
  readonly #connection: RedisConnection
  readonly #layout: TierLayout
  readonly #rememberMs: number

  constructor(connection: RedisConnection, layout: TierLayout, rememberMs: number) {
    this.#connection = connection
    this.#layout = layout
    this.#rememberMs = rememberMs
  }

  async position(partition: number, signal: AbortSignal): Promise<AppliedPosition | undefined> {
    const commands = this.#layout.buckets.map((bucket) => {
      const key = bucket.state(partition)
      return { key, args: ['HMGET', key, 'position', 'log', 'generation'] }
    })
    const replies = await this.#connection.pipeline(commands, { signal })
    return lowestOf(
      replies.map((reply) => {
        if (reply instanceof RedisFailure) throw serverError(reply.message, 'asking for the applied position')
        const [position, log, generation] = listOf(reply).map(textOf)
        const at = wholeOf(position)
        return at === undefined || generation === undefined ? undefined : { position: at, logId: logOf(log) }
      }),
    )
  }

  async begin(partition: number, at: AppliedPosition, signal: AbortSignal): Promise<void> {
    const args = [String(at.position), logWord(at.logId), crypto.randomUUID()]
    const calls = this.#layout.buckets.map((bucket): ScriptCall => ({
      keys: [bucket.state(partition)],
      args,
    }))
    await BEGIN.must(this.#connection, calls, signal, 'beginning to follow')
  }

  async apply(batch: TierBatch, signal: AbortSignal): Promise<'applied' | 'gap'> {
    const plans = this.#layout.buckets.map((bucket) => ({ bucket, from: batch.from, steps: [] as Step[] }))
    const portions = this.#spread(batch.evictions)
    for (const plan of plans) plan.steps = stepsOf(portions.get(plan.bucket) ?? [], batch.to)
    for (let round = 0; plans.some(({ steps }) => round < steps.length); round++) {
      const calls = plans.flatMap((plan) => {
        const step = plan.steps[round]
        if (step === undefined) return []
        const call = this.#call(batch, plan.bucket, plan.from, step)
        plan.from = step.to
        return [call]
      })
      const replies = await APPLY.must(this.#connection, calls, signal, 'applying evictions')
      if (replies.some((reply) => reply === 0)) return 'gap'
      if (!replies.every((reply) => reply === 1)) {
        throw new KedgeError(
          'ERR_PROTOCOL',
          'applying evictions: Redis sent a reply that the script does not return',
        )
      }
    }
    return 'applied'
  }

  /** An eviction of a group goes to all buckets, one of a key to the key's bucket. In log order. */
  #spread(evictions: readonly TierEviction[]): Map<Bucket, Portion[]> {
    const found = new Map(this.#layout.buckets.map((bucket): [Bucket, Portion[]] => [bucket, []]))
    for (const { offset, namespace, keys, group, version } of evictions) {
      if (group) {
        for (const portions of found.values()) portions.push({ offset, group: namespace ?? '', kills: [] })
        continue
      }
      const kills = keys.map((key): Kill => ({ namespace, key, offset, version }))
      for (const [bucket, inBucket] of this.#layout.spread(kills, ({ key }) => key)) {
        found.get(bucket)?.push({ offset, group: undefined, kills: inBucket })
      }
    }
    return found
  }

  #call({ partition, logId, to }: TierBatch, bucket: Bucket, from: number, step: Step): ScriptCall {
    const named = [...new Set(step.kills.flatMap((kill) => nameOf(bucket, kill) ?? []))]
    const places = new Map(named.map((name, index) => [name, index + 2]))
    return {
      keys: [bucket.state(partition), ...named],
      args: [
        String(from),
        String(step.to),
        logWord(logId),
        String(this.#rememberMs),
        bucket.items,
        String(to),
        String(step.groups.length),
        ...step.groups.flatMap(([namespace, offset]) => [namespace, String(offset)]),
        ...step.kills.flatMap((kill) => {
          const name = nameOf(bucket, kill)
          const place = name === undefined ? 0 : (places.get(name) ?? 0)
          const word = place > 0 ? '' : keyWord(kill.key)
          return [String(place), word, String(kill.offset), String(kill.version ?? '-')]
        }),
      ],
    }
  }
}

const nameOf = (bucket: Bucket, { namespace, key }: Kill): string | undefined =>
  namespace === undefined ? undefined : bucket.item(namespace, key)

/**
 * Divides the work into steps that a script does in little time. A step holds whole evictions: the position
 * moves up to the next eviction, of which the step has applied nothing.
 */
function stepsOf(portions: readonly Portion[], end: number): Step[] {
  const found: Step[] = []
  let groups = new Map<string, number>()
  let kills: Kill[] = []
  for (const [index, { offset, group, kills: more }] of portions.entries()) {
    // Of the evictions of a namespace's groups the last one counts.
    if (group !== undefined) groups.set(group, Math.max(offset, groups.get(group) ?? 0))
    kills.push(...more)
    const next = portions[index + 1]?.offset
    if (next === undefined || next <= offset || Math.max(groups.size, kills.length) < MAX_PER_CALL) continue
    found.push({ to: next, groups: [...groups], kills })
    groups = new Map()
    kills = []
  }
  found.push({ to: end, groups: [...groups], kills })
  return found
}
