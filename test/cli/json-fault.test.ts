import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFault } from '../../cli/json-fault.ts'

describe('the first character that makes a text no JSON', () => {
  it.each([
    ['', 1, 1],
    ['{"a": 1,}', 1, 9],
    ['{"a" 1}', 1, 6],
    ["{'a': 1}", 1, 2],
    ['{\n  "a": [1, 2\n}', 3, 1],
    ['{\n  // says\n  "a": 1\n}', 2, 3],
    ['{"a": 01}', 1, 7],
    ['{"a": truth}', 1, 7],
    ['{"a": "tab\there"}', 1, 7],
    ['{"a": 1} {', 1, 10],
    ['[1, 2}', 1, 6],
  ])('%j', (text, line, column) => {
    expect(jsonFault(text)).toEqual({ line, column })
  })

  it('stands behind a text that is JSON, and nowhere else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 4 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        const lines = text.split('\n')
        expect(jsonFault(text)).toEqual({ line: lines.length, column: lines.at(-1)!.length + 1 })
      }),
    )
  })
})
