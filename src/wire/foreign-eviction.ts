/**
 * Evictions by services that do not know kedge: which keys a record key may mean, and which simple messages are understood.
 *
 * A writer may encode its keys in many ways, and a reading that is left out loses an eviction. So every reading of a key
 * is evicted, and a record that has no reading evicts everything (decision 92).
 *
 * @module
 */
import { isId, isNamespaceName, MAX_IDS, MAX_KEY_LENGTH } from './ids.ts'
import { isObject } from './message-fields.ts'

/** Each character of a key may be escaped as six (`\u00e9`), and a string has two quotes. */
const MAX_ENCODED_LENGTH = MAX_KEY_LENGTH * 6 + 2
/** Bytes of framed and binary keys: schema registries begin with a zero byte, numbers have one somewhere. */
const CONTROL = /\p{Cc}/u

/**
 * The keys that a record key may mean: its text, and the string or number that the text is as JSON, as the JSON formats
 * of REST proxies and converters write it. `undefined` where it is no text, or text that is an object, a list, framed
 * or too long.
 */
export function keyReadings(recordKey: string | undefined): readonly string[] | undefined {
  if (recordKey === undefined || recordKey === '' || recordKey.length > MAX_ENCODED_LENGTH) return undefined
  if (CONTROL.test(recordKey)) return undefined
  const readings = new Set([recordKey])
  const said = jsonIn(recordKey)
  if (typeof said === 'string' || typeof said === 'number') readings.add(String(said))
  // A list, an object, or `null`, which converters write for no key.
  else if (typeof said === 'object') return undefined
  const keys = [...readings]
  return keys.every(isId) ? keys : undefined
}

/**
 * The numbers that the bytes of a record key may be, as keys: what Kafka's `ShortSerializer`, `IntegerSerializer` and
 * `LongSerializer` write, big-endian. Of some numbers these bytes are text as well.
 */
export function numberReadings(recordKey: Uint8Array): readonly string[] {
  const view = new DataView(recordKey.buffer, recordKey.byteOffset, recordKey.byteLength)
  if (recordKey.length === 2) return [String(view.getInt16(0))]
  if (recordKey.length === 4) return [String(view.getInt32(0))]
  return recordKey.length === 8 ? [String(view.getBigInt64(0))] : []
}

/** What may be JSON of a kind that matters here. The parser is not asked about other text: to refuse it takes long. */
const LIKE_JSON = /^ *(?:["[{]|null *$|-?\d[\d.eE+-]* *$)/

function jsonIn(text: string): unknown {
  if (!LIKE_JSON.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a simple message evicts. */
export interface ForeignEviction {
  readonly namespace: string | undefined
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
}

/**
 * The eviction in a simple message: `{ key }`, `{ keys }`, `{ tags }`, `{ prefix }`, with or without `ns`; further fields
 * are ignored. `undefined` where it names nothing, or names something that cannot be a key.
 */
export function readForeign(message: unknown): ForeignEviction | undefined {
  if (!isObject(message)) return undefined
  const keys = idsIn(message.key, message.keys, keyOf)
  const tags = idsIn(message.tag, message.tags, idOf)
  const prefixes = idsIn(message.prefix, message.prefixes, idOf)
  if (keys === undefined || tags === undefined || prefixes === undefined) return undefined
  if (keys.length + tags.length + prefixes.length === 0) return undefined
  const { ns, namespace } = message
  if (!isUnset(ns) && !isNamespaceName(ns)) return undefined
  if (!isUnset(namespace) && !isNamespaceName(namespace)) return undefined
  return { namespace: ns ?? namespace ?? undefined, keys, tags, prefixes }
}

/** Serialisers of many languages write `null` for a field that is not set. */
const isUnset = (value: unknown): value is null | undefined => value === undefined || value === null

const idOf = (value: unknown): string | undefined => (isId(value) ? value : undefined)

/** A number only where it was not rounded when the JSON was parsed: a rounded one would be another key. */
const keyOf = (value: unknown): string | undefined =>
  typeof value === 'number' && (Number.isSafeInteger(value) || /^-?\d{1,7}\.\d{1,7}$/.test(String(value)))
    ? String(value)
    : idOf(value)

const NONE: readonly string[] = []

/** What the field for one and the field for one or more of them name; `undefined` where one of these cannot be. */
function idsIn(
  one: unknown,
  more: unknown,
  read: (value: unknown) => string | undefined,
): readonly string[] | undefined {
  if (isUnset(one) && isUnset(more)) return NONE
  const list: readonly unknown[] = Array.isArray(more) ? more : isUnset(more) ? NONE : [more]
  if (list.length > MAX_IDS || (Array.isArray(more) && list.length === 0)) return undefined
  const ids: string[] = []
  for (const value of isUnset(one) ? list : [one, ...list]) {
    const id = read(value)
    if (id === undefined) return undefined
    ids.push(id)
  }
  return ids
}
