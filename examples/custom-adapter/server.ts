/**
 * A log server for the adapter beside it: `POST /produce`, `/offsets` and `/read`, all JSON, on a log in memory.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isKedgeError } from 'kedge'
import type { NewRecord, OffsetsOptions, Position } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'

const MAX_BODY_BYTES = 16_000_000

interface Body {
  readonly topic: string
  readonly records: readonly {
    readonly key: string | null
    readonly value: string | null
    partition?: number
  }[]
  readonly partitions?: readonly number[]
  readonly positions: readonly Position[]
  readonly maxBytes: number
  readonly waitMs: number
  readonly isolation: 'uncommitted' | 'committed'
}

const decoded = (text: string | null) => (text === null ? null : new Uint8Array(Buffer.from(text, 'base64')))
const encoded = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('base64')

export interface LogServer {
  readonly url: string
  readonly log: MemoryLog
  readonly close: () => Promise<void>
}

export async function startLogServer(log = new MemoryLog({ autoCreate: false })): Promise<LogServer> {
  const kafka = memory({ on: log })

  async function answer(path: string, body: Body, signal: AbortSignal): Promise<unknown> {
    const { topic, partitions, positions, maxBytes, waitMs, isolation } = body
    if (path === '/offsets') {
      const options: OffsetsOptions = { signal, ...(partitions && { partitions }) }
      return kafka.offsets(topic, options)
    }
    if (path === '/produce') {
      const records = body.records.map(({ key, value, ...rest }): NewRecord => {
        return { ...rest, key: decoded(key), value: decoded(value) }
      })
      return kafka.produce(topic, records, { signal })
    }
    const found = await kafka.read(topic, positions, { maxBytes, waitMs, isolation, signal })
    const records = found.records.map(({ key, value, ...rest }) => {
      return { ...rest, key: encoded(key), value: encoded(value) }
    })
    return { ...found, records }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const body = JSON.parse(await bodyOf(request)) as Body
      response.end(JSON.stringify(await answer(request.url ?? '/', body, gone.signal)))
    } catch (error) {
      response.statusCode = statusOf(error)
      response.end()
    }
  }

  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new RangeError('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function statusOf(error: unknown): number {
  const cause = isKedgeError(error) && isKedgeError(error.cause) ? error.cause : error
  if (isKedgeError(cause)) return cause.code === 'ERR_UNKNOWN_TOPIC' ? 404 : 500
  return error instanceof RangeError ? 413 : 400
}
