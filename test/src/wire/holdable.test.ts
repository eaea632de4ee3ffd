/** The cache refuses to hold what is no data, in the first run and on every platform. */
import { PassThrough, Readable } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkHoldable } from '../../../src/wire/holdable.ts'
import { isKedgeError, KedgeError } from '../../../src/index.ts'
import type { Cache, Namespace } from '../../../src/index.ts'
import { deferred, world } from '../world.ts'
import type { Isolate, World } from '../world.ts'
import { setMany, writeBehind, writeIntents, writeThrough } from '../../../src/write-paths/index.ts'
import { prewarm, replicate } from '../../../src/replicate/index.ts'

async function* twice() {
  yield 1
  yield 2
}

/** As workerd shows the stub of a Durable Object, and that of an RPC target: it has any property that is asked for. */
const wildcard = (target: object): object =>
  new Proxy(target, { has: () => true, get: () => () => undefined, getPrototypeOf: () => Stub.prototype })
class Stub {
  readonly id = 1
}

/** A body of another realm or library: no class of this process. */
class ForeignBody {
  readonly #isUsed = false
  get bodyUsed() {
    return this.#isUsed
  }
  arrayBuffer() {}
}

/** A pair of streams, and a controller, of another library: they have accessors, as the platform's own. */
class ForeignPair {
  get readable() {
    return { getReader() {} }
  }
  get writable() {
    return { getWriter() {} }
  }
}
class ForeignController {
  abort() {}
  get signal() {
    return { aborted: false, addEventListener() {} }
  }
}

/** A row of a library of tables: flags for columns, methods of its own, and columns that are computed when asked. */
class File {
  readonly readable = true
  readonly writable = true
}
class Job {
  readonly signal = 'SIGTERM'
  abort() {}
}
const refusing = (name: string): object =>
  Object.defineProperty(new Job(), name, {
    enumerable: true,
    get() {
      throw new Error(`${name} is not loaded`)
    },
  })
const OF_ALIENS = ['then', 'arrayBuffer', 'getReader', 'getWriter', 'releaseLock', 'pipe', 'on', 'next']
const LAZY = [
  ...OF_ALIENS,
  'readable',
  'writable',
  'addEventListener',
  'abort',
  'signal',
  'waitUntil',
  'owner',
]
class Lazy {
  readonly bodyUsed = false
}
for (const name of LAZY)
  Object.defineProperty(Lazy.prototype, name, {
    get() {
      throw new Error(`${name} is not loaded`)
    },
  })

class Rows {
  readonly rows = [1, 2]
  readonly onChange = () => undefined
}

const ALIENS: readonly (readonly [what: string, value: unknown, says: string])[] = [
  ['a Response', new Response('x'), 'response.json()'],
  ['a Request', new Request('http://a.example/'), '`Request`'],
  ['a body that is no Response of this process', new ForeignBody(), '`ForeignBody`'],
  ['a stream', new Blob(['x']).stream(), 'a stream'],
  ['its reader', new Blob(['x']).stream().getReader(), 'a stream'],
  ['a stream to write to', new WritableStream(), 'a stream'],
  ['a pair of streams', new CompressionStream('gzip'), 'a stream'],
  ['a pair of streams of another library', new ForeignPair(), 'a stream'],
  ['a duplex stream of Node', new PassThrough(), 'a stream'],
  ['a stream of Node', Readable.from(['x']), 'a stream'],
  ['a promise', Promise.resolve(1), '`await`'],
  [
    'what can be awaited',
    Object.defineProperty(new Stub(), ['then'][0]!, { value: () => undefined }),
    '`await`',
  ],
  ['a function', () => 1, 'a function'],
  ['a stub', wildcard(new Stub()), 'a stub'],
  ['a stub that is called', wildcard(() => undefined), 'a stub'],
  ['a signal', new AbortController().signal, 'sends events'],
  ['a controller', new AbortController(), 'sends events'],
  ['a controller of another library', new ForeignController(), 'sends events'],
  ['a generator', [1].values(), 'read once'],
  ['an asynchronous generator', twice(), 'read once'],
  [
    'the context of a request',
    new (class Context {
      waitUntil() {}
    })(),
    'context',
  ],
]

