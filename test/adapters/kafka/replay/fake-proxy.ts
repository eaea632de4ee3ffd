/** What the fake proxies share: a handler of requests as a `fetch`, bytes as text, and topics of a log in memory. */
import { KedgeError } from '../../../../src/ports/errors.ts'
import type { LogUnderTest } from '../../../../src/testing/log-suite.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly text: string
  readonly signal: AbortSignal | undefined
}

export interface Told {
  readonly status: number
  readonly type?: string
  /** A string as it is, anything else as JSON. */
  readonly body?: unknown
}

export type Handler = (asked: Asked) => Told | Promise<Told>

export interface FakeProxy {
  readonly log: MemoryLog
  readonly handle: Handler
}

/** The proxy as a transport. Its consumers go on when a client hangs up, as those of the real ones do. */
export function asFetch(handle: Handler, lines: string[] = []): typeof fetch {
  return async (input, init = {}) => {
    const { pathname, search, searchParams } = new URL(input instanceof Request ? input.url : input)
    lines.push(`${init.method ?? 'GET'} ${pathname}${search}`)
    const signal = init.signal ?? undefined
    signal?.throwIfAborted()
    const answer = await Promise.race([
      handle({
        method: init.method ?? 'GET',
        path: pathname,
        query: searchParams,
        headers: new Headers(init.headers),
        text: typeof init.body === 'string' ? init.body : '',
        signal,
      }),
      aborted(signal),
    ])
    const { status, type, body } = answer
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return new Response(body === undefined ? null : text, {
      status,
      headers: type === undefined ? {} : { 'content-type': type },
    })
  }
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) =>
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
}

/** A log over the proxy, for the suite. */
export function underTest(
  proxy: FakeProxy,
  connect: (transport: typeof fetch) => KafkaLog,
  lines?: string[],
): LogUnderTest {
  const log = connect(asFetch(proxy.handle, lines))
  let topics = 0
  return {
    log,
    topic(partitions) {
      const name = `topic-${topics++}`
      proxy.log.createTopic(name, { partitions })
      return name
    },
    recreate: (topic) => void proxy.log.recreateTopic(topic),
    truncate: (topic, partition, offset) => proxy.log.truncate(topic, partition, offset),
    close: async () => log.close?.(),
  }
}

export const newLog = (): MemoryLog => new MemoryLog({ autoCreate: false })

export function partitionsOf(log: MemoryLog, topic: string): number | undefined {
  return log.describe(topic)?.partitions
}

/** What stands in the log from `offset` on, or `undefined` where that is out of range. */
export function recordsFrom(
  log: MemoryLog,
  topic: string,
  partition: number,
  offset: number,
  isolation: 'committed' | 'uncommitted' = 'uncommitted',
) {
  return log.read(topic, { partition, offset }, { maxBytes: Number.MAX_SAFE_INTEGER, isolation })
}

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** What is no base64 is left out, as Java's MIME decoder and Python's do. */
export const lenient = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(/[^A-Za-z0-9+/]/g, ''), 'base64'))

export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Waits for a record at one of the positions, or for `sleep` to end. */
export async function waitFor(
  log: MemoryLog,
  topic: string,
  positions: readonly { partition: number; offset: number }[],
  ms: number,
): Promise<void> {
  const ended = new AbortController()
  const timer = setTimeout(() => ended.abort(), ms)
  try {
    await log.waitFor(topic, positions, { signal: ended.signal })
  } catch (error) {
    if (!ended.signal.aborted && !(error instanceof KedgeError)) throw error
  } finally {
    clearTimeout(timer)
  }
}

export const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
