/** Decodes a record by its format, and finds the keys it is about. @module */
import { decodeUtf8, encodeUtf8, unpack } from '../../src/wire/codec.ts'
import type { Codec } from '../../src/wire/codec.ts'
import { readGroup } from '../../src/wire/batch-message.ts'
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import { readUpdate } from '../../src/wire/read-update.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import type { Arrived } from '../../src/wire/read-update.ts'
import { changeOf, keyOf, payloadOf } from './debezium.ts'
import { exactCodec, readJson, withDoubles } from './json.ts'
import type { Decoded } from './json.ts'
import type { SyncRecord } from './options.ts'
import type { SyncSettings } from './settings.ts'
import { textOf } from './key-text.ts'
import type { TimeUnits } from './time-units.ts'
import { UnusableRecord } from './unusable-record.ts'

/** kedge's own update in a record. */
export interface Update {
  readonly asOf: number
  readonly row: number | undefined
  /** When the value expires, by the writer's clock; `undefined` for a delete. */
  readonly until: number | undefined
}

/** The meaning of a record for one key. */
export interface DecodedRecord {
  /** As the functions of the options see it. */
  readonly record: SyncRecord
  /** What its fields are taken from; numbers as they stood. For a deletion: the row before, if the event has it. */
  readonly fields: unknown
  /** The fields of the key. */
  readonly keyFields: () => unknown
  /** Deletes the key. */
  readonly gone: boolean
  /** The row before the change: its key in the store may have been another one. */
  readonly before: object | undefined
  readonly update: Update | undefined
  /** The bytes of the value in the log; `undefined` where the value is inside a message. */
  readonly raw: Uint8Array | undefined
  /** Whether there may be numbers in it that are no doubles. */
  readonly exact: boolean
  /** Whether integers in it may have been rounded. */
  readonly rounds: boolean
}

type Place = Omit<SyncRecord, 'key' | 'ns' | 'value'>

const MAX_SAYS = 300
const NOTHING: Decoded = { value: undefined, exact: false, rounds: false }

export class RecordDecoder {
  readonly #settings: SyncSettings
  readonly #times: TimeUnits
  readonly #codec: Codec
  /** Whether a function of the options gets records. */
  readonly #seen: boolean
  /** The highest as-of of each partition: a bare tombstone of kedge's topic takes it. */
  readonly #asOf = new Map<number, number>()

  constructor(settings: SyncSettings, times: TimeUnits) {
    this.#settings = settings
    this.#times = times
    const { format, codec, key, value, version, onWritten } = settings
    this.#seen = [key, value, version, onWritten].some((each) => typeof each === 'function')
    // The options name the format: nothing need be detected, and MessagePack may hold more than maps.
    const said = { ...codec, decode: (bytes: Uint8Array) => codec.decode(bytes), detects: () => true }
    if (format === 'json' || format === 'debezium') this.#codec = exactCodec(undefined)
    else this.#codec = exactCodec(format === 'messagepack' ? said : codec)
  }

  /** Forgets the as-ofs, before records are read again from an earlier position. */
  forget(): void {
    this.#asOf.clear()
  }

