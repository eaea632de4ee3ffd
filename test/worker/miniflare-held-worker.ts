/**
 * A worker that holds what it is asked to: `GET /hold/:kind` loads it, `GET /use/:kind` takes it from the cache, in
 * another request, and uses it. The answer is what came of it, as text.
 */
import { createCache, isKedgeError } from '../../src/index.ts'
import type { RequestContext } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'

interface Env {
  readonly ORIGIN_URL: string
}

interface Kind {
  readonly make: (env: Env) => unknown
  readonly use: (held: never, env: Env) => unknown
}

const cache = createCache({ kafka: memory() })
const things = cache.namespace<object>('things')
const ask = (env: Env) => fetch(`${env.ORIGIN_URL}/rows/7`)
// A name in a variable: only workerd has the module.
const workers = 'cloudflare:workers'

const KINDS: Readonly<Record<string, Kind>> = {
  response: { make: ask, use: (held: Response) => held.text() },
  within: {
    make: async (env) => ({ row: { answer: await ask(env) } }),
    use: (held: { row: { answer: Response } }) => held.row.answer.text(),
  },
  stream: {
    make: async (env) => (await ask(env)).body,
    use: (held: ReadableStream) => new Response(held).text(),
  },
  reader: {
    make: async (env) => (await ask(env)).body?.getReader(),
    use: (held: ReadableStreamDefaultReader) => held.read().then(() => 'read'),
  },
  signal: {
    make: () => new AbortController().signal,
    use: (held: AbortSignal, env) => fetch(`${env.ORIGIN_URL}/rows/7`, { signal: held }).then(() => 'used'),
  },
  stub: {
    make: async () => {
      const { RpcStub, RpcTarget } = (await import(workers)) as Record<
        string,
        new (target?: object) => object
      >
      return new RpcStub!(
        new (class extends RpcTarget! {
          two = () => 2
        })(),
      )
    },
    use: async (held: { two(): Promise<number> }) => String(await held.two()),
  },
  socket: {
    make: () => (Reflect.construct(Reflect.get(globalThis, 'WebSocketPair') as never, []) as [object])[0],
    use: (held: { accept(): void }) => String(held.accept()),
  },
  // These are data, and stay so.
  json: { make: async (env) => (await ask(env)).json(), use: (held: object) => JSON.stringify(held) },
  bytes: {
    make: async (env) => new Uint8Array(await (await ask(env)).arrayBuffer()),
    use: (held: Uint8Array) => new TextDecoder().decode(held),
  },
  blob: { make: async (env) => (await ask(env)).blob(), use: (held: Blob) => held.text() },
  headers: {
    make: async (env) => (await ask(env)).headers,
    use: (held: Headers) => held.get('content-type'),
  },
}

async function told(work: () => unknown): Promise<Response> {
  try {
    return new Response(String(await work()))
  } catch (error) {
    const { message } = error as Error
    return new Response(isKedgeError(error) ? `${error.code}: ${message}` : message, { status: 500 })
  }
}

const worker = {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const [, verb, name = ''] = new URL(request.url).pathname.split('/')
    const scope = cache.for(context)
    await scope.sync()
    const kind = KINDS[name]!
    const held = scope.namespace<object>('things')
    if (verb === 'hold')
      return told(() => held.getOrSet(name, async () => (await kind.make(env)) as object).then(() => 'held'))
    const value = things.peek(name)
    if (value === undefined) return new Response('not held', { status: 404 })
    return told(() => kind.use(value as never, env))
  },
}

export default worker
