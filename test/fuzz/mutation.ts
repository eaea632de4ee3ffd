/**
 * Mutations: what is done to valid messages. On bytes, as a broken disk or an attacker would; on the tree of a JSON
 * document, where a change of one field leaves all others what they were; on its text, for what no tree can express.
 */
import type { Dice } from './dice.ts'

const encoder = new TextEncoder()

/** Literals that stand in a document as they are: most of them are no value of JavaScript's, or no JSON. */
export const NUMBERS = [
  '-1', '0', '-0', '1', '0.5', '-0.0', '1e3', '1E+3', '1e-7', '9007199254740991', '9007199254740992', '9007199254740993',
  '18446744073709551616', '2147483647', '2147483648', '4294967296', '1e308', '-1e308', '1e309', '-1e999', '5e-324',
  '1e20', '600000', '600001', '253402300800000', '-62135596800001', '8640000000000001',
  'NaN', 'Infinity', '-Infinity', '01', '+1', '.5', '1.', '0x10', '1_000', '--1',
] as const // prettier-ignore

const LONE = ['\ud800', '\udfff', 'a\udc00b', '\ud83d']

/** Texts in the place of others. */
export const STRINGS = [
  '', ' ', '\0', 'a\0b', '\n', '\r\n', 'a\nb', '\u2028', '\ufeff', '\ufeff7', '\u202e', '\u001b[2J', '␟', '../x', '..', '.', '/', '//', 'users/',
  '/7', 'users#x', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'toJSON', 'valueOf', 'NaN', 'Infinity', '-1',
  '1e3', '60', '5m', '1e3s', '99999999999999999999d', '-1s', '0x10', 'null', 'true', 'undefined', '[object Object]', '7', 'users', 'orders',
  'other', 'a'.repeat(64), 'a'.repeat(65), 'x'.repeat(512), 'x'.repeat(513), 'é'.repeat(512), '😀'.repeat(256), 'evict', 'clear', 'beat', 'intent', 'put',
  'puts', 'del', 'load', 'write', 'k1.0-1', 'k2.0-1', ...LONE,
] as const // prettier-ignore

/** A literal that `JSON.stringify` is to leave as it is. */
class Raw {
  readonly literal: string
  constructor(literal: string) {
    this.literal = literal
  }
  toJSON(): string {
    return `${RAW}${this.literal}${RAW}`
  }
}
const RAW = '@@raw@@'
const RAW_PATTERN = /"@@raw@@(.*?)@@raw@@"/gs

type Tree = null | boolean | number | string | Raw | Tree[] | { [key: string]: Tree }

/** Places in a tree: what they are in, and where. */
interface Place {
  readonly parent: Tree[] | { [key: string]: Tree }
  readonly key: string | number
}

function placesOf(tree: Tree, places: Place[] = []): Place[] {
  if (typeof tree !== 'object' || tree === null || tree instanceof Raw) return places
  const keys = Array.isArray(tree) ? tree.keys() : Object.keys(tree)
  for (const key of keys) {
    const parent = tree as { [key: string]: Tree }
    places.push({ parent, key })
    placesOf(parent[key] as Tree, places)
  }
  return places
}

const DEEP = 10_000
const WIDE = 100_000
const nested = (open: string, close: string, depth: number) =>
  new Raw(open.repeat(depth) + close.repeat(depth))
const wide = (item: string) => new Raw(`[${`${item},`.repeat(WIDE - 1)}${item}]`)

/** What takes a lot of room or of stack. Made when it is wanted, which is seldom. */
const HUGE: readonly (() => Raw)[] = [
  () => nested('[', ']', DEEP),
  () => nested('{"a":', '}', DEEP),
  () => new Raw('['.repeat(DEEP)),
  () => wide('0'),
  () => wide('""'),
  () => wide('{}'),
  () => wide('"7"'),
  () => new Raw(`"${'x'.repeat(WIDE)}"`),
  () => new Raw(`"${String.raw`\ud800`.repeat(WIDE / 10)}"`),
  () => new Raw(`{${Array.from({ length: WIDE / 10 }, (_, nth) => `"k${nth}":0`).join()}}`),
  () => new Raw(' '.repeat(WIDE)),
  () => new Raw('9'.repeat(WIDE)),
]

