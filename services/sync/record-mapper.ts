/** Turns a record into the write of a key in the store. @module */
import { isLosslessNumber } from 'lossless-json'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { SinkVersion, SinkWrite } from '../../src/ports/sink.ts'
import type { Counters } from './counters.ts'
import { unavailableIn } from './debezium.ts'
import { isHeldByDouble } from '../../src/wire/exact-number.ts'
import { roundedIn, writeJson } from './json.ts'
import type { SyncRecord } from './options.ts'
import type { SyncSettings } from './settings.ts'
import { lifetimeMs } from '../../src/runtime/duration.ts'
import { pick, valueAt } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import { RowVersions } from './row-versions.ts'
import type { Template } from './template.ts'
import { textOf } from './key-text.ts'
import { TimeUnits } from './time-units.ts'
import { clipped, RecordDecoder } from './record-decoder.ts'
import type { DecodedRecord, Update } from './record-decoder.ts'
import { UnusableRecord } from './unusable-record.ts'

/** A write, and the record as the functions of the options saw it. */
export interface MappedWrite {
  readonly write: SinkWrite
  readonly meant: SyncRecord
  /** Its version is its offset, which does not compare with offsets of other partitions. */
  readonly byOffset: boolean
}

/** A write, or a record that cannot be used. */
export type MappedRecord = MappedWrite | UnusableRecord

const MAX_SAYS = 300

export class RecordMapper {
  readonly #settings: SyncSettings
  readonly #times: TimeUnits
  readonly #understanding: RecordDecoder
  readonly #rows = new RowVersions()

  constructor(settings: SyncSettings, counters: Counters) {
    this.#settings = settings
    this.#times = new TimeUnits(settings, counters)
    this.#understanding = new RecordDecoder(settings, this.#times)
  }

  /** Forgets the rows, before records are read again from an earlier position. */
  forget(): void {
    this.#rows.forget()
    this.#understanding.forget()
  }

  /** The writes of the record: none, one, or many where it carries several values. Never rejects. */
  async translate(record: LogRecord): Promise<MappedRecord[]> {
    const translated: MappedRecord[] = []
    const { topic } = this.#settings
    if (record.timestamp !== undefined) this.#times.look('timestamp', record.timestamp, { ...record, topic })
    try {
      for (const meaning of await this.#understanding.of(record)) {
        if (meaning instanceof UnusableRecord) translated.push(meaning)
        else translated.push(...this.#writes(meaning))
      }
    } catch (error) {
      translated.push(new UnusableRecord('failed', `a function of the options threw: ${clipped(error)}`))
    }
    return translated
  }

  #writes(meaning: DecodedRecord): MappedRecord[] {
    const said = this.#write(meaning)
    if (said === undefined) return []
    if (said instanceof UnusableRecord || typeof this.#settings.key !== 'object') return [said]
    if (meaning.before === undefined || !this.#settings.key.usesValue) return [said]
    // The row had another key in the store before.
    const old = this.#key({ ...meaning, fields: meaning.before })
    if (typeof old !== 'string' || old === said.write.key) return [said]
    return [{ ...said, write: { ...said.write, key: old, value: null, ttlMs: undefined } }, said]
  }

  #write(meaning: DecodedRecord): MappedRecord | undefined {
    const { record, update } = meaning
    const rounded = this.#rounded(meaning)
    if (rounded !== undefined) return rounded
    const key = this.#key(meaning)
    if (key instanceof UnusableRecord) return key
    const version = this.#version(record, update)
    if (version === undefined || version instanceof UnusableRecord) return version
    const written = (value: Uint8Array | null, ttlMs?: number): MappedWrite => ({
      write: { key, value, version, ttlMs },
      meant: record,
      byOffset: this.#settings.version === 'auto' && update === undefined,
    })
    if (meaning.gone) return written(null)
    const ttlMs = this.#ttl(meaning)
    if (ttlMs instanceof UnusableRecord) return ttlMs
    // An expired value deletes its key: the store may hold an older value of it (decision 48).
    if (ttlMs !== undefined && ttlMs <= 0) return written(null)
    const value = this.#value(meaning)
    return value instanceof UnusableRecord ? value : written(value, ttlMs)
  }

  /** A function of the options gets the decoded value, and cannot see that the codec rounded a number. */
  #rounded({ rounds, fields }: DecodedRecord): UnusableRecord | undefined {
    if (!rounds) return undefined
    const { key, value, version } = this.#settings
    if ([key, value, version].some((each) => typeof each === 'function')) return refusedAsRounded(fields)
    if (typeof key === 'object') {
      for (const path of key.valuePaths) {
        const found = refusedAsRounded(valueAt(fields, path))
        if (found) return found
      }
    }
    return undefined
  }