  /** The meanings of the record: none, one, or many where it carries several values. */
  async of(record: LogRecord): Promise<(DecodedRecord | UnusableRecord)[]> {
    const { partition, offset, timestamp, key, value } = record
    const { topic, format, emptyDeletes } = this.#settings
    const place = { topic, partition, offset, timestamp }
    if (value === null || (emptyDeletes && value.length === 0)) {
      if (format === 'debezium') return this.#changed(place, key, null)
      return this.#expectsUpdates
        ? this.#bareTombstone(place, key)
        : [this.#plain(place, key, NOTHING, undefined)]
    }
    if (format === 'bytes') return [this.#plain(place, key, { ...NOTHING, value }, value)]
    if (format === 'string') {
      const decoded = decodeUtf8(value)
      return [
        decoded === undefined
          ? new UnusableRecord('undecodable', 'the value is not UTF-8')
          : this.#plain(place, key, { ...NOTHING, value: decoded }, value),
      ]
    }
    let decoded: Decoded
    try {
      decoded = (await unpack(value, this.#codec, this.#settings.maxMessageBytes)) as Decoded
    } catch (error) {
      // Templates and fields will find nothing.
      if (format === 'auto') return [this.#plain(place, key, NOTHING, value)]
      return [
        new UnusableRecord('undecodable', `the value cannot be decoded as ${format}: ${clipped(error)}`),
      ]
    }
    if (format === 'debezium') return this.#changed(place, key, decoded)
    if (format === 'json' || format === 'messagepack') return [this.#plain(place, key, decoded, value)]
    return this.#autoOrOwn(place, key, decoded, value)
  }

  #autoOrOwn(
    place: Place,
    key: Uint8Array | null,
    decoded: Decoded,
    raw: Uint8Array,
  ): (DecodedRecord | UnusableRecord)[] {
    const message = decoded.exact ? withDoubles(decoded.value) : decoded.value
    const group = readGroup(message, keyText(key))
    if (group) return group.flatMap((each) => this.#ofUpdate(place, each, decoded))
    const update = isOwn(message) ? readUpdate(message, keyText(key), isName, () => Infinity) : undefined
    if (update !== undefined && !unreadable(update)) return this.#ofUpdate(place, update, decoded)
    return this.#settings.format === 'auto' && !isOwn(message)
      ? [this.#plain(place, key, decoded, raw)]
      : [new UnusableRecord('undecodable', "it is not one of kedge's own updates")]
  }

  #plain(place: Place, key: Uint8Array | null, decoded: Decoded, raw: Uint8Array | undefined): DecodedRecord {
    const text = keyText(key)
    const keyFields = () => fieldsOf(text)
    const { value: fields, exact, rounds } = decoded
    const value = exact && this.#seen ? withDoubles(fields) : fields
    const named = this.#settings.keyFormat === 'json' ? keyFields() : text
    return {
      record: { ...place, key: typeof named === 'string' ? named : undefined, ns: undefined, value },
      fields,
      keyFields,
      gone: raw === undefined,
      before: undefined,
      update: undefined,
      raw,
      exact,
      rounds,
    }
  }

  /** The meaning of a Debezium event. */
  #changed(
    place: Place,
    key: Uint8Array | null,
    decoded: Decoded | null,
  ): (DecodedRecord | UnusableRecord)[] {
    const keyed = keyText(key)
    const parsed = fieldsOf(keyed)
    const keyFields = payloadOf(parsed)
    const event = decoded === null ? null : payloadOf(decoded.value)
    const gone = event === null
    // The delete event before this tombstone has already deleted the key, and had the fields of the row.
    if (gone && typeof this.#settings.key === 'object' && this.#settings.key.usesValue) return []
    const change = gone
      ? { row: undefined, before: undefined, text: undefined }
      : changeOf(event, (text) => fieldsOf(text))
    if (change === undefined) return []
    if (change instanceof UnusableRecord) return [change]
    const { row, before, text } = change
    return [
      {
        record: {
          ...place,
          key: keyOf(keyFields, keyFields === parsed ? keyed : textOf(keyFields)),
          ns: undefined,
          value: this.#seen && row ? withDoubles(row) : row,
        },
        fields: row ?? before,
        keyFields: () => keyFields,
        gone: row === undefined,
        before: row && before,
        update: undefined,
        raw: text === undefined ? undefined : encodeUtf8(text),
        exact: true,
        rounds: false,
      },
    ]
  }

  get #expectsUpdates(): boolean {
    const { format, key } = this.#settings
    return format === 'kedge' || (format === 'auto' && typeof key === 'object' && key.usesNamespace)
  }

  #ofUpdate(place: Place, said: Arrived, { exact, rounds }: Decoded): DecodedRecord[] {
    const { namespace: ns, key, asOf = 0 } = said
    if (ns === undefined || !this.#wants(ns)) return []
    this.#asOf.set(place.partition, Math.max(asOf, this.#asOf.get(place.partition) ?? 0))
    const isValue = said.kind === 'value'
    const row = isValue ? said.version : undefined
    if (said.at !== undefined) this.#times.look('at', said.at, place)
    // A writer's clock that runs ahead may shorten a life, but must not lengthen one.
    const now = this.#settings.runtime.now()
    const born = isValue ? Math.min(said.at ?? now, place.timestamp ?? now, now) : now
    const until = isValue ? born + said.ttlMs : undefined
    const value = isValue ? said.value : undefined
    return [
      {
        record: { ...place, key, ns, value },
        fields: value,
        keyFields: () => fieldsOf(key),
        gone: !isValue,
        before: undefined,
        update: { asOf, row, until },
        raw: undefined,
        exact,
        rounds,
      },
    ]
  }

  /** kedge writes no bare tombstones; a person who cleans a compacted topic may. */
  #bareTombstone(place: Place, recordKey: Uint8Array | null): (DecodedRecord | UnusableRecord)[] {
    const [, ns, key] = /^([^/]+)\/(.+)$/s.exec(keyText(recordKey) ?? '') ?? []
    if (ns === undefined || !isName(ns))
      return [new UnusableRecord('key', 'the key of a tombstone does not name a namespace and a key')]
    if (!this.#wants(ns)) return []
    const asOf = this.#asOf.get(place.partition)
    if (asOf === undefined)
      return [
        new UnusableRecord('missing', 'a bare tombstone has no as-of, and no message before it had one'),
      ]
    return this.#ofUpdate(place, { kind: 'drop', namespace: ns, key: key!, asOf, unreadable: false }, NOTHING)
  }

  #wants(namespace: string): boolean {
    return this.#settings.namespaces?.has(namespace) ?? true
  }
}

const keyText = (key: Uint8Array | null): string | undefined => (key === null ? undefined : decodeUtf8(key))

/** The JSON in a text, parsed; `undefined` where it is no JSON. */
function fieldsOf(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return readJson(encodeUtf8(text)).value
  } catch {
    return undefined
  }
}

const isName = (name: string): boolean => NAMESPACE_PATTERN.test(name)

const unreadable = (arrived: Arrived): boolean => arrived.kind === 'drop' && arrived.unreadable

/** One of kedge's own updates, perhaps of a later release. */
const isOwn = (message: unknown): boolean =>
  typeof message === 'object' &&
  message !== null &&
  'v' in message &&
  'ns' in message &&
  'op' in message &&
  (message.op === 'put' || message.op === 'del' || message.op === 'puts')

export const clipped = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_SAYS)