/** How often something huge is made: it costs as much as a thousand others. */
const HUGE_CHANCE = 1 / 3000

function hostile(dice: Dice): Tree {
  if (dice.chance(HUGE_CHANCE)) return dice.pick(HUGE)()
  switch (dice.below(8)) {
    case 0:
      return null
    case 1:
      return dice.chance(0.5)
    case 2:
    case 3:
      return new Raw(dice.pick(NUMBERS))
    case 4:
      return dice.chance(0.5) ? [] : {}
    case 5:
      return new Raw(
        dice.pick([
          '{"__proto__":{"polluted":1}}',
          '{"constructor":{"prototype":{"polluted":1}}}',
          '{"toJSON":1}',
          '{"then":1}',
          '{"length":1e9}',
          '["__proto__"]',
          '[[]]',
          '[null]',
        ]),
      )
    default:
      return dice.pick(STRINGS)
  }
}

function change(tree: Tree, dice: Dice): void {
  const { parent, key } = dice.pick(placesOf(tree)) ?? {}
  if (parent === undefined || key === undefined) return
  const at = parent as { [key: string]: Tree }
  const was = at[key] as Tree
  switch (dice.below(10)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1)
      else delete at[key]
      return
    case 1: {
      if (Array.isArray(parent)) parent.push(was)
      else define(at, dice.pick(STRINGS), was)
      return
    }
    case 2:
      // Renamed: the field is missing, and a strange one is there.
      if (!Array.isArray(parent)) {
        delete at[key]
        define(at, dice.chance(0.5) ? String(key).toUpperCase() : dice.pick(STRINGS), was)
      }
      return
    case 3:
      at[key] = [was]
      return
    case 4:
      at[key] = { value: was }
      return
    case 5:
      if (typeof was === 'string') at[key] = was + dice.pick(STRINGS)
      else if (typeof was === 'number') at[key] = new Raw(dice.pick(NUMBERS))
      else at[key] = hostile(dice)
      return
    case 6:
      if (typeof was === 'number') at[key] = was + dice.below(7) - 3
      else at[key] = hostile(dice)
      return
    default:
      at[key] = hostile(dice)
  }
}

/** Also `__proto__` becomes a field like any other. */
function define(at: { [key: string]: Tree }, key: string, value: Tree): void {
  Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true })
}

/** A document as text. */
export function textOf(tree: unknown): string {
  const text = JSON.stringify(tree) ?? ''
  if (!text.includes(RAW)) return text
  // The literal was written as a string is: what was escaped for that is itself again.
  return text.replaceAll(RAW_PATTERN, (_, escaped: string) => JSON.parse(`"${escaped}"`) as string)
}

/** The message with some of its fields changed, as text. The message itself stays as it is. */
export function changedText(message: unknown, dice: Dice): string {
  const tree = { root: structuredClone(message) as Tree }
  for (let changes = 1 + dice.below(dice.chance(0.3) ? 4 : 1); changes > 0; changes--) change(tree, dice)
  const text = textOf(tree.root)
  return dice.chance(0.1) ? doubled(text, dice) : text
}

/** One of its keys a second time, before or after the first: JSON does not forbid it. */
function doubled(text: string, dice: Dice): string {
  const keys = [...text.slice(0, 2000).matchAll(/"(\w{1,20})":/g)]
  if (keys.length === 0) return text
  const field = `"${dice.pick(keys)[1]}":${textOf(hostile(dice))}`
  return dice.chance(0.5) ? text.replace('{', `{${field},`) : text.replace(/\}([^}]*)$/, `,${field}}$1`)
}

