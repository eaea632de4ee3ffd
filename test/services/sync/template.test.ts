import { describe, expect, it } from 'vitest'
import { parseTemplate } from '../../../services/sync/template.ts'

const source = {
  topic: 'orders',
  partition: 3,
  key: '7',
  keyFields: () => ({ id: 9, of: { shop: 'eu' } }),
  ns: 'users',
  value: {
    customer: { id: 42, name: 'Ada' },
    open: false,
    none: null,
    empty: '',
    items: [{ sku: 'x' }],
    list: [1],
  },
}
const filled = (template: string, over: Partial<typeof source> | { key: undefined } = {}) =>
  parseTemplate(template).keyOf({ ...source, ...over })

describe('A key template', () => {
  it.each([
    ['user:{key}:latest', 'user:7:latest'],
    ['{key}', '7'],
    ['{ns}/{key}', 'users/7'],
    ['{topic}.{partition}.{key}', 'orders.3.7'],
    ['customer:{value.customer.id}', 'customer:42'],
    ['{value.open}', 'false'],
    ['{value.items.0.sku}', 'x'],
    ['order:{key.id}', 'order:9'],
    ['{key.of.shop}:{key.id}', 'eu:9'],
    // The outer braces are a hash tag of Redis Cluster.
    ['{order:{key}}:header', '{order:7}:header'],
    ['{{key}}:a', '{7}:a'],
    ['a{{ns}:{key}}b{{value.customer.id}}', 'a{users:7}b{42}'],
  ])('%s is filled as %s', (template, key) => expect(filled(template)).toEqual({ key }))

  it.each([
    ['{value.customer.email}', '{value.customer.email}'],
    ['{value.none}', '{value.none}'],
    ['{value.empty}', '{value.empty}'],
    ['{value.customer}', '{value.customer}'],
    ['{value.list}', '{value.list}'],
    ['{value.toString}', '{value.toString}'],
    ['{key.other}', '{key.other}'],
  ])('%s has nothing to put there', (template, missing) => expect(filled(template)).toEqual({ missing }))

  it('has nothing to put where the record has no key', () =>
    expect(filled('a:{key}', { key: undefined })).toEqual({ missing: '{key}' }))

  it.each([
    ['orders', /`key` has no placeholder/],
    ['{key', /`key`: the braces .* at character 5/],
    ['key}', /`key`: the braces .* at character 4/],
    ['{order}', /`key`: the braces/],
    ['{order:{key}', /`key`: the braces/],
    ['{a{b{key}}}', /`key`: the braces/],
    ['{}', /`key`: the braces/],
    ['{value}', /`key`: \{value\} is a whole value/],
    ['{value.}', /`key`: "" is not a path/],
    ['{key.}', /`key`: "" is not a path/],
    ['{key.a..b}', /`key`: "a\.\.b" is not a path/],
    ['{value.a..b}', /`key`: "a\.\.b" is not a path/],
    ['{value.__proto__.x}', /is not a path/],
    ['{Key}', /`key`: the braces/],
  ])('%s is refused', (template, message) => {
    expect(() => parseTemplate(template)).toThrow(TypeError)
    expect(() => parseTemplate(template)).toThrow(message)
  })
})
