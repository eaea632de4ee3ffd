/** The parameters of a tail's routes. @module */

const NUMBER = /^\d{1,16}$/
const NAME = /^[\x21-\x7e]{1,64}$/

/** A parameter that is wrong: its text may be shown. */
export class Malformed extends Error {}

/** @throws Malformed */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!NUMBER.test(text) || !Number.isSafeInteger(Number(text)))
    throw new Malformed(`\`${name}\` must be a whole number`)
  return Number(text)
}

/** @throws Malformed */
export function flagOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  if (text !== null && text !== '1') throw new Malformed(`\`${name}\` must be 1`)
  return text === '1'
}

/** @throws Malformed */
export function nameOf(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!NAME.test(text)) throw new Malformed(`\`${name}\` must be 1 to 64 characters without spaces`)
  return text
}
