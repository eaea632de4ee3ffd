import { describe, expect, it } from 'vitest'
import { redisSink } from '../../../../adapters/stores/redis.ts'
import { upstashRedis } from '../../../../adapters/stores/upstash-redis.ts'
import type { KedgeError } from '../../../../src/ports/errors.ts'

const TOKEN = 'AYNgAS2553-secret'

/** A service that answers each request with the next of these. */
function service(...answers: (() => Response)[]) {
  const requests: Request[] = []
  const connection = upstashRedis({
    url: 'https://db.upstash.example',
    token: TOKEN,
    maxResponseBytes: 4096,
    fetch: async (input, init) => {
      requests.push(new Request(input, init))
      const next = answers.shift()
      return next ? next() : new Response('[]')
    },
  })
  return { connection, requests }
}

const json =
  (body: unknown, status = 200) =>
  () =>
    Response.json(body, { status })
const ask = (made: ReturnType<typeof service>) =>
  made.connection.pipeline([{ key: 'a', args: ['GET', 'a'] }], { signal: new AbortController().signal })
const failure = (work: Promise<unknown>): Promise<KedgeError> =>
  work.then(
    () => expect.fail('it must reject'),
    (error: unknown) => error as KedgeError,
  )

describe('Upstash REST', () => {
  it('is asked for all commands at once, for bytes in base64, with the token as a header', async () => {
    const made = service(
      json([{ result: 'YmFy' }, { result: 'OK' }, { error: 'ERR no' }, { result: [null, 3, 'AP8='] }]),
    )
    const { signal } = new AbortController()
    const commands = [['GET', 'a'], ['SET', 'a', 'é'], ['X'], ['EVAL', 'x', '0']].map((args) => ({
      key: 'a',
      args,
    }))
    const replies = await made.connection.pipeline(commands, { signal })
    const [bar, ok, no, list] = replies
    expect([bar, ok, no, list]).toEqual([
      new TextEncoder().encode('bar'),
      'OK',
      { message: 'ERR no' },
      [null, 3, Uint8Array.of(0, 255)],
    ])
    const [request] = made.requests
    expect(request?.url).toBe('https://db.upstash.example/pipeline')
    expect(request?.headers.get('authorization')).toBe(`Bearer ${TOKEN}`)
    expect(request?.headers.get('upstash-encoding')).toBe('base64')
    expect(await request?.json()).toEqual(commands.map(({ args }) => args))
  })

  it.each([
    ['a token it does not know', json({ error: 'WRONGPASS invalid password' }, 401), 'ERR_AUTH', false],
    [
      'too many requests',
      json({ error: 'ERR max daily request limit exceeded' }, 400),
      'ERR_RATE_LIMITED',
      true,
    ],
    ['a status of too many requests', json({ error: 'slow down' }, 429), 'ERR_RATE_LIMITED', true],
    [
      'a database that is full',
      json({ error: 'ERR DB capacity quota exceeded' }, 400),
      'ERR_OVERLOADED',
      true,
    ],
    ['a page of a load balancer', () => new Response('<html>', { status: 502 }), 'ERR_HTTP', true],
    ['what is no JSON', () => new Response('[{'), 'ERR_PROTOCOL', true],
    ['fewer replies than commands', json([]), 'ERR_PROTOCOL', false],
    ['replies of another kind', json([{ result: { a: 1 } }]), 'ERR_PROTOCOL', false],
    ['text that is no base64', json([{ result: '%%%' }]), 'ERR_PROTOCOL', false],
    ['more than is read', json([{ result: 'A'.repeat(8000) }]), 'ERR_TOO_LARGE', false],
  ] as const)('that answers with %s is an error that says so', async (_, answer, code, retryable) => {
    const error = await failure(ask(service(answer)))
    expect(error).toMatchObject({ code, retryable })
    expect(error.message).not.toContain(TOKEN)
  })

  it('refuses a single write that is too large for it, and writes the rest', async () => {
    const list = (...words: (string | number)[]) =>
      json([{ result: words.map((word) => (typeof word === 'string' ? btoa(word) : word)) }])
    const tooLarge = json({ error: 'ERR max request size exceeded' }, 400)
    const made = service(list('epoch', 'e', 'generation', '7'), list(1, 0), tooLarge, list(0, 0))
    const writes = [10, 2_000_000].map((size) => ({
      key: `of ${size}`,
      value: new Uint8Array(size),
      version: [1, 0] as const,
      ttlMs: undefined,
    }))
    const outcome = await redisSink(made.connection).write('s', { epoch: 'e', partition: 0, next: 1, writes })
    expect(outcome).toMatchObject({ outcome: 'written', written: 1, refused: [{ index: 1 }] })
    expect(outcome.refused[0]?.reason).toContain('max request size')
    expect(made.requests).toHaveLength(4)
  })

  it('takes a reply for a failure only where it says why', async () => {
    expect(await ask(service(json([{ result: 'OK', error: 5 }])))).toEqual(['OK'])
    expect(await ask(service(json([{ result: 'OK', error: 'ERR no' }])))).toEqual([{ message: 'ERR no' }])
    expect(await failure(ask(service(json([{ error: 5 }]))))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('fails with ERR_PROTOCOL where its answer is nested without end', async () => {
    for (const depth of [9, 1500]) {
      const body = `[{"result":${'['.repeat(depth)}${']'.repeat(depth)}}]`
      const error = await failure(ask(service(() => new Response(body))))
      expect(error).toMatchObject({ name: 'KedgeError', code: 'ERR_PROTOCOL' })
    }
  })

  it('is not called with options that are wrong', () => {
    const url = 'https://db.upstash.example'
    expect(() => upstashRedis({ url: 'db', token: TOKEN })).toThrow('`url`')
    expect(() => upstashRedis({ url, token: 'two words' })).toThrow('`token`')
    expect(() => upstashRedis({ url, token: TOKEN, maxRequestBytes: 1 })).toThrow('`maxRequestBytes`')
    expect(() => upstashRedis({ url, token: TOKEN, tokn: 1 } as never)).toThrow('`tokn` is not an option')
  })
})
