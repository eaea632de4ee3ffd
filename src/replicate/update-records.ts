/**
 * Records of the updates topic: a value, that the source has none, and any message under the key of its record.
 *
 * Each rejects with a KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when the message cannot be a record.
 *
 * @module
 */
import type { Settings } from '../api/settings.ts'
import { putMessage } from '../coherence/admission.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { NewRecord } from '../ports/kafka-log.ts'
import { encodeUtf8, pack } from '../wire/codec.ts'
import { checkWritable } from '../wire/json-data.ts'
import type { Message } from '../wire/messages.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { updateRecordKey } from '../wire/record-key.ts'

/** A message, in the partition of its key. */
export async function recordOf(key: string, message: Message, settings: Settings): Promise<NewRecord> {
  const recordKey = encodeUtf8(key)
  const partition = partitionOf(recordKey, settings.updatePartitions)
  checkWritable(settings.codec, message)
  return { key: recordKey, value: await pack(message, settings), partition }
}

/** A value. */
export async function valueRecord<T>(
  shared: CacheContext,
  space: CoherentStore<T>,
  key: string,
  value: Candidate<T>,
): Promise<NewRecord> {
  const message = putMessage(shared, space, key, value)
  return recordOf(updateRecordKey(space.name, key), message, shared.settings)
}

/** That the source was read as of this position, and has no value of the key. */
export async function absenceRecord<T>(
  { settings, clock }: CacheContext,
  { name: ns, partition }: CoherentStore<T>,
  key: string,
  { asOf, loadedAt }: Pick<Candidate<T>, 'asOf' | 'loadedAt'>,
): Promise<NewRecord> {
  const at = settings.runtime.now() - (clock.now() - loadedAt)
  const message: Message = { v: 1, op: 'del', ns, key, asOf, none: true, at, log: partition.logId }
  return recordOf(updateRecordKey(ns, key), message, settings)
}
