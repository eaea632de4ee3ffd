import core from '@middy/core'
import { describe, expect, it } from 'vitest'
import type { Token } from '../../../src/index.ts'
import { withCache, withStreamingCache } from '../../../worker/lambda.ts'
import type { LambdaContext, WithCache } from '../../../worker/lambda.ts'
import type { RequestMetrics } from '../../../worker/request-metrics.ts'
import { readyIn, world } from '../../src/world.ts'

/** An isolate whose proof is old enough to be renewed, each call of the log taking 50 ms. */
async function stage() {
  const at = world()
  const isolate = await readyIn(at, { maxStaleness: '2s' }, { latency: 50 })
  await at.runtime.advance(1500)
  return { at, ...isolate, options: { runtime: at.runtime } }
}

/** What Lambda's runtime gives, in short. */
const lambdaContext = (at: ReturnType<typeof world>, ms = 30_000) => {
  const end = at.runtime.now() + ms
  return { awsRequestId: 'r', getRemainingTimeInMillis: () => end - at.runtime.now() }
}

describe('A handler with a cache', () => {
  it('finds the cache within its invocation on the context, beside what is there', async () => {
    const { at, cache, options } = await stage()
    const handler = withCache(
      cache,
      async (event: { id: string }, context: LambdaContext & WithCache) => [
        await context.cache.namespace<string>('users').getOrSet(event.id, () => 'Ada'),
        context.awsRequestId,
      ],
      options,
    )
    expect(await at.run(handler({ id: '7' }, lambdaContext(at)))).toEqual(['Ada', 'r'])
  })

  it('has the poll that is due run beside it, and answers when that is done', async () => {
    const { at, cache, kafka, options } = await stage()
    const before = kafka.calls.offsets
    const handler = withCache(cache, () => 'well', options)
    let answered = false
    const answering = handler({}, lambdaContext(at)).then(() => (answered = true))
    await at.runtime.advance(49)
    expect([kafka.calls.offsets - before, answered]).toEqual([1, false])
    await at.run(answering)
    expect(cache.freshness().ageMs).toBeLessThan(100)
  })

  it('has what is deferred awaited when it throws, and throws what it threw', async () => {
    const { at, cache, options } = await stage()
    const broken = new Error('broken')
    const handler = withCache(cache, () => Promise.reject(broken), options)
    const answering = handler({}, lambdaContext(at))
    await expect(at.run(answering)).rejects.toBe(broken)
    expect(cache.freshness().ageMs).toBeLessThan(100)
  })

  it('has metrics pushed beside it, when it begins, and answers when they are', async () => {
    const { at, cache, options } = await stage()
    const told: string[] = []
    const metrics: RequestMetrics = {
      begin: (context) => {
        told.push('begins')
        context.waitUntil(at.runtime.sleep(70).then(() => told.push('pushed')))
        return () => void told.push('ends')
      },
    }
    const handler = withCache(cache, () => told.push('handled'), { ...options, metrics })
    await at.run(handler({}, lambdaContext(at)).then(() => told.push('answered')))
    expect(told).toEqual(['begins', 'handled', 'ends', 'pushed', 'answered'])
    const broken = withCache(cache, () => Promise.reject(new Error('broken')), { ...options, metrics })
    await expect(at.run(broken({}, lambdaContext(at)))).rejects.toThrow('broken')
    expect(told.slice(5)).toEqual(['begins', 'ends', 'pushed'])
  })

  it('does not wait for the log longer than the function has time', async () => {
    const { at, cache, kafka } = await stage()
    kafka.pause()
    const errors: unknown[] = []
    const handler = withCache(cache, () => 'well', {
      runtime: at.runtime,
      onError: (error) => errors.push(error),
    })
    const began = at.runtime.now()
    expect(await at.run(handler({}, lambdaContext(at, 600)))).toBe('well')
    expect(at.runtime.now() - began).toBeLessThanOrEqual(110)
    expect(errors).toMatchObject([{ code: 'ERR_TIMEOUT' }])
  })

  it('reads its caller\u2019s writes by the token that comes with the event, and knows its own', async () => {
    const { at, cache, options } = await stage()
    const other = at.isolate()
    await at.run(other.cache.namespace('users').set('7', 'Ada'))
    const token = await at.run(other.cache.namespace('users').delete('7'))
    const handler = withCache(
      cache,
      async (_: { token: Token }, context: WithCache) => {
        const before = context.cache.token
        await context.cache.namespace('users').delete('8')
        return [before, context.cache.token]
      },
      { ...options, token: (event) => event.token },
    )
    expect(await at.run(handler({ token }))).toEqual([
      expect.stringMatching(/^k1\.0-2~/),
      expect.stringMatching(/^k1\.0-3~/),
    ])
  })

  it('ignores a malformed token, and reports it', async () => {
    const { at, cache } = await stage()
    const errors: unknown[] = []
    const handler = withCache(cache, () => 'well', {
      runtime: at.runtime,
      token: () => 'k1.nonsense',
      onError: (error) => errors.push(error),
    })
    expect(await at.run(handler({}))).toBe('well')
    expect(errors).toMatchObject([{ code: 'ERR_TOKEN' }])
  })

  it('ignores and reports a token that is no string; a missing one is not reported', async () => {
    const { at, cache } = await stage()
    const errors: unknown[] = []
    const handler = withCache(cache, () => 'well', {
      runtime: at.runtime,
      token: (event: { token: unknown }) => event.token as Token,
      onError: (error) => errors.push(error),
    })
    expect(await at.run(handler({ token: null }))).toBe('well')
    expect(errors).toEqual([])
    for (const token of [7, {}, ['k1.0-1']]) expect(await at.run(handler({ token }))).toBe('well')
    expect(errors).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'ERR_TOKEN' })))
  })

  it('may make its cache at the first invocation, and runs without a context', async () => {
    const { at, cache, options } = await stage()
    const handler = withCache(
      () => cache,
      (_, context: WithCache) => context.cache.freshness().proved,
      options,
    )
    expect(await at.run(handler({}))).toBe(true)
  })

  it('refuses options that it does not have', async () => {
    const { cache } = await stage()
    expect(() => withCache(cache, () => 1, { timeout: 1 } as never)).toThrow('`timeout`')
    expect(() => withCache(cache, () => 1, { onError: 1 as never })).toThrow('`onError`')
  })
})