const DATA: readonly (readonly [what: string, value: unknown])[] = [
  ['null', null],
  ['text', 'then'],
  ['a row', Object.fromEntries(['id', 'then', 'body', 'json', 'next', 'signal'].map((name) => [name, 'x']))],
  ['rows', [{ id: 1 }, { id: 2, tags: ['a'] }]],
  ['bytes', new Uint8Array(9)],
  ['a buffer', new ArrayBuffer(9)],
  ['a date, a map, a set', [new Date(0), new Map([[1, { a: 1 }]]), new Set([1])]],
  ['a regular expression, an error', [/a/, new Error('x')]],
  ['an address', new URL('http://a.example/')],
  ['headers', new Headers({ a: 'b' })],
  ['a blob, whose bytes it has', new Blob(['x'])],
  ['a form', new FormData()],
  ['an object of a class, whatever functions are its own', new Rows()],
  ['an object of a class with flags named as the sides of a stream', new File()],
  ['an object of a class that can abort, and has a column named signal', new Job()],
  ['columns that throw until they are loaded', LAZY.map(refusing)],
  ['an object of a class whose columns throw until they are loaded', new Lazy()],
  [
    'a plain row with a column that throws',
    Object.defineProperties({}, Object.getOwnPropertyDescriptors(refusing('x'))),
  ],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
]

describe('checkHoldable', () => {
  it.each(ALIENS)('refuses %s, and says what to hold instead', (_, value, says) => {
    const refused = (held: unknown) => {
      try {
        checkHoldable(held, 'users', '7')
      } catch (error) {
        return error
      }
      return undefined
    }
    const error = refused(value)
    expect(isKedgeError(error) && [error.code, error.retryable]).toEqual(['ERR_CODEC', false])
    expect((error as Error).message).toContain(says)
    expect((error as Error).message).toContain('the key `7` in `users`')
    for (const [within, path] of [
      [{ a: { b: [0, value] } }, '`a.b.1`'],
      [new Map([['k', { v: value }]]), '`'],
      [new Set([value]), '`'],
    ] as const)
      expect((refused(within) as Error).message).toContain(path)
  })

  it.each(DATA)('takes %s', (_, value) => {
    expect(() => checkHoldable(value, 'users', '7')).not.toThrow()
    expect(() => checkHoldable({ a: [value] }, 'users', '7')).not.toThrow()
  })

  it('looks at so many parts of a large value, those near its top first, and at one that contains itself', () => {
    let touched = 0
    const getPrototypeOf = () => {
      touched++
      return Object.prototype
    }
    const part = () => new Proxy({}, { getPrototypeOf })
    checkHoldable({ rows: Array.from({ length: 10_000 }, part) }, 'users', '7')
    expect(touched).toBeGreaterThan(100)
    expect(touched).toBeLessThan(2000)
    const self: Record<string, unknown> = { a: 1 }
    self['self'] = self
    expect(() => checkHoldable(self, 'users', '7')).not.toThrow()
    expect(() => checkHoldable([self, { deep: new Response('x') }], 'users', '7')).toThrow('1.deep')
  })

  it('cuts what it shows of a key', () => {
    expect(() => checkHoldable(() => 1, 'users', 'k'.repeat(512))).toThrow(`${'k'.repeat(100)}…`)
  })
})

