/** What a record says of a key in the store. @module */
import { decodeUtf8, encodeUtf8, json, unpack } from '../src/codec.ts'
import type { Codec } from '../src/codec.ts'
import { readGroup } from '../src/domain-message.ts'
import type { LogRecord } from '../src/log.ts'
import { readUpdate } from '../src/messages.ts'
import { NAMESPACE_PATTERN } from '../src/ids.ts'
import type { Arrived } from '../src/messages.ts'
import type { SinkVersion, SinkWrite } from '../src/sink.ts'
import type { UnusableReason } from './events.ts'
import type { SyncRecord, SyncSettings } from './options.ts'
import { lifeMs } from './life.ts'
import { pick, valueAt } from './path.ts'
import { Rows } from './rows.ts'

/** A record that cannot be used. */
export class Unusable {
  readonly reason: UnusableReason
  readonly says: string

  constructor(reason: UnusableReason, says: string) {
    this.reason = reason
    this.says = says
  }
}

/** A write, and the record as the functions of the options saw it. */
export interface MeantWrite {
  readonly write: SinkWrite
  readonly meant: SyncRecord
}

/** A write, or a record that cannot be used. */
export type Translated = MeantWrite | Unusable

/** kedge's own update in a record. */
interface Update {
  readonly asOf: number
  readonly row: number | undefined
  /** When the value is over, by the writer's clock; `undefined` for a delete. */
  readonly until: number | undefined
}

interface Meaning {
  readonly record: SyncRecord
  /** Deletes the key. */
  readonly gone: boolean
  readonly update: Update | undefined
  /** The value as it stands in the log; `undefined` where it stands inside of a message. */
  readonly raw: Uint8Array | undefined
}

const MAX_SAYS = 300

export class Translator {
  readonly #settings: SyncSettings
  readonly #rows = new Rows()
  readonly #codec: Codec
  /** The highest as-of of each partition: what a bare tombstone of kedge's topic counts as. */
  readonly #asOf = new Map<number, number>()

  constructor(settings: SyncSettings) {
    this.#settings = settings
    // The format is said: nothing need be detected, and MessagePack may be more than maps.
    this.#codec =
      settings.format === 'messagepack'
        ? { ...settings.codec, decode: (b) => settings.codec.decode(b), detects: () => true }
        : settings.codec
  }

  /** For reading again from an earlier position. */
  forget(): void {
    this.#rows.forget()
    this.#asOf.clear()
  }

  /** What the record says: nothing, of one key, or, with the values of a domain, of many. Never rejects. */
  async translate(record: LogRecord): Promise<Translated[]> {
    const translated: Translated[] = []
    try {
      for (const meaning of await this.#understand(record)) {
        const said = meaning instanceof Unusable ? meaning : this.#write(meaning)
        if (said !== undefined) translated.push(said)
      }
    } catch (error) {
      translated.push(new Unusable('failed', `a function of the options threw: ${clipped(error)}`))
    }
    return translated
  }

  async #understand(record: LogRecord): Promise<(Meaning | Unusable)[]> {
    const { partition, offset, timestamp, key, value } = record
    const { topic, format, emptyDeletes } = this.#settings
    const place = { topic, partition, offset, timestamp }
    const text = key === null ? undefined : decodeUtf8(key)
    const plain = (decoded: unknown, raw: Uint8Array | undefined): Meaning => ({
      record: { ...place, key: text, ns: undefined, value: decoded },
      gone: raw === undefined,
      update: undefined,
      raw,
    })
    if (value === null || (emptyDeletes && value.length === 0))
      return this.#expectsUpdates ? this.#bareTombstone(place, text) : [plain(undefined, undefined)]
    if (format === 'bytes') return [plain(value, value)]
    if (format === 'string') {
      const decoded = decodeUtf8(value)
      return [
        decoded === undefined ? new Unusable('undecodable', 'the value is not UTF-8') : plain(decoded, value),
      ]
    }
    let decoded: unknown
    try {
      decoded = await unpack(value, format === 'json' ? json : this.#codec, this.#settings.maxMessageBytes)
    } catch (error) {
      // Whoever needs its fields finds none.
      if (format === 'auto') return [plain(undefined, value)]
      return [new Unusable('undecodable', `the value cannot be decoded as ${format}: ${clipped(error)}`)]
    }
    if (format === 'json' || format === 'messagepack') return [plain(decoded, value)]
    const group = readGroup(decoded)
    if (group) return group.flatMap((each) => this.#ofUpdate(place, each))
    const update = isOwn(decoded) ? readUpdate(decoded, text, isName, () => Infinity) : undefined
    if (update !== undefined && !unreadable(update)) return this.#ofUpdate(place, update)
    return format === 'auto' && !isOwn(decoded)
      ? [plain(decoded, value)]
      : [new Unusable('undecodable', "it is not one of kedge's own updates")]
  }

  get #expectsUpdates(): boolean {
    const { format, key } = this.#settings
    return format === 'kedge' || (format === 'auto' && typeof key === 'object' && key.usesNamespace)
  }

  #ofUpdate(place: Omit<SyncRecord, 'key' | 'ns' | 'value'>, said: Arrived): Meaning[] {
    const { namespace: ns, key, asOf = 0 } = said
    if (ns === undefined || !this.#wants(ns)) return []
    this.#asOf.set(place.partition, Math.max(asOf, this.#asOf.get(place.partition) ?? 0))
    const isValue = said.kind === 'value'
    const row = isValue ? said.version : undefined
    // A clock ahead of ours may shorten a life, and never lengthens one.
    const now = this.#settings.runtime.now()
    const born = isValue ? Math.min(said.at ?? now, place.timestamp ?? now, now) : now
    const until = isValue ? born + said.ttlMs : undefined
    return [
      {
        record: { ...place, key, ns, value: isValue ? said.value : undefined },
        gone: !isValue,
        update: { asOf, row, until },
        raw: undefined,
      },
    ]
  }

