/**
 * Redis as a shared tier that follows the log.
 *
 * Why a value that it calls covered may be served. The tier is one bucket, or in a cluster 64; a bucket's items, its
 * applied position and everything that goes with it are keys of one slot, so they are on one node, which runs one
 * script at a time, replicates in order, and loses a tail of what it did or all of it.
 *
 * 1. An item is covered if, in the script that stored it, the position was known and not above the item's as-of. From
 *    then on every eviction that moves the position meets the item: evictions and the move are one script as well, so
 *    there is no moment between in which a value could slip in.
 * 2. The position carries a generation, which `begin` makes at random, and an item carries the generation
 *    under which it was stored. A position that was wiped, evicted from memory, or begun again has another
 *    generation. An item of an earlier generation is not covered: its as-of alone counts. So `begin` is
 *    correct at any position and any time.
 * 3. Position, floors and the list of namespaces are one key: Redis loses all of them or none. A lost item is
 *    a miss.
 * 4. A reader gets items and state from one script on one node. A replica that lags shows an older moment, with its
 *    older position; so does a master that took over without the last writes.
 * 5. `apply` changes nothing unless the position is at or beyond its beginning and of the same log; the position never
 *    goes back, and comes last. Two appliers, a late or a repeated call: each is one of these scripts, or several in
 *    order, and applying the same evictions twice changes nothing.
 * 6. With several buckets, the answer has the lowest position of those asked, and none where one of them has
 *    none.
 *
 * @module
 */
import type { Options } from '../../../src/api/option-check.ts'
import type { Tier, TierAnswer, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { answeredWithin } from '../../deadline.ts'
import { check, longerThanNothing } from '../../options.ts'
import { count, duration } from '../../option-tests.ts'
import type { RedisConnection } from './connection.ts'
import { checkConnection, prefixShape } from './options.ts'
import { bytesArgument, type ScriptCall } from './lua-script.ts'
import { TierApplication } from './tier-application.ts'
import { answerOf, together } from './tier-answer.ts'
import { groups, logWord, TierLayout } from './tier-layout.ts'
import { DELETE, GET, SET } from './tier-scripts.ts'
import { durationMs } from '../../../src/runtime/duration.ts'

/** Keys in one call of a script. */
const MAX_KEYS = 100
/** Bytes of values in one call of a script. */
const MAX_CALL_BYTES = 1_000_000
const BUCKETS = 64
/** Three centuries: more would overflow. */
const MAX_TTL_MS = 1e13

export interface RedisTierOptions {
  /** Begins the name of every key. @default 'kedge:' */
  readonly prefix?: string
  /**
   * Parts that the tier is divided into, each with its own position: every eviction batch is applied in all
   * of them. All clients of the tier must give the same number.
   * @default 1, and 64 in a cluster
   */
  readonly buckets?: number
  /**
   * How long the tier remembers an evicted key, to refuse loads that began before the eviction.
   * @default '1m'
   */
  readonly rememberEvictions?: Duration
  /** How long a call may take in all. @default '1s' */
  readonly timeout?: Duration
}

const shape: Options = {
  prefix: prefixShape,
  buckets: count(1, 1024, 'must be a whole number from 1 to 1024'),
  rememberEvictions: duration,
  timeout: duration,
}

/**
 * A tier in Redis. Values are opaque there; no other program should write below its prefix.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 * import { ioredis, redisTier } from 'kedge/adapters/redis'
 *
 * const tier = redisTier(ioredis(new Redis('redis://127.0.0.1:6379')), { timeout: '200ms' })
 * ```
 */
export function redisTier(connection: RedisConnection, options: RedisTierOptions = {}): Tier {
  checkConnection(connection)
  check(shape, options, 'redisTier')
  const timeoutMs = longerThanNothing(options.timeout ?? '1s', 'timeout')
  const rememberMs = durationMs(options.rememberEvictions ?? '1m', 'rememberEvictions')
  const layout = new TierLayout(
    options.prefix ?? 'kedge:',
    options.buckets ?? (connection.cluster ? BUCKETS : 1),
  )
  const application = new TierApplication(connection, layout, rememberMs)

  return {
    name: connection.name,
    getMany: (place, keys, call = {}) =>
      answeredWithin(timeoutMs, call.signal, async (signal) =>
        keys.length === 0
          ? { items: new Map(), applied: await application.position(place.partition, signal) }
          : getMany(connection, layout, place, keys, signal),
      ),
    setMany: (place, writes, call = {}) =>
      answeredWithin(timeoutMs, call.signal, async (signal) => {
        await SET.must(connection, settings(connection, layout, place, writes), signal, 'storing values')
      }),
    deleteMany: (place, keys, offset, call = {}) =>
      answeredWithin(timeoutMs, call.signal, async (signal) => {
        await DELETE.must(connection, removals(layout, place, keys, offset), signal, 'removing values')
      }),
    applier: {
      position: (partition, call = {}) =>
        answeredWithin(timeoutMs, call.signal, (signal) => application.position(partition, signal)),
      begin: (partition, at, call = {}) =>
        answeredWithin(timeoutMs, call.signal, (signal) => application.begin(partition, at, signal)),
      apply: (batch, call = {}) =>
        answeredWithin(timeoutMs, call.signal, (signal) => application.apply(batch, signal)),
    },
  }
}

async function getMany(
  connection: RedisConnection,
  layout: TierLayout,
  place: TierPlace,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<TierAnswer> {
  const asked: (readonly string[])[] = []
  const calls: ScriptCall[] = []
  for (const [bucket, inBucket] of layout.spread(new Set(keys), (key) => key)) {
    for (const group of groups(inBucket, MAX_KEYS)) {
      const items = group.map((key) => bucket.item(place.namespace, key))
      asked.push(group)
      calls.push({ keys: [bucket.state(place.partition), ...items], args: [place.namespace] })
    }
  }
  const replies = await GET.must(connection, calls, signal, 'asking for values')
  return together(replies.map((reply, index) => answerOf(reply, asked[index] ?? [])))
}

function settings(
  connection: RedisConnection,
  layout: TierLayout,
  { namespace, partition, logId }: TierPlace,
  writes: readonly TierWrite[],
): ScriptCall[] {
  const alive = writes.filter(({ ttlMs }) => ttlMs > 0)
  return [...layout.spread(alive, ({ key }) => key)].flatMap(([bucket, inBucket]) =>
    [...groups(inBucket, MAX_KEYS, MAX_CALL_BYTES, ({ bytes }) => bytes.length)].map((group) => ({
      keys: [bucket.state(partition), ...group.map(({ key }) => bucket.item(namespace, key))],
      args: [
        namespace,
        logWord(logId),
        ...group.flatMap(({ bytes, asOf, version, ttlMs }) => [
          ...bytesArgument(connection, bytes),
          String(asOf),
          String(version ?? '-'),
          String(Math.min(Math.ceil(ttlMs), MAX_TTL_MS)),
        ]),
      ],
    })),
  )
}

function removals(
  layout: TierLayout,
  { namespace }: TierPlace,
  keys: readonly string[],
  offset: number,
): ScriptCall[] {
  return [...layout.spread(keys, (key) => key)].flatMap(([bucket, inBucket]) =>
    [...groups(inBucket, MAX_KEYS)].map((group) => ({
      keys: group.map((key) => bucket.item(namespace, key)),
      args: [String(offset)],
    })),
  )
}
