/** JSON values one after another, as the v3 API writes and reads them: no array, no commas. @module */

/**
 * The objects in the text, in order. An object that breaks off at the end is left out: the stream was cut.
 * @throws SyntaxError where a complete object is not JSON, or something else than objects is found.
 */
export function parseSequence(text: string): unknown[] {
  const values: unknown[] = []
  let depth = 0
  let start = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') {
      quoted = true
    } else if (char === '{' && depth++ === 0) {
      start = at
    } else if (char === '}' && --depth === 0) {
      values.push(JSON.parse(text.slice(start, at + 1)) as unknown)
    } else if (depth < 1 && !/[\s,]/.test(char)) {
      throw new SyntaxError('the body is not a sequence of JSON objects')
    }
  }
  return values
}
