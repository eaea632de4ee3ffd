/** The origin of the isolates under test: it counts its reads, and answers when the test says so. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './miniflare-until.ts'

/** Keeps reads of one key waiting. Each has seen the row as it was when the read arrived. */
interface Gate {
  /** Reads that it has caught. */
  readonly caught: number
  /** Of these, reads whose client has gone before it was answered. */
  readonly broken: number
  /** Resolves when so many reads have been caught. */
  caughtAtLeast(count: number): Promise<void>
  /** Answers what was caught, each with what it saw, and catches nothing more. */
  open(): void
}

export interface Source {
  readonly url: string
  /** The rows: a key, and its value. */
  readonly rows: Map<string, unknown>
  /** How often a key was read. */
  reads(key: string): number
  /** How long a read takes after it has seen its row, in milliseconds. At first none. */
  delay: () => number
  /** Reads of the key that arrive from now on wait; at most `most` of them. */
  hold(key: string, most?: number): Gate
  close(): Promise<void>
}

export async function startSource(rows: Readonly<Record<string, unknown>> = {}): Promise<Source> {
  const table = new Map(Object.entries(rows))
  const counts = new Map<string, number>()
  const gates = new Map<string, Held>()

  const server = createServer((request, response) => void answer(request, response))
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = decodeURIComponent(request.url?.split('/').at(-1) ?? '')
    if (request.method === 'PUT') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      table.set(key, (JSON.parse(Buffer.concat(chunks).toString()) as { value: unknown }).value)
      response.writeHead(204).end()
      return
    }
    counts.set(key, (counts.get(key) ?? 0) + 1)
    const seen = table.has(key) ? { value: table.get(key), tags: [`first:${key.slice(0, 1)}`] } : undefined
    await gates.get(key)?.pass(response)
    const delayMs = source.delay()
    if (delayMs > 0) await sleep(delayMs)
    response.writeHead(seen ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(seen ?? {}))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const source: Source = {
    url: `http://127.0.0.1:${port}`,
    rows: table,
    delay: () => 0,
    reads: (key) => counts.get(key) ?? 0,
    hold(key, most = Infinity) {
      const gate = new Held(most)
      gates.set(key, gate)
      return gate
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return source
}

class Held implements Gate {
  caught = 0
  broken = 0
  #left: number
  readonly #waiting = new Set<() => void>()

  constructor(most: number) {
    this.#left = most
  }

  async pass(response: ServerResponse): Promise<void> {
    if (this.#left <= 0) return
    this.#left--
    this.caught++
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve)
      response.once('close', () => {
        if (this.#waiting.delete(resolve)) this.broken++
        resolve()
      })
    })
  }

  async caughtAtLeast(count: number): Promise<void> {
    await until(() => this.caught >= count, `${count} reads at the origin`)
  }

  open(): void {
    this.#left = 0
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
