/**
 * JSON as it is written: where the parts of a text begin and end. A number has as many digits there as its writer gave
 * it; what `JSON.parse` makes of it has 53 bits (decision 86).
 *
 * The caller has parsed the text with `json.ts`, which bounds its depth.
 *
 * @module
 */

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** The texts of an object's members by name. Of two with one name the later counts, as in `JSON.parse`. */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>()
  let at = skipSpace(object, object.indexOf('{') + 1)
  while (at < object.length && object.charCodeAt(at) !== CLOSE_OBJECT) {
    const nameEnd = endOfString(object, at)
    const name = object.slice(at, nameEnd)
    const start = skipSpace(object, object.indexOf(':', nameEnd) + 1)
    const end = endOfValue(object, start)
    members.set(JSON.parse(name) as string, object.slice(start, end))
    // Always forward: a text that is not valid JSON must not make this loop run for ever.
    at = Math.max(at + 1, next(object, end))
  }
  return members
}

/** The texts of an array's items. */
export function itemsOf(array: string): string[] {
  const items: string[] = []
  let at = skipSpace(array, array.indexOf('[') + 1)
  while (at < array.length && array.charCodeAt(at) !== CLOSE_LIST) {
    const end = endOfValue(array, at)
    items.push(array.slice(at, end))
    at = Math.max(at + 1, next(array, end))
  }
  return items
}

/** Without the space between its parts and with strings written in one way, so that equal keys are equal bytes. */
export function compact(text: string): string {
  if (!/[\s\\]/.test(text)) return text
  let written = ''
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const isString = text.charCodeAt(at) === QUOTE
    const end = isString ? endOfString(text, at) : endOfRun(text, at)
    const part = text.slice(at, end)
    written += isString && part.includes('\\') ? JSON.stringify(JSON.parse(part)) : part
    at = end
  }
  return written
}

/** Past the comma, where there is one. */
function next(text: string, end: number): number {
  const at = skipSpace(text, end)
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at
}

function endOfValue(text: string, start: number): number {
  let depth = 0
  let at = start
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else {
      if (code === OPEN_LIST || code === OPEN_OBJECT) depth++
      else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--
      else if (depth === 0) return endOfScalar(text, at)
      at++
    }
    if (depth === 0) return at
  }
  return at
}

/** Past the quote that ends the string. A search is fastest, but not where every quote is escaped: there it goes by characters. */
function endOfString(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1)
  if (quote < 0) return text.length
  if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote + 1
  const escape = text.indexOf('\\', start + 1)
  for (let at = escape; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at + 1
  }
  return text.length
}

/** Of a number, `true`, `false` or `null`. */
function endOfScalar(text: string, start: number): number {
  let at = start
  while (at < text.length && !isSpace(text.charCodeAt(at)) && !isBoundary(text.charCodeAt(at))) at++
  return at
}

/** Past what is neither space nor a string. */
function endOfRun(text: string, start: number): number {
  let at = start
  while (at < text.length && !isSpace(text.charCodeAt(at)) && text.charCodeAt(at) !== QUOTE) at++
  return at
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d)
const isBoundary = (code: number): boolean => code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT
