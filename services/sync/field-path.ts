/** Dotted paths into values: `customer.address.city`, `items.0.sku`. @module */
import { isLosslessNumber } from 'lossless-json'

export type FieldPath = readonly string[]

const MAX_DEPTH = 32
/** Names that reach the prototype of an object instead of its data. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype'])

/** @throws TypeError quoting `option` where it is not a path. */
export function parseFieldPath(text: string, option: string): FieldPath {
  const path = text.split('.')
  if (
    path.length > MAX_DEPTH ||
    path.some((name) => name === '' || /[{}\s]/.test(name) || FORBIDDEN.has(name))
  )
    throw new TypeError(
      `\`${option}\`: "${text.slice(0, 80)}" is not a path such as customer.id (names with dots between them)`,
    )
  return path
}

/** The value at the path; `undefined` where there is none. */
export function valueAt(root: unknown, path: FieldPath): unknown {
  let at = root
  for (const name of path) {
    // A number has no fields, also a number that is kept as text.
    if (typeof at !== 'object' || at === null || isLosslessNumber(at) || !Object.hasOwn(at, name))
      return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

/** An object with the fields that exist, each at its path; `undefined` where none exists. */
export function pick(root: unknown, paths: readonly FieldPath[]): Record<string, unknown> | undefined {
  let picked: Record<string, unknown> | undefined
  for (const path of paths) {
    const value = valueAt(root, path)
    if (value === undefined) continue
    picked ??= {}
    let at = picked
    for (const name of path.slice(0, -1)) {
      const inner = at[name]
      // Another path may have taken the whole object that this one leads into: then the field is there.
      at = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : (at[name] = {})
    }
    at[path.at(-1)!] ??= value
  }
  return picked
}
