/** Judges by the as-of rule whether caches may still serve a value of the updates topic. @module */
import { encodeUtf8 } from '../src/wire/codec.ts'
import { decodeRecord, evictionIn } from '../src/coherence/apply-eviction.ts'
import type { PartitionOffsets } from '../src/ports/kafka-log.ts'
import type { ArrivedValue } from '../src/wire/read-update.ts'
import type { Eviction } from '../src/wire/read-eviction.ts'
import { partitionOf } from '../src/wire/partitioner.ts'
import { CommandError } from './failure.ts'
import type { Reading } from './reading.ts'
import type { FoundUpdate } from './latest-update.ts'
import { withTopic } from './missing-topic.ts'
import { MAX_MESSAGE_BYTES } from './proxy.ts'
import { readRange } from './read-range.ts'
import { mayBeNamespace, said } from './record-line.ts'
import { lengthOf } from './terminal.ts'

export interface StalenessVerdict {
  readonly state: 'current' | 'evicted' | 'expired' | 'deleted' | 'unknown' | 'none'
  readonly says: string
}

export async function checkStaleness(
  reading: Reading,
  topic: string,
  namespace: string,
  found: FoundUpdate | undefined,
): Promise<StalenessVerdict> {
  if (found === undefined) return { state: 'none', says: nothing(reading.maxRecords) }
  const { update, decoded } = found
  if (update.kind === 'drop') {
    const unreadable = update.unreadable || decoded.error !== undefined
    return unreadable
      ? { state: 'unknown', says: 'its latest update cannot be read, so caches drop it' }
      : { state: 'deleted', says: 'its latest update says that it has no value' }
  }
  const asked = reading.log.offsets(topic, { signal: reading.session.stop })
  const bounds = await withTopic('evictions', topic, asked)
  const partition = partitionOf(encodeUtf8(namespace), bounds.length)
  const own = bounds.find((each) => each.partition === partition)
  if (own === undefined) throw new CommandError(`the topic ${topic} has no partition ${partition}`)
  return (
    doubt(update, own) ??
    (await evictedBy(reading, topic, namespace, update, own)) ??
    age(update, decoded.record.timestamp, reading.session.runtime.now())
  )
}

const nothing = (count: number): string =>
  `no update among the newest ${count} records of the updates topic: values are published by kedge loader, and by caches with replicate()`

/** Why the value cannot be judged. */
function doubt({ asOf, logId }: ArrivedValue, own: PartitionOffsets): StalenessVerdict | undefined {
  const unknown = (says: string): StalenessVerdict => ({ state: 'unknown', says })
  if (asOf === undefined)
    return unknown(
      'a simple message without as-of: only a cache with `acceptSimpleValues` of replicate() holds it',
    )
  if (logId !== undefined && own.logId !== undefined && logId !== own.logId)
    return unknown('it was written beside another log of evictions, which is gone')
  if (asOf > own.end) return unknown(`its as-of ${asOf} lies beyond the end of the evictions, ${own.end}`)
  if (asOf < own.beginning)
    return unknown(`evictions from ${asOf} to ${own.beginning} are gone: one of them may have evicted it`)
  return undefined
}

async function evictedBy(
  { log, codec, session, maxRecords }: Reading,
  topic: string,
  namespace: string,
  value: ArrivedValue,
  { partition, end }: PartitionOffsets,
): Promise<StalenessVerdict | undefined> {
  const from = value.asOf ?? 0
  if (end - from > maxRecords)
    return { state: 'unknown', says: `${end - from} evictions came after it: more than --max-records` }
  let killer: string | undefined
  const left = await readRange(
    log,
    {
      topic,
      from: [{ partition, offset: from }],
      ends: new Map([[partition, end]]),
      isolation: 'uncommitted',
    },
    {
      runtime: session.runtime,
      signal: session.stop,
      take: async (record) => {
        if (killer !== undefined) return
        const eviction = evictionIn(await decodeRecord(record, codec, MAX_MESSAGE_BYTES), mayBeNamespace)
        if (kills(eviction, namespace, value))
          killer = `by ${partition}@${record.offset}: ${said(eviction).join('  ')}`
      },
    },
  )
  if (killer !== undefined) return { state: 'evicted', says: killer }
  if (left.some(({ offset }) => offset < end))
    return { state: 'unknown', says: 'the evictions that came after it could not all be read' }
  return undefined
}

function kills(eviction: Eviction, namespace: string, value: ArrivedValue): boolean {
  if (eviction.clears.includes(namespace)) return true
  if (eviction.namespace !== undefined && eviction.namespace !== namespace) return false
  if (eviction.all) return true
  if (eviction.prefixes.some((prefix) => value.key.startsWith(prefix))) return true
  if (value.tags?.some((tag) => eviction.tags.includes(tag))) return true
  if (!eviction.keys.includes(value.key)) return false
  return eviction.version === undefined || value.version === undefined || value.version < eviction.version
}

function age({ at, ttlMs }: ArrivedValue, timestamp: number | undefined, now: number): StalenessVerdict {
  const born = Math.min(at ?? now, timestamp ?? now)
  const left = born + ttlMs - now
  if (left <= 0)
    return { state: 'expired', says: `its TTL ended ${lengthOf(-left)} ago; no eviction matched it` }
  const rest = left === Infinity ? '' : `, and its TTL ends in ${lengthOf(left)}`
  return { state: 'current', says: `no eviction came after it${rest}` }
}