  /** kedge writes none of them; whoever cleans a compacted topic by hand does. */
  #bareTombstone(
    place: Omit<SyncRecord, 'key' | 'ns' | 'value'>,
    text: string | undefined,
  ): (Meaning | Unusable)[] {
    const [, ns, key] = /^([^/]+)\/(.+)$/s.exec(text ?? '') ?? []
    if (ns === undefined || !isName(ns))
      return [new Unusable('key', 'the key of a tombstone does not name a namespace and a key')]
    if (!this.#wants(ns)) return []
    const asOf = this.#asOf.get(place.partition)
    if (asOf === undefined)
      return [new Unusable('missing', 'a bare tombstone has no as-of, and no message before it had one')]
    return [
      {
        record: { ...place, key, ns, value: undefined },
        gone: true,
        update: { asOf, row: undefined, until: undefined },
        raw: undefined,
      },
    ]
  }

  #wants(namespace: string): boolean {
    return this.#settings.namespaces?.has(namespace) ?? true
  }

  #write(meaning: Meaning): Translated | undefined {
    const { record, update } = meaning
    const key = this.#key(record)
    if (key instanceof Unusable) return key
    const version = this.#version(record, update)
    if (version === undefined || version instanceof Unusable) return version
    const written = (value: Uint8Array | null, lives?: number): MeantWrite => ({
      write: { key, value, version, ttlMs: lives },
      meant: record,
    })
    if (meaning.gone) return written(null)
    const ttlMs = this.#ttl(record, update)
    if (ttlMs instanceof Unusable) return ttlMs
    // What is over is not passed over: an older value of the key may be in the store.
    if (ttlMs !== undefined && ttlMs <= 0) return written(null)
    const value = this.#value(meaning)
    return value instanceof Unusable ? value : written(value, ttlMs)
  }

  #key(record: SyncRecord): string | Unusable {
    const { key: made, maxKeyBytes } = this.#settings
    let key: string | undefined
    if (typeof made === 'function') key = made(record)
    else {
      const filled = made.keyOf(record)
      if ('missing' in filled)
        return new Unusable('missing', `there is nothing to put in the place of ${filled.missing}`)
      key = filled.key
    }
    if (typeof key !== 'string' || key === '')
      return new Unusable('missing', 'the function for the key gave none')
    if (/\p{Surrogate}/u.test(key)) return new Unusable('key', 'the key holds half a character')
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (key.length * 3 <= maxKeyBytes) return key
    const { length } = encodeUtf8(key)
    return length > maxKeyBytes
      ? new Unusable('key', `the key of ${length} bytes is longer than ${maxKeyBytes}`)
      : key
  }

  #version(record: SyncRecord, update: Update | undefined): SinkVersion | Unusable | undefined {
    const { version } = this.#settings
    if (version === 'auto')
      return update === undefined
        ? [record.offset, 0]
        : this.#rows.order(`${record.ns}/${record.key}`, update.asOf, update.row, record.offset)
    const major = version === 'timestamp' ? record.timestamp : version(record)
    return typeof major === 'number' && Number.isFinite(major)
      ? [major, record.offset]
      : new Unusable(
          'missing',
          version === 'timestamp'
            ? 'the log tells no timestamp'
            : 'the function for the version gave no number',
        )
  }

  /** Milliseconds left; `undefined` for ever. */
  #ttl(record: SyncRecord, update: Update | undefined): number | undefined | Unusable {
    const { ttl, ttlFrom, runtime } = this.#settings
    const now = runtime.now()
    const own = update?.until === undefined || update.until === Infinity ? undefined : update.until - now
    if (ttl === undefined) return own
    let ms: number
    if ('ms' in ttl) ms = ttl.ms
    else {
      const said = lifeMs(valueAt(record.value, ttl.path))
      if (said === undefined) return new Unusable('missing', `${ttl.path.join('.')} is no time to live`)
      ms = said
    }
    // A clock ahead of ours may not lengthen a life.
    const age = ttlFrom === 'record' ? Math.max(0, now - (record.timestamp ?? now)) : 0
    return Math.min(own ?? Infinity, ms - age)
  }

  #value({ record, raw }: Meaning): Uint8Array | null | Unusable {
    const { value: projection } = this.#settings
    if (projection === undefined) return raw ?? this.#encoded(record.value)
    if (typeof projection === 'function') {
      const made = projection(record)
      return made === undefined ? null : this.#encoded(made)
    }
    const made =
      'path' in projection ? valueAt(record.value, projection.path) : pick(record.value, projection.paths)
    if (made !== undefined) return this.#encoded(made)
    const names = 'path' in projection ? [projection.path] : projection.paths
    return new Unusable(
      'missing',
      `the value has no ${names
        .map((path) => path.join('.'))
        .join(', ')
        .slice(0, MAX_SAYS)}`,
    )
  }

  #encoded(value: unknown): Uint8Array | Unusable {
    if (value instanceof Uint8Array) return value
    if (
      this.#settings.encode === 'text' &&
      (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    )
      return encodeUtf8(String(value))
    const text = JSON.stringify(value) as string | undefined
    return text === undefined ? new Unusable('failed', 'the value has no JSON') : encodeUtf8(text)
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

const clipped = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_SAYS)