describe('Frozen between two invocations', () => {
  it('a value that was proved before is not served after longer than maxStaleness without a poll', async () => {
    const { at, cache, kafka, users, options } = await stage()
    await at.run(users.getOrSet('7', async () => 'old'))
    const peeked = withCache(
      cache,
      (_, context: WithCache) => context.cache.namespace<string>('users').peek('7'),
      options,
    )
    expect(await at.run(peeked({}))).toBe('old')
    kafka.pause()
    // The wall clock alone goes on, as in a process that does not run.
    at.runtime.freeze(2001)
    expect(users.peek('7')).toBe(undefined)
    expect(await at.run(peeked({}, lambdaContext(at, 600)))).toBe(undefined)
    kafka.resume()
    const read = withCache(
      cache,
      (_, context: WithCache) => context.cache.namespace<string>('users').get('7'),
      options,
    )
    expect(await at.run(read({}))).toBe('old')
  })

  it('and with a wall clock that was set back meanwhile, the monotonic one counts', async () => {
    const { at, cache, kafka, users, options } = await stage()
    await at.run(users.getOrSet('7', async () => 'old'))
    await at.run(withCache(cache, () => 1, options)({}))
    expect(users.peek('7')).toBe('old')
    kafka.pause()
    await at.runtime.advance(2001)
    at.runtime.stepWall(-2001)
    expect(users.peek('7')).toBe(undefined)
  })
})

describe('With middy', () => {
  it('a handler with a cache is one like any other', async () => {
    const { at, cache, options } = await stage()
    const steps: string[] = []
    const handler = core()
      .use({
        before: () => void steps.push('before'),
        after: ({ context }) => void steps.push(`after, ${'cache' in context}`),
      })
      .handler(
        withCache(
          cache,
          async (event: { id: string }, context: WithCache) => {
            steps.push('handler')
            return context.cache.namespace<string>('users').getOrSet(event.id, () => 'Ada')
          },
          options,
        ),
      )
    expect(await at.run(handler({ id: '7' }, lambdaContext(at) as never) as Promise<unknown>)).toBe('Ada')
    expect(steps).toEqual(['before', 'handler', 'after, true'])
  })

  it('the whole of it may be wrapped: middlewares find the cache, and onError answers', async () => {
    const { at, cache, options } = await stage()
    const found: unknown[] = []
    const inner = core()
      .use({
        before: ({ context }) => void found.push((context as unknown as WithCache).cache.freshness().proved),
        onError: (request) => {
          request.response = { statusCode: 503 }
        },
      })
      .handler(() => Promise.reject(new Error('broken')))
    const handler = withCache(cache, inner as (event: object, context: object) => Promise<unknown>, options)
    expect(await at.run(handler({}, lambdaContext(at)))).toEqual({ statusCode: 503 })
    expect(found).toEqual([true])
  })
})

describe('A handler that streams', () => {
  it('finds the cache on its context; what is deferred is awaited after the end of the stream', async () => {
    const { at, cache, options } = await stage()
    const said: string[] = []
    const stream = { write: (text: string) => void said.push(text), end: () => void said.push('end') }
    const handler = withStreamingCache(
      cache,
      async (event: { id: string }, out: typeof stream, context: WithCache) => {
        out.write(await context.cache.namespace<string>('users').getOrSet(event.id, () => 'Ada'))
        out.end()
      },
      options,
    )
    let done = false
    const answering = handler({ id: '7' }, stream, lambdaContext(at)).then(() => (done = true))
    await at.runtime.advance(10)
    expect([said, done]).toEqual([['Ada', 'end'], false])
    await at.run(answering)
  })
})
