/** Where a text stops being JSON (RFC 8259). The parser's own message quotes the text, and with it perhaps a secret. @module */

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y
const WORD = /(?:true|false|null)\b/y

/** The line and the column, from 1, of the first character that cannot stand there. */
export function jsonFault(text: string): { readonly line: number; readonly column: number } {
  const before = text.slice(0, faultAt(text)).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

/** What may come next. */
type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | 'comma or end'

function faultAt(text: string): number {
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  const open: string[] = []
  let expected: Expected = 'value'
  while (true) {
    take(SPACE)
    const char = text[at]
    if (expected === 'comma or end') {
      if (char === ',' && open.length > 0) {
        at++
        expected = open.at(-1) === '}' ? 'name' : 'value'
      } else if (char !== undefined && char === open.at(-1)) {
        at++
        open.pop()
      } else return at
    } else if (expected === 'name' || expected === 'name or }') {
      if (char === '}' && expected === 'name or }') {
        at++
        open.pop()
        expected = 'comma or end'
        continue
      }
      if (!take(STRING)) return at
      take(SPACE)
      if (text[at] !== ':') return at
      at++
      expected = 'value'
    } else if (char === ']' && expected === 'value or ]') {
      at++
      open.pop()
      expected = 'comma or end'
    } else if (char === '{' || char === '[') {
      at++
      open.push(char === '{' ? '}' : ']')
      expected = char === '{' ? 'name or }' : 'value or ]'
    } else if (take(STRING) || take(NUMBER) || take(WORD)) expected = 'comma or end'
    else return at
  }
}