describe('a value that cannot outlive a request', () => {
  let at: World
  let isolate: Isolate
  let cache: Cache
  let things: Namespace<unknown>
  beforeEach(async () => {
    at = world()
    isolate = at.isolate({ use: [writeIntents()] })
    ;({ cache } = isolate)
    things = cache.namespace('things')
    await at.run(cache.sync())
  })
  const failing = async (call: Promise<unknown>): Promise<KedgeError> =>
    at.run(call).then(
      () => Promise.reject(new Error('it resolved')),
      (error: KedgeError) => error,
    )

  it('is not loaded: the call rejects, and so do the callers that share the load', async () => {
    const gate = deferred<void>()
    const load = () => gate.promise.then(() => new Response('x'))
    const calls = [things.getOrSet('7', load), things.getOrSet('7', load)].map(failing)
    gate.resolve()
    for (const error of await Promise.all(calls)) expect(error.code).toBe('ERR_CODEC')
    expect(cache.stats()).toMatchObject({ loads: 1, entries: 0 })
    expect(isolate.of('load').map(({ error }) => isKedgeError(error) && error.code)).toEqual(['ERR_CODEC'])
    expect(await at.run(things.getOrSet('7', () => 'text'))).toBe('text')
  })

  it('is refused also where nothing would be held', async () => {
    expect((await failing(things.getOrSet('7', () => new Response('x'), { ttl: 0 }))).code).toBe('ERR_CODEC')
  })

  it('is refused from one that is loaded beside others, and those are held', async () => {
    const load = () =>
      new Map<string, unknown>([
        ['a', 1],
        ['b', Promise.resolve(1)],
        ['c', 3],
      ])
    expect((await failing(things.getOrSetMany(['a', 'b', 'c'], load))).message).toContain('`b`')
    expect([things.peek('a'), things.peek('b'), things.peek('c')]).toEqual([1, undefined, 3])
  })

  it('is not what has a column that throws until it is loaded: that is held', async () => {
    const rows = [new Lazy()]
    expect(await at.run(things.getOrSet('7', () => rows))).toBe(rows)
    expect(things.peek('7')).toBe(rows)
  })

  it('is replaced by the expired value under `staleIfError`, as when a load fails', async () => {
    const options = { ttl: 100, staleIfError: '1m' } as const
    await at.run(things.getOrSet('7', () => 'old', options))
    await at.runtime.advance(200)
    expect(await at.run(things.getEntry('7', () => new Response('x'), options))).toMatchObject({
      value: 'old',
      staleBecause: 'error',
    })
  })

  it('is not written, and evicts nothing', async () => {
    await at.run(things.getOrSet('7', () => 'held'))
    const stored: unknown[] = []
    const value = new Response('x')
    for (const call of [
      things.set('7', value),
      setMany(things, { '7': value }),
      writeThrough(things, '7', value, (each) => void stored.push(each)),
      writeBehind(things, '7', value),
    ])
      expect((await failing(call)).code).toBe('ERR_CODEC')
    expect([things.peek('7'), stored, isolate.of('publish')]).toEqual(['held', [], []])
  })
})

describe('a function of the options that stumbles over a value', () => {
  const boom = (): never => {
    throw new RangeError('boom')
  }

  it.each([
    ['ttl', { ttl: boom }, 'boom'],
    ['tags', { tags: boom }, 'boom'],
    ['sizeOf', { sizeOf: boom }, 'boom'],
    ['tags', { tags: () => ['', 'x'] }, 'a tag must be'],
    ['ttl', { ttl: () => 'soon' as never }, 'got soon'],
  ] as const)('is named, with the namespace and the key: %s', async (option, options, says) => {
    const at = world()
    const { cache } = at.isolate()
    const things = cache.namespace('things', options)
    await at.run(cache.sync())
    const error = await at.run(things.getOrSet('7', () => 'x')).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    const { message, cause } = error as Error
    expect(message).toContain(`\`${option}\``)
    expect(message).toContain('the key `7` in `things`')
    expect(cause).toBeInstanceOf(Error)
    expect(message).toContain(says)
  })

  it('is named where a value arrives and where one is set', async () => {
    const at = world()
    const schema = { safeParse: boom } as never
    const { cache } = at.isolate({ use: [replicate()] })
    const things = cache.namespace('things', { schema })
    await at.run(cache.sync())
    const error = await at.run(things.set('7', 'x')).catch((thrown: unknown) => thrown)
    expect((error as Error).message).toContain(
      '`schema` fails for the value of the key `7` in `things`: boom',
    )
    expect((error as Error).cause).toBeInstanceOf(RangeError)
    const writer = at.isolate({ use: [replicate()] })
    await at.run(writer.cache.namespace('things').set('8', 'x'))
    const reader = at.isolate({ use: [replicate()] })
    reader.cache.namespace('things', { schema })
    await at.run(prewarm(reader.cache))
    const said = reader.of('unreadable').map(({ error: each }) => (each as Error).message)
    expect(said.join()).toContain('the key `8` in `things`')
  })

  it('does not keep its neighbours from being held', async () => {
    const at = world()
    const { cache } = at.isolate()
    const tags = (value: { tags?: string[] }) => value.tags!.slice()
    const things = cache.namespace<{ tags?: string[] }>('things', { tags })
    await at.run(cache.sync())
    const load = () => ({ a: { tags: ['x'] }, b: {}, c: { tags: ['y'] } })
    await expect(at.run(things.getOrSetMany(['a', 'b', 'c'], load))).rejects.toThrow('the key `b`')
    expect([things.peek('a'), things.peek('b'), things.peek('c')]).toMatchObject([{}, undefined as never, {}])
  })
})
