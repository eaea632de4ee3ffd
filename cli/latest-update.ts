/** The latest update of a key in the updates topic. @module */
import { encodeUtf8 } from '../src/wire/codec.ts'
import { decodeRecord } from '../src/coherence/apply-eviction.ts'
import type { DecodedRecord } from '../src/coherence/apply-eviction.ts'
import type { Arrived } from '../src/wire/read-update.ts'
import { updateRecordKey } from '../src/wire/record-key.ts'
import { partitionOf } from '../src/wire/partitioner.ts'
import { CommandError } from './failure.ts'
import type { Reading } from './reading.ts'
import { withTopic } from './missing-topic.ts'
import { MAX_MESSAGE_BYTES } from './proxy.ts'
import { readRange } from './read-range.ts'
import { updateIn } from './record-line.ts'

const FIRST_WINDOW = 1000

export interface FoundUpdate {
  readonly decoded: DecodedRecord
  readonly update: Arrived
}

/**
 * Reads backwards from the end, in the partition where caches write the key; `undefined` when the newest
 * `maxRecords` have none. Among several in one window the one with the highest as-of is the latest: caches
 * decide in the same way, in any order of arrival.
 */
export async function latestUpdate(
  reading: Reading,
  topic: string,
  namespace: string,
  key: string,
): Promise<FoundUpdate | undefined> {
  const { log, session, maxRecords } = reading
  const bounds = await withTopic('updates', topic, log.offsets(topic, { signal: session.stop }))
  const partition = partitionOf(encodeUtf8(updateRecordKey(namespace, key)), bounds.length)
  const own = bounds.find((each) => each.partition === partition)
  if (own === undefined) throw new CommandError(`the topic ${topic} has no partition ${partition}`)
  const oldest = Math.max(own.beginning, own.end - maxRecords)
  let end = own.end
  for (let size = FIRST_WINDOW; end > oldest; size *= 2) {
    const from = Math.max(oldest, end - size)
    const best = await latestIn(reading, topic, { partition, from, end }, namespace, key)
    if (best !== undefined) return best
    end = from
  }
  return undefined
}

async function latestIn(
  { log, codec, session }: Reading,
  topic: string,
  { partition, from, end }: { partition: number; from: number; end: number },
  namespace: string,
  key: string,
): Promise<FoundUpdate | undefined> {
  let best: FoundUpdate | undefined
  await readRange(
    log,
    {
      topic,
      from: [{ partition, offset: from }],
      ends: new Map([[partition, end]]),
      isolation: 'committed',
    },
    {
      runtime: session.runtime,
      signal: session.stop,
      take: async (record) => {
        const decoded = await decodeRecord(record, codec, MAX_MESSAGE_BYTES)
        const update = updateIn(decoded)
        if (update?.key !== key || (update.namespace !== undefined && update.namespace !== namespace)) return
        if (best === undefined || (update.asOf ?? Infinity) >= (best.update.asOf ?? -1))
          best = { decoded, update }
      },
    },
  )
  return best
}
