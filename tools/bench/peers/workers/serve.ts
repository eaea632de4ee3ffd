/**
 * What every worker of the races does but for its cache: `GET /rows/:key` reads through it, `GET /arrived` tells how
 * many reads have come. With `?kept` what a request has begun lives on when its client hangs up.
 *
 * @module
 */
export interface Env {
  readonly ORIGIN_URL: string
  readonly KAFKA_REST_URL: string
}

export interface Context {
  waitUntil(work: Promise<unknown>): void
}

/** `kept` tells whether what is begun is to live on. */
export type Read = (
  key: string,
  load: () => Promise<string>,
  context: Context,
  kept: boolean,
) => Promise<string>

export interface Worker {
  fetch(request: Request, env: Env, context: Context): Promise<Response>
}

/**
 * `open` is called once in an isolate, by its first request. A call is kept alive by handing the whole of it to the
 * context, where the cache does not do that itself.
 */
export function serve(
  open: (env: Env) => Read | Promise<Read>,
  { keepsAlive = false }: { readonly keepsAlive?: boolean } = {},
): Worker {
  let read: Read | undefined
  let arrived = 0
  return {
    async fetch(request, env, context) {
      const { pathname, searchParams } = new URL(request.url)
      const kept = searchParams.has('kept')
      if (pathname === '/arrived') {
        read ??= await open(env)
        return Response.json({ value: arrived })
      }
      if (read === undefined) return Response.json({ error: 'not opened' }, { status: 503 })
      const key = decodeURIComponent(pathname.split('/').at(-1) ?? '')
      const load = async (): Promise<string> => {
        const answer = await fetch(`${env.ORIGIN_URL}/rows/${encodeURIComponent(key)}`)
        return ((await answer.json()) as { value: string }).value
      }
      const value = read(key, load, context, kept)
      if (kept && !keepsAlive) context.waitUntil(value.catch(() => undefined))
      arrived++
      return Response.json({ value: await value })
    },
  }
}
