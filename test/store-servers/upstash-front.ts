/**
 * A front of a Redis server that speaks Upstash's REST API, as its pages describe it: `POST /pipeline`, a bearer
 * token, errors in their places, `Upstash-Encoding`, the bound of a request.
 *
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { Redis } from 'ioredis'

export interface UpstashFront {
  readonly url: string
  readonly token: string
  /** Requests served. */
  readonly requests: number
  close(): Promise<void>
}

const MAX_REQUEST_BYTES = 10_000_000

export async function startUpstashFront(port: number, token = 'AYNgAS2553-token'): Promise<UpstashFront> {
  const redis = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 0 })
  redis.on('error', () => undefined)
  let requests = 0
  const server = createServer((request, response) => {
    const say = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    void (async () => {
      requests++
      if (request.headers.authorization !== `Bearer ${token}`)
        return say(401, { error: 'WRONGPASS invalid password' })
      if (request.method !== 'POST' || request.url !== '/pipeline')
        return say(400, { error: 'ERR unsupported path' })
      const body = await bodyOf(request)
      if (body.length > MAX_REQUEST_BYTES) return say(400, { error: 'ERR max request size exceeded' })
      const commands = JSON.parse(body.toString('utf8')) as string[][]
      const encode = request.headers['upstash-encoding'] === 'base64'
      const answers: unknown[] = []
      for (const [name = '', ...args] of commands) {
        // One after the other, as the service does.
        answers.push(await answerTo(redis, name, args, encode))
      }
      return say(200, answers)
    })().catch(() => say(503, { error: 'no server' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    token,
    get requests() {
      return requests
    },
    async close() {
      redis.disconnect()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answerTo(redis: Redis, name: string, args: string[], encode: boolean): Promise<unknown> {
  try {
    return { result: written(await redis.callBuffer(name, args), encode) }
  } catch (error) {
    const { message } = error as Error
    // An error of the server stands in its place; where the server is gone, the service itself fails.
    if (/^[A-Z]+ /.test(message)) return { error: message }
    throw error
  }
}

function written(reply: unknown, encode: boolean): unknown {
  if (Array.isArray(reply)) return reply.map((item) => written(item, encode))
  if (typeof reply === 'string')
    return encode && reply !== 'OK' ? Buffer.from(reply).toString('base64') : reply
  if (Buffer.isBuffer(reply)) {
    if (String(reply) === 'OK' && !encode) return 'OK'
    return reply.toString(encode ? 'base64' : 'utf8')
  }
  return reply
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