/** Ways to write the same bytes, or almost. */
const WRAPPERS: readonly ((text: string) => string)[] = [
  (text) => `\ufeff${text}`,
  (text) => `\ufeff\ufeff${text}`,
  (text) => `${text}\n`,
  (text) => ` ${text} `,
  (text) => `${text}${text}`,
  (text) => `${text},`,
  (text) => `[${text}]`,
  (text) => JSON.stringify(text),
  (text) => `${text}\0`,
  (text) => text.replaceAll('"', "'"),
  (text) => text.replaceAll(/[a-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
  (text) => Buffer.from(text).toString('base64'),
]

const BROKEN_UTF8 = [
  [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80], [0xfe, 0xff], [0xff, 0xfe, 0x7b, 0x00],
] // prettier-ignore

/** The bytes, changed in some places. */
export function changedBytes(bytes: Uint8Array, dice: Dice, other: Uint8Array = bytes): Uint8Array {
  let found = Uint8Array.from(bytes)
  for (let changes = 1 + dice.below(3); changes > 0; changes--) found = changeBytes(found, dice, other)
  return found
}

function changeBytes(bytes: Uint8Array<ArrayBuffer>, dice: Dice, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = dice.below(bytes.length + 1)
  switch (dice.below(8)) {
    case 0:
    case 1:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8))
      return bytes
    case 2:
      if (at < bytes.length)
        bytes[at] = dice.pick([
          0,
          0xff,
          0x7f,
          0x80,
          0x22,
          0x5c,
          0x7b,
          0x7d,
          0x5b,
          0x2c,
          0x30,
          0x2d,
          dice.below(256),
        ])
      return bytes
    case 3:
      return bytes.slice(0, at)
    case 4:
      return joined(bytes.subarray(0, at), other.subarray(dice.below(other.length + 1)))
    case 5:
      return joined(bytes.subarray(0, at), dice.pick(BROKEN_UTF8), bytes.subarray(at))
    case 6: {
      const length = dice.below(16)
      return joined(bytes.subarray(0, at), bytes.subarray(at + length))
    }
    default: {
      const random = Array.from({ length: 1 + dice.below(8) }, () => dice.below(256))
      return joined(bytes.subarray(0, at), random, bytes.subarray(at))
    }
  }
}

export function joined(...parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export const randomBytes = (dice: Dice, most: number): Uint8Array =>
  Uint8Array.from({ length: dice.below(most) }, () => dice.below(256))

/** A message of the corpus, or what became of it, as bytes: most often one field is another. */
export function mutant(corpus: readonly unknown[], dice: Dice): Uint8Array {
  return mutantOf(dice.pick(corpus), corpus, dice)
}

export function mutantOf(message: unknown, corpus: readonly unknown[], dice: Dice): Uint8Array {
  const kind = dice.random()
  if (kind < 0.05) return encoder.encode(textOf(message))
  if (kind < 0.65) return encoder.encode(changedText(message, dice))
  if (kind < 0.72) return encoder.encode(dice.pick(WRAPPERS)(textOf(message)))
  if (kind < 0.74) return randomBytes(dice, 64)
  return changedBytes(encoder.encode(textOf(message)), dice, encoder.encode(textOf(dice.pick(corpus))))
}

/** A line of text, changed: tokens, heads, durations. */
export function changedLine(line: string, dice: Dice): string {
  let text = line
  for (let changes = 1 + dice.below(3); changes > 0; changes--) {
    const at = dice.below(text.length + 1)
    const length = dice.below(4)
    switch (dice.below(6)) {
      case 0:
        text = text.slice(0, at)
        break
      case 1:
        text = text.slice(0, at) + text.slice(at + length)
        break
      case 2:
        text = text.slice(0, at) + dice.pick(STRINGS) + text.slice(at)
        break
      case 3:
        text = text.replace(/\d+/, dice.pick(NUMBERS))
        break
      case 4:
        text = text.slice(0, at) + String.fromCharCode(dice.below(0x10000)) + text.slice(at + 1)
        break
      default:
        text = text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at + length)
    }
  }
  return text
}
