/** Which schemas a namespace takes, and what it does by them. */
import { beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import * as full from 'zod'
import * as mini from 'zod/mini'
import * as old from 'zod/v3'
import { createCache } from '../../../src/index.ts'
import type { Namespace, Schema } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'
import { replicate } from '../../../src/replicate/index.ts'

let at: World

beforeEach(() => {
  at = world()
})

/** As a library without a `safeParse` has it: ArkType's schemas are functions, Valibot's are objects. */
const standardOnly = <T>(schema: Schema<T>): Schema<T> => ({ '~standard': schema['~standard'] })
const callable = <T>(schema: Schema<T>): Schema<T> =>
  Object.assign(() => undefined, { '~standard': schema['~standard'] })

const doubled = full.number().transform((number) => number * 2)

const SCHEMAS: Record<string, Schema<number>> = {
  zod: doubled,
  'zod/mini': mini.pipe(
    mini.number(),
    mini.transform((number) => number * 2),
  ),
  'zod 3': old.number().transform((number) => number * 2),
  'a library of Standard Schema': standardOnly(doubled),
  'a library whose schemas are functions': callable(doubled),
}

const LATE: Record<string, Schema<number>> = {
  zod: full.number().refine(async () => true),
  'zod/mini': mini.number().check(mini.refine(async () => true)),
  'zod 3': old.number().refine(async () => true),
  'a library of Standard Schema': standardOnly(full.number().refine(async () => true)),
  'a library whose promise rejects': {
    '~standard': { version: 1, vendor: 'mine', validate: () => Promise.reject(new Error('mine')) },
  },
}

const put = (key: string, value: unknown) =>
  at.log.append('cache-updates', {
    key: new TextEncoder().encode(`numbers/${key}`),
    value: new TextEncoder().encode(
      JSON.stringify({
        v: 1,
        op: 'put',
        ns: 'numbers',
        key,
        value,
        ttl: 1e6,
        at: at.runtime.now(),
        asOf: 0,
      }),
    ),
  })

describe('a schema', () => {
  it.each(Object.entries(SCHEMAS))(
    'of %s makes the value that is held, and keeps the others out',
    async (_, schema) => {
      const { cache, of } = at.isolate({ use: [replicate()] })
      const numbers = cache.namespace('numbers', { schema })
      await at.run(cache.sync())
      put('text', 'seven')
      put('seven', 7)
      await at.run(cache.sync())
      expect(numbers.peek('seven')).toBe(14)
      expect(numbers.peek('text')).toBeUndefined()
      expect(of('refuse')).toMatchObject([{ key: 'text', reason: 'schema' }])
    },
  )

  it.each(Object.entries(LATE))(
    'of %s that checks asynchronously is refused, and says so',
    async (_, schema) => {
      const { cache } = at.isolate({ use: [replicate()] })
      const numbers = cache.namespace('numbers', { schema })
      await at.run(cache.sync())
      await expect(at.run(numbers.set('seven', 7))).rejects.toThrow(
        '`schema` fails for the value of the key `seven` in `numbers`: it checks asynchronously, and a value is checked at once: give one without promises',
      )
      expect(numbers.peek('seven')).toBeUndefined()
    },
  )

  it('whose own check throws says what it threw', async () => {
    const { cache } = at.isolate({ use: [replicate()] })
    const broken = () => {
      throw new Error('no such table')
    }
    const numbers = cache.namespace('numbers', { schema: mini.number().check(mini.refine(broken)) })
    await at.run(cache.sync())
    await expect(at.run(numbers.set('seven', 7))).rejects.toThrow(
      '`schema` fails for the value of the key `seven` in `numbers`: no such table',
    )
  })

  it.each([[null], [true], ['string'], [{}], [() => true], [{ '~standard': {} }], [{ parse: () => 1 }]])(
    'cannot be %j',
    (schema) => {
      const { cache } = at.isolate()
      expect(() => cache.namespace('numbers', { schema: schema as unknown as Schema<number> })).toThrow(
        new TypeError('`schema`: must be a zod schema or another Standard Schema'),
      )
    },
  )

  it('tells the type of the values of its namespace', () => {
    const cache = createCache({ kafka: memory() })
    const row = { id: '1', at: 5 }
    const classic = full.object({ id: full.string(), at: full.number().default(0) })
    const small = mini.object({ id: mini.string(), at: mini._default(mini.number(), 0) })
    const third = old.object({ id: old.string(), at: old.number().default(0) })
    type Rows = Namespace<typeof row>
    expectTypeOf(cache.namespace('classic', { schema: classic })).toEqualTypeOf<Rows>()
    expectTypeOf(cache.namespace('small', { schema: small })).toEqualTypeOf<Rows>()
    expectTypeOf(cache.namespace('third', { schema: third })).toEqualTypeOf<Rows>()
    expectTypeOf(cache.namespace('tagged', { schema: small, tags: ({ id }) => [id] })).toEqualTypeOf<Rows>()
    // @ts-expect-error -- the schema's type is not the namespace's
    expect(() => cache.namespace<string>('wrong', { schema: small })).not.toThrow()
  })
})
