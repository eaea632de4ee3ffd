/**
 * Evictions by services that do not know kedge: which keys a record key may mean, and which simple messages are understood.
 *
 * A writer may encode its keys in many ways, and a reading that is left out loses an eviction. So every reading of a key
 * is evicted, and a record that has no reading evicts everything (decision 92).
 *
 * @module
 */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { idShape, MAX_IDS, MAX_KEY_LENGTH, namespaceName } from './ids.ts'

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
  return keys.every((key) => idShape().safeParse(key).success) ? keys : undefined
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

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A number that was not rounded when the JSON was parsed: a rounded one would be another key. */
const exactNumber = once(() =>
  z.pipe(
    z
      .number()
      .check(
        z.refine((number) => Number.isSafeInteger(number) || /^-?\d{1,7}\.\d{1,7}$/.test(String(number))),
      ),
    z.transform(String),
  ),
)
const foreignKey = once(() => z.union([idShape(), exactNumber()]))
const oneOrMore = (shape: z.ZodMiniType<string>) =>
  z.nullish(
    z.union([
      z.pipe(
        shape,
        z.transform((one) => [one]),
      ),
      z.array(shape).check(z.minLength(1), z.maxLength(MAX_IDS)),
    ]),
  )

// Serialisers of many languages write `null` for a field that is not set.
const foreignMessage = once(() =>
  z.object({
    key: z.nullish(foreignKey()),
    keys: oneOrMore(foreignKey()),
    tag: z.nullish(idShape()),
    tags: oneOrMore(idShape()),
    prefix: z.nullish(idShape()),
    prefixes: oneOrMore(idShape()),
    ns: z.nullish(namespaceName()),
    namespace: z.nullish(namespaceName()),
  }),
)

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
  const said = foreignMessage().safeParse(message).data
  if (said === undefined) return undefined
  const listOf = (one: string | null | undefined, more: readonly string[] | null | undefined): string[] => [
    ...(one ? [one] : []),
    ...(more ?? []),
  ]
  const keys = listOf(said.key, said.keys)
  const tags = listOf(said.tag, said.tags)
  const prefixes = listOf(said.prefix, said.prefixes)
  if (keys.length + tags.length + prefixes.length === 0) return undefined
  return { namespace: said.ns ?? said.namespace ?? undefined, keys, tags, prefixes }
}
