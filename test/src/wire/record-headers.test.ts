import { describe, expect, it } from 'vitest'
import { boundedHeaders } from '../../../src/wire/record-headers.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('the headers of a record', () => {
  it('are those with a name and bytes, or null, in their order', () => {
    const headers = [
      ['a', utf8('1')],
      ['a', utf8('2')],
      ['empty', utf8('')],
      ['null', null],
      ['binary', Uint8Array.of(0xff)],
    ] as const
    const others = [
      [7, utf8('no name')],
      ['text', 'text'],
      ['nothing', undefined],
    ] as const
    expect(boundedHeaders([...headers, ...others])).toEqual({ headers })
  })

  it('are none where there are none', () => {
    expect(boundedHeaders([])).toEqual({})
    expect(boundedHeaders([['number', 7]])).toEqual({})
  })

  it('are bounded', () => {
    const many = Array.from({ length: 40 }, (_, n) => [`h${n}`, null] as const)
    expect(boundedHeaders(many).headers).toEqual(many.slice(0, 32))
    const [long, longName] = [new Uint8Array(4096), 'n'.repeat(1024)]
    const said = [
      [longName, long],
      [`${longName}n`, null],
      ['a', new Uint8Array(4097)],
    ] as const
    expect(boundedHeaders(said).headers).toEqual([[longName, long]])
  })
})
