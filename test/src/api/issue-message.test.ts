import { describe, expect, it } from 'vitest'
import { locales } from 'zod'
import * as z from 'zod/mini'
import { issueMessage } from '../../../src/api/issue-message.ts'
import { checkOptions } from '../../../src/api/option-schemas.ts'
import { memory } from '../../../src/testing/memory.ts'

class Row {
  readonly id = 1
}

const VALUES = [
  undefined,
  null,
  true,
  7,
  -1,
  1.5,
  0,
  1001,
  2 ** 53,
  Number.NaN,
  Infinity,
  '',
  'a/b',
  'long enough',
  Symbol('s'),
  () => 1,
  [],
  ['a', 'b', 'c', 7],
  {},
  { a: 1 },
  { a: 'a', b: 2, c: 3 },
  { 'not a name': 'a' },
  Object.create(null),
  new Row(),
  new Map(),
  new Date(0),
]

const SCHEMAS = {
  text: z.string(),
  'text of a length': z.string().check(z.minLength(1), z.maxLength(3)),
  'text of a pattern': z.string().check(z.regex(/^[a-z"]+$/i)),
  number: z.number(),
  'number in a range': z.number().check(z.gte(1), z.lte(1000)),
  'number between two': z.number().check(z.gt(1), z.lt(7)),
  'whole number': z.int().check(z.positive()),
  boolean: z.boolean(),
  literal: z.literal(1),
  choice: z.enum(['self', 'loader']),
  list: z.array(z.string()).check(z.minLength(1), z.maxLength(2)),
  object: z.object({ a: z.string() }),
  'closed object': z.strictObject({ a: z.optional(z.string()) }),
  record: z.record(z.string().check(z.regex(/^\w+$/)), z.string()),
  union: z.union([z.number(), z.array(z.string())]),
  tagged: z.discriminatedUnion('a', [z.object({ a: z.literal(1) }), z.object({ a: z.literal(2) })]),
  own: z.custom<string>((value) => value === 'x'),
  instance: z.instanceof(Row),
}

describe('the message of an issue', () => {
  const english = locales.en().localeError

  it.each(Object.entries(SCHEMAS))(
    'is that of the English locale of zod for a %s',
    (_, schema: z.ZodMiniType) => {
      let told = 0
      for (const value of VALUES) {
        const messages = (error: typeof english) =>
          schema.safeParse(value, { error }).error?.issues.map(({ message }) => message)
        expect(messages(issueMessage)).toEqual(messages(english))
        told += messages(issueMessage)?.length ?? 0
      }
      expect(told).toBeGreaterThan(0)
    },
  )

  it('leaves messages that a schema brings as they are', () => {
    const error = z.string('must be a text').safeParse(7, { error: issueMessage }).error
    expect(error?.issues[0]?.message).toBe('must be a text')
  })

  it.each([
    [{ maxEntries: '10' }, '`maxEntries`: must be a whole number from 1 to 9007199254740991'],
    [{ maxEntries: 1.5 }, '`maxEntries`: must be a whole number from 1 to 9007199254740991'],
    [{ maxEntries: 0 }, '`maxEntries`: must be a whole number from 1 to 9007199254740991'],
    [{ evictionPartitions: 101 }, '`evictionPartitions`: must be a whole number from 1 to 100'],
    [{ updatesIsolation: 'Committed' }, '`updatesIsolation`: must be one of committed, uncommitted'],
    [{ ttl: true }, '`ttl`: must be a duration or a function'],
    [{ onEvent: 7 }, '`onEvent`: must be a function'],
    [{ kafka: {} }, '`kafka`: must have produce, offsets, read'],
    [
      { topics: { evictions: 'a/b' } },
      '`topics.evictions`: must match /^(?!\\.\\.?$)[A-Za-z0-9._-]{1,249}$/',
    ],
    [{ maxEntrys: 1 }, 'unknown option `maxEntrys` (those of features: docs/features.md)'],
    [{ topics: { eviction: 'a' } }, 'unknown option `topics.eviction` (those of features: docs/features.md)'],
  ])('stands behind the option: %j', (options, message) => {
    expect(() => checkOptions({ kafka: memory(), ...options }, 'cache')).toThrow(new TypeError(message))
  })
})
