/** What stores keep beside values, as another program may have left it there. */
import { describe, expect, it } from 'vitest'
import { decodeVersionItem } from '../../adapters/stores/memcached/version-item.ts'
import { decodeHead } from '../../adapters/stores/shared/item-head.ts'

describe('the version of a value in Memcached', () => {
  const read = (line: string) => decodeVersionItem(new TextEncoder().encode(line))

  it('is a generation and two numbers', () => {
    expect(read('[1,2.5,-3]')).toEqual({ generation: 1, version: [2.5, -3] })
    expect(decodeVersionItem(undefined)).toBeUndefined()
  })

  it.each([
    '[1,2]',
    '[1,2,3,4]',
    '[-1,2,3]',
    '[1.5,2,3]',
    '[9007199254740992,2,3]',
    '[1,1e999,3]',
    '["1",2,3]',
    '[1,2,null]',
    '{"0":1,"1":2,"2":3,"length":3}',
    'x',
    '',
  ])('is none in %s', (line) => {
    expect(read(line)).toBeUndefined()
  })
})

describe('the as-of of a value in a tier', () => {
  it('may be without a version and a log', () => {
    expect(decodeHead('["k1",5,null,null]')).toEqual({ asOf: 5, version: undefined, logId: undefined })
    expect(decodeHead('["k1",5,1.5,"log"]')).toEqual({ asOf: 5, version: 1.5, logId: 'log' })
  })

  it.each([
    undefined,
    5,
    '["k2",5,null,null]',
    '["k1",5,null]',
    '["k1",5,null,null,null]',
    '["k1",-1,null,null]',
    '["k1",9007199254740992,null,null]',
    '["k1",5,"1",null]',
    '["k1",5,1e999,null]',
    '["k1",5,null,1]',
    '{}',
    'x',
  ])('is none in %s', (line) => {
    expect(decodeHead(line)).toBeUndefined()
  })
})
