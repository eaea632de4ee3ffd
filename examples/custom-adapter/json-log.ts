/** An adapter of one's own: a `KafkaLog` over a server that takes and gives JSON, as `server.ts` beside it does. */
import * as z from 'zod'
import { type KafkaLog, KedgeError, type KedgeErrorCode, type NewRecord } from 'kedge'

/** Calls end after so long, a long poll so long after its wait. */
const TIMEOUT_MS = 5000
const MAX_ANSWER_BYTES = 16_000_000

const number = z.int().nonnegative()
const position = z.object({ partition: number, offset: number })
const bytes = z.base64().transform((text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)))
const record = z.object({ ...position.shape, key: bytes.nullable(), value: bytes.nullable() })
const written = z.array(position)
const bounds = z.array(z.object({ partition: number, beginning: number, end: number, logId: z.string() }))
const found = z.object({ records: z.array(record), next: written, outOfRange: z.array(number) })

const base64 = (value: Uint8Array) => btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(''))
const entry = ({ key, value, partition }: NewRecord) => {
  return { partition, key: key && base64(key), value: value && base64(value) }
}
const failure = (code: KedgeErrorCode, text: string, retryable: boolean, cause?: unknown) =>
  new KedgeError(code, text, { retryable, cause })

/** @throws TypeError where `url` is no URL. */
export function jsonLog({ url }: { readonly url: string }): KafkaLog {
  const base = new URL(url)

  async function ask<T>(shape: z.ZodType<T>, what: string, query: object, signal?: AbortSignal, waitMs = 0) {
    signal?.throwIfAborted()
    const late = AbortSignal.timeout(TIMEOUT_MS + waitMs)
    const until = signal ? AbortSignal.any([signal, late]) : late
    try {
      const options = { method: 'POST', redirect: 'manual', signal: until } as const
      const response = await fetch(new URL(what, base), { ...options, body: JSON.stringify(query) })
      const { ok, status } = response
      const text = await textWithin(response, MAX_ANSWER_BYTES)
      if (ok) return shape.parse(JSON.parse(text))
      if (status === 404) throw failure('ERR_UNKNOWN_TOPIC', `${what}: there is no such topic`, false)
      throw failure('ERR_HTTP', `${what}: HTTP ${status}`, status >= 500)
    } catch (cause) {
      signal?.throwIfAborted() // The caller gets the reason that it gave.
      if (cause instanceof KedgeError) throw cause
      if (late.aborted) throw failure('ERR_TIMEOUT', `${what}: no answer in time`, true, cause)
      const isBroken = cause instanceof SyntaxError || cause instanceof z.ZodError
      throw failure(isBroken ? 'ERR_PROTOCOL' : 'ERR_NETWORK', `${what}: no usable answer`, !isBroken, cause)
    }
  }

  return {
    capabilities: { identity: true, longPoll: true, readCommitted: true },
    async produce(topic, records, { signal } = {}) {
      signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        const positions = await ask(written, 'produce', { topic, records: records.map(entry) }, signal)
        if (positions.length === records.length) return positions
        throw failure('ERR_PROTOCOL', 'produce: a record has no offset', true)
      } catch (cause) {
        signal?.throwIfAborted()
        const retryable = cause instanceof KedgeError && cause.retryable
        throw failure('ERR_PUBLISH', 'the records were not acknowledged', retryable, cause)
      }
    },
    offsets: (topic, { signal, partitions } = {}) => ask(bounds, 'offsets', { topic, partitions }, signal),
    read: (topic, positions, { signal, ...how }) =>
      ask(found, 'read', { topic, positions, ...how }, signal, how.waitMs),
  }
}

/** Counts a stranger's answer while it arrives: nothing is parsed that is too large. */
async function textWithin({ body }: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let [text, size] = ['', 0]
  for await (const chunk of body ?? []) {
    if ((size += chunk.length) > maxBytes) throw failure('ERR_TOO_LARGE', 'an answer is too large', false)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
