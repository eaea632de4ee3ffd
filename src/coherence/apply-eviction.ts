/**
 * Coherence: what a record of the evictions topic does to the namespaces of its partition.
 *
 * Pure and synchronous: no I/O, no clock. The same records, in any order and any number of times, leave the same
 * values standing.
 *
 * @module
 */
import { decodeUtf8, isAscii, isGzip, unpack, unpackPlain } from '../wire/codec.ts'
import type { Codec } from '../wire/codec.ts'
import { numberReadings } from '../wire/foreign-eviction.ts'
import type { LogRecord } from '../ports/kafka-log.ts'
import { readOtherEviction, readOwnEviction, routed } from '../wire/read-eviction.ts'
import type { Eviction } from '../wire/read-eviction.ts'
import type { EvictionTarget } from './partition.ts'

/** How records are decoded. */
export interface RecordFormat {
  readonly codec: Codec
  /** The largest message that is inflated. */
  readonly maxMessageBytes: number
}

/** A record that has been decoded, and so can be applied without waiting. */
export interface DecodedRecord {
  readonly record: LogRecord
  /** `undefined` for a null, empty or undecodable value. */
  readonly message: unknown
  readonly recordKey: string | undefined
  readonly error: unknown
}

/** Decodes a record. Never rejects: what cannot be read becomes an unreadable record. */
export const decodeRecord = async (
  record: LogRecord,
  codec: Codec,
  maxMessageBytes: number,
): Promise<DecodedRecord> => decode(record, codec, maxMessageBytes)

/** The same, at once where nothing has to be inflated. */
function decode(
  record: LogRecord,
  codec: Codec,
  maxMessageBytes: number,
): DecodedRecord | Promise<DecodedRecord> {
  const { value } = record
  if (value === null || value.length === 0) return new Decoded(record, undefined)
  if (isGzip(value))
    return unpack(value, codec, maxMessageBytes).then(
      (message) => new Decoded(record, message),
      (error: unknown) => new Decoded(record, undefined, error),
    )
  try {
    return new Decoded(record, unpackPlain(value, codec, maxMessageBytes))
  } catch (error) {
    return new Decoded(record, undefined, error)
  }
}

class Decoded implements DecodedRecord {
  readonly record: LogRecord
  readonly message: unknown
  readonly error: unknown

  constructor(record: LogRecord, message: unknown, error?: unknown) {
    this.record = record
    this.message = message
    this.error = error
  }

  // Decoded when it is asked for: most messages say all that their key does, and decoding takes as long as checking them.
  get recordKey(): string | undefined {
    const { key } = this.record
    return key === null ? undefined : decodeUtf8(key)
  }
}

/**
 * Decodes a record, which may wait, and then applies it: `apply` decides by what is true after that wait, and must not
 * wait itself. Else a resync, or another poll, could come between the decision and the eviction. Where the record is
 * decoded at once, it is applied at once, too.
 */
export function applyRecord<T>(
  record: LogRecord,
  { codec, maxMessageBytes }: RecordFormat,
  apply: (decoded: DecodedRecord) => T,
): T | Promise<T> {
  const decoded = decode(record, codec, maxMessageBytes)
  return decoded instanceof Promise ? decoded.then(apply) : apply(decoded)
}

/** What the writer says of the trace of its write, unchecked: it changes nothing of what is evicted (decision 132). */
export const traceOf = ({ message, record }: DecodedRecord): unknown =>
  (message as { readonly tp?: unknown } | null | undefined)?.tp ?? record.headers

/** The eviction that a decoded record stands for. Never throws. @param isNamespace whether a name is one in use */
export function evictionIn(decoded: DecodedRecord, isNamespace: (name: string) => boolean): Eviction {
  const { record, message, error } = decoded
  const own = readOwnEviction(message)
  if (own !== undefined) {
    const isUsual = own.namespace === undefined || record.key === null || isAscii(record.key, own.namespace)
    return isUsual ? own : routed(own, decoded.recordKey, isNamespace)
  }
  // Undecodable bytes count as a message that kedge does not know: `null` stands for one.
  const eviction = readOtherEviction(error === undefined ? message : null, decoded.recordKey, isNamespace)
  if (message !== undefined || error !== undefined || record.key === null) return eviction
  if (eviction.all) return { ...eviction, unreadable: record.key.length > 0 }
  const numbers = numberReadings(record.key)
  const clears = [...eviction.clears, ...numbers.filter(isNamespace)]
  return { ...eviction, keys: [...eviction.keys, ...numbers], clears }
}

/** The same, in a partition of these targets. */
export const evictionOf = (decoded: DecodedRecord, targets: ReadonlySet<EvictionTarget>): Eviction =>
  evictionIn(decoded, (name) => {
    for (const target of targets) if (target.name === name) return true
    return false
  })

/** Applies an eviction that stands at `offset`, unless `self` announced it. */
export function applyEviction(
  targets: Iterable<EvictionTarget>,
  eviction: Eviction,
  offset: number,
  self?: string,
): void {
  if (eviction.announcedBy !== undefined && eviction.announcedBy === self) return
  const { version, intent, announcedBy } = eviction
  // At the source nothing has changed yet, or nothing at all: which version of the row is the last one stays known.
  const resets = version === undefined && intent === undefined && announcedBy === undefined
  const terms = { version, resets }
  for (const target of targets) {
    if (eviction.clears.includes(target.name)) target.evictAll(offset)
    if (eviction.namespace !== undefined && eviction.namespace !== target.name) continue
    if (eviction.all) target.evictAll(offset)
    for (const key of eviction.keys) target.evictKey(key, offset, terms)
    // Closed before anything opens, and after the keys were evicted: what is held meanwhile is judged by both.
    for (const id of eviction.closes) target.closes(id)
    if (eviction.intent) target.intends(eviction.keys, eviction.intent, offset)
    for (const tag of eviction.tags) target.evictTag(tag, offset)
    for (const prefix of eviction.prefixes) target.evictPrefix(prefix, offset)
  }
}

/** Applies a decoded record to the namespaces of its partition. Returns its eviction. */
export function applyDecoded(
  decoded: DecodedRecord,
  targets: ReadonlySet<EvictionTarget>,
  self?: string,
): Eviction {
  const eviction = evictionOf(decoded, targets)
  applyEviction(targets, eviction, decoded.record.offset, self)
  return eviction
}
