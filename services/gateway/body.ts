/**
 * Request bodies: bounded while they arrive, each and all together, and checked as JSON of a schema.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type * as z from 'zod/mini'
import { issueMessage } from '../../src/api/issue-message.ts'
import { clientOf } from './client.ts'
import type { FairBound } from './fair-bound.ts'
import { headerOf } from './header.ts'
import { JsonScan } from './json-scan.ts'
import { concat, jsonObjects, parseScanned } from './json.ts'
import type { Json } from './json.ts'
import { Refusal } from './refusal.ts'

/** Members of a body: those that the gateway knows are fewer. */
const MAX_MEMBERS = 32
/** From here on a body takes milliseconds to parse. */
const LARGE = 1_048_576

interface BodyBounds {
  /** Of one body. */
  readonly maxBytes: number
  readonly maxValues: number
  /** Of all bodies together, each client with its share. */
  readonly total: FairBound
}

export class Bodies {
  readonly #bounds: BodyBounds
  /** Bytes of bodies that were read whole: what is made of them is there as long as their requests are at work. */
  readonly #read = new WeakMap<Context, number>()

  constructor(bounds: BodyBounds) {
    this.#bounds = bounds
  }

  /** The objects in the body as they are complete, those that came together in one list. @throws Refusal as `read`. */
  objects(c: Context): AsyncGenerator<readonly Json[], void, undefined> {
    return jsonObjects(this.#chunks(c), this.#bounds.maxValues)
  }

  /** @throws Refusal `unsupported-media` for a body that is not empty. */
  async requireEmpty(c: Context): Promise<void> {
    for await (const chunk of this.#chunks(c)) {
      if (chunk.length > 0) throw new Refusal('unsupported-media', 'HTTP 415 Unsupported Media Type')
    }
  }

  /** The request has been answered, or refused: its body does not count any more. */
  release(c: Context): void {
    const bytes = this.#read.get(c)
    if (bytes === undefined) return
    this.#read.delete(c)
    this.#bounds.total.give(clientOf(c), bytes)
  }

  /**
   * The body as a value of `schema`; an empty one as `{}`.
   * @param maxItems in each list that the body is or has
   * @throws Refusal `unsupported-media`, `malformed`, `too-large`, `busy` or `invalid`.
   */
  async read<T>(c: Context, schema: z.ZodMiniType<T>, maxItems: number): Promise<T> {
    return (await this.readWritten(c, schema, maxItems)).value
  }

  /** As `read`, with the text: the parts that go into a record must keep every digit of their numbers. */
  async readWritten<T>(
    c: Context,
    schema: z.ZodMiniType<T>,
    maxItems: number,
  ): Promise<{ readonly value: T; readonly text: string }> {
    return this.#written(c, c.req.raw.body, schema, maxItems)
  }

  /**
   * The body of a GET, which some of kafka-rest's calls have: a `Request` has none, Node's own request has.
   * @throws Refusal as `read`.
   */
  async readOfGet<T>(c: Context, schema: z.ZodMiniType<T>, maxItems: number): Promise<T> {
    const env: Partial<HttpBindings> | undefined = c.env
    return (await this.#written(c, env?.incoming, schema, maxItems)).value
  }

  async #written<T>(
    c: Context,
    body: AsyncIterable<Uint8Array> | null | undefined,
    schema: z.ZodMiniType<T>,
    maxItems: number,
  ): Promise<{ readonly value: T; readonly text: string }> {
    const chunks: Uint8Array[] = []
    // While it arrives: what is refused need not arrive whole.
    const scan = new JsonScan(this.#bounds.maxValues)
    for await (const chunk of this.#chunks(c, body, true)) {
      scan.scan(chunk, 0, false)
      chunks.push(chunk)
    }
    if (chunks.length === 0) return { value: shaped({}, schema), text: '{}' }
    const whole = concat(chunks)
    // Their bytes are in `whole`.
    chunks.length = 0
    const { value, text } = parseScanned(whole)
    requireFew(value, maxItems)
    const read = { value: shaped(value, schema), text }
    // What is made of a large one has a turn of the event loop of its own: others wait no longer than for its parsing.
    if (whole.length > LARGE) await setImmediate()
    return read
  }

  /** The body in the pieces in which it arrives. They count until the last was read, or until `release` where they are `kept`. */
  async *#chunks(
    c: Context,
    body: AsyncIterable<Uint8Array> | null | undefined = c.req.raw.body,
    kept = false,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    requireUncompressed(c)
    const { maxBytes, total } = this.#bounds
    const tooLarge = () => new Refusal('too-large', `The body is larger than ${maxBytes} bytes.`)
    if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge()
    if (!body) return
    const client = clientOf(c)
    let bytes = 0
    try {
      for await (const chunk of body) {
        if (bytes + chunk.length > maxBytes) throw tooLarge()
        if (!total.take(client, chunk.length, bytes)) {
          throw new Refusal('busy', 'The gateway is receiving as many bytes as it may: try again later.', {
            retryAfter: 1,
          })
        }
        bytes += chunk.length
        yield chunk
      }
    } finally {
      if (kept) this.#read.set(c, bytes)
      else total.give(client, bytes)
    }
  }
}

/** Lists are bounded before their items are checked. @throws Refusal `too-large`. */
function requireFew(value: unknown, maxItems: number): void {
  const lists = Array.isArray(value) ? [value] : Object.values(value ?? {}).slice(0, MAX_MEMBERS)
  if (lists.some((list) => Array.isArray(list) && list.length > maxItems))
    throw new Refusal('too-large', `More than ${maxItems} items in one request.`)
}

/** Compressed bodies are refused: their inflated size is not bounded here. @throws Refusal `unsupported-media`. */
export function requireUncompressed(c: Context): void {
  const encoding = headerOf(c, 'content-encoding') ?? 'identity'
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new Refusal('unsupported-media', 'The body is compressed (Content-Encoding): send it as it is.')
  }
}

/** A value as `schema` has it. @throws Refusal `invalid`, naming the place. */
export function shaped<T>(value: unknown, schema: z.ZodMiniType<T>): T {
  const result = schema.safeParse(value, { error: issueMessage })
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const place = issue?.path.map(String).join('.').slice(0, 100)
  throw new Refusal('invalid', `${place || 'body'}: ${issue?.message.slice(0, 200) ?? 'not understood'}`)
}