  #key({ record, fields, keyFields }: DecodedRecord): string | UnusableRecord {
    const { key: made, maxKeyBytes, keyFormat, format } = this.#settings
    let key: string | undefined
    if (typeof made === 'function') key = made(record)
    else {
      const hidden = format === 'debezium' ? hiddenFrom(made, fields, keyFields() ?? record.key) : undefined
      if (hidden !== undefined) return notLogged(hidden)
      const filled = made.keyOf({ ...record, keyFields, value: fields })
      if ('missing' in filled) {
        const quotes = filled.missing === '{key}' && keyFormat === 'json' && format !== 'debezium'
        const why = quotes ? ': the key is no JSON text, such as "7" with its quotes' : ''
        return new UnusableRecord(
          'missing',
          `there is nothing to put in the place of ${filled.missing}${why}`,
        )
      }
      key = filled.key
    }
    if (typeof key !== 'string' || key === '')
      return new UnusableRecord('missing', 'the function for the key gave none')
    if (/\p{Surrogate}/u.test(key)) return new UnusableRecord('key', 'the key holds half a character')
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (key.length * 3 <= maxKeyBytes) return key
    const { length } = encodeUtf8(key)
    return length > maxKeyBytes
      ? new UnusableRecord('key', `the key of ${length} bytes is longer than ${maxKeyBytes}`)
      : key
  }

  #version(record: SyncRecord, update: Update | undefined): SinkVersion | UnusableRecord | undefined {
    const { version } = this.#settings
    if (version === 'auto')
      return update === undefined
        ? [record.offset, 0]
        : this.#rows.order(`${record.ns}/${record.key}`, update.asOf, update.row, record.offset)
    const major: unknown = version === 'timestamp' ? record.timestamp : version(record)
    if (isExactNumber(major)) return [major, record.offset]
    if (version === 'timestamp') return new UnusableRecord('missing', 'the log tells no timestamp')
    const text = textOf(major)
    return new UnusableRecord(
      'missing',
      typeof major === 'string' || text === undefined
        ? 'the function for the version gave no number'
        : `the version ${text.slice(0, 40)} is more than a double holds`,
    )
  }

  /** Milliseconds left; `undefined` for ever. */
  #ttl({ record, fields, update }: DecodedRecord): number | undefined | UnusableRecord {
    const { ttl, ttlFrom, runtime } = this.#settings
    const now = runtime.now()
    const own = update?.until === undefined || update.until === Infinity ? undefined : update.until - now
    if (ttl === undefined) return own
    let ms: number
    if ('ms' in ttl) ms = ttl.ms
    else {
      const found = valueAt(fields, ttl.path)
      const number = isLosslessNumber(found) && isHeldByDouble(found.value) ? Number(found.value) : found
      const said = lifetimeMs(number)
      if (said === undefined) return new UnusableRecord('missing', `${ttl.path.join('.')} is no time to live`)
      if (typeof number === 'number') this.#times.look('ttl', said, record)
      ms = said
    }
    // A producer's clock that runs ahead must not lengthen a life (decision 50).
    const age = ttlFrom === 'record' ? Math.max(0, now - (record.timestamp ?? now)) : 0
    return Math.min(own ?? Infinity, ms - age)
  }

  #value(meaning: DecodedRecord): Uint8Array | null | UnusableRecord {
    const { record, fields, raw } = meaning
    const { value: projection, format } = this.#settings
    let made: unknown
    if (typeof projection === 'function') {
      made = projection(record)
      // An absent value deletes its key, as everywhere.
      if (made === undefined || made === null) return null
    } else if (projection === undefined) made = fields
    else if ('path' in projection) made = valueAt(fields, projection.path)
    else made = pick(fields, projection.paths)
    if (typeof projection === 'object') {
      if (made === undefined) return lacking('path' in projection ? [projection.path] : projection.paths)
      if (made === null) return null
    }
    if (format === 'debezium' && typeof projection !== 'function') {
      const name = unavailableIn(made)
      if (name !== undefined) return notLogged(name)
    }
    if (projection === undefined && raw !== undefined) return raw
    if (meaning.rounds && typeof projection !== 'function') {
      const rounded = refusedAsRounded(made)
      if (rounded) return rounded
    }
    return this.#encoded(made, meaning.exact)
  }

  #encoded(value: unknown, exact: boolean): Uint8Array | UnusableRecord {
    if (value instanceof Uint8Array) return value
    if (this.#settings.encode === 'text') {
      if (isLosslessNumber(value)) return encodeUtf8(value.value)
      if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return encodeUtf8(String(value))
    }
    const text =
      exact || typeof value === 'bigint' ? writeJson(value) : (JSON.stringify(value) as string | undefined)
    return text === undefined ? new UnusableRecord('failed', 'the value has no JSON') : encodeUtf8(text)
  }
}

/** The first column that the key is made of and the event does not hold: in its place all rows have the same text. */
function hiddenFrom(
  { valuePaths, keyPaths }: Template,
  fields: unknown,
  keyFields: unknown,
): string | undefined {
  for (const [root, paths] of [
    [fields, valuePaths],
    [keyFields, keyPaths],
  ] as const)
    for (const path of paths) {
      const name = unavailableIn(valueAt(root, path))
      if (name !== undefined) return path.length > 0 ? path.join('.') : name
    }
  return undefined
}

const notLogged = (name: string) =>
  new UnusableRecord(
    'missing',
    `the event does not hold ${name}: PostgreSQL needs REPLICA IDENTITY FULL for it`,
  )

const lacking = (paths: readonly FieldPath[]) => {
  const names = paths.map((path) => path.join('.')).join(', ')
  return new UnusableRecord('missing', `the value has no ${names.slice(0, MAX_SAYS)}`)
}

function refusedAsRounded(value: unknown): UnusableRecord | undefined {
  const rounded = roundedIn(value)
  return rounded === undefined
    ? undefined
    : new UnusableRecord(
        'undecodable',
        `${rounded} may have been another integer of 64 bits, which the codec has rounded: give a codec that decodes them as bigints`,
      )
}

/** A whole number beyond 2^53 may have been another one. */
const isExactNumber = (version: unknown): version is number =>
  typeof version === 'number' &&
  Number.isFinite(version) &&
  (!Number.isInteger(version) || Number.isSafeInteger(version))
