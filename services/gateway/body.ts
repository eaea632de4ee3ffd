/**
 * Request bodies: bounded while they arrive, each and all together, and checked as JSON of a schema.
 *
 * @module
 */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type * as z from 'zod/mini'
import { issueMessage } from '../../src/api/issue-message.ts'
import { headerOf } from './header.ts'
import { concat, parseJson } from './json.ts'
import { Refusal } from './refusal.ts'

export class Bodies {
  readonly #maxBytes: number
  readonly #maxTotal: number
  #held = 0

  constructor(maxBytes: number, maxTotal: number) {
    this.#maxBytes = maxBytes
    this.#maxTotal = maxTotal
  }

  /**
   * The body in the pieces in which it arrives.
   * @throws Refusal `unsupported-media` for one that is compressed; `too-large` as soon as more came than one body may have, `busy` when all together are too much.
   */
  chunks(c: Context): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#bounded(c, c.req.raw.body)
  }

  async *#bounded(
    c: Context,
    body: AsyncIterable<Uint8Array> | null | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    requireUncompressed(c)
    const tooLarge = () => new Refusal('too-large', `The body is larger than ${this.#maxBytes} bytes.`)
    if (Number(c.req.header('content-length') ?? 0) > this.#maxBytes) throw tooLarge()
    if (!body) return
    let bytes = 0
    try {
      for await (const chunk of body) {
        bytes += chunk.length
        this.#held += chunk.length
        if (bytes > this.#maxBytes) throw tooLarge()
        if (this.#held > this.#maxTotal) {
          throw new Refusal('busy', 'The gateway is receiving as many bytes as it may: try again later.', {
            retryAfter: 1,
          })
        }
        yield chunk
      }
    } finally {
      this.#held -= bytes
    }
  }

  /** The body as a value of `schema`; an empty one as `{}`. @throws Refusal `unsupported-media`, `malformed`, `too-large`, `busy` or `invalid`. */
  async read<T>(c: Context, schema: z.ZodMiniType<T>): Promise<T> {
    return (await this.readWritten(c, schema)).value
  }

  /** As `read`, with the text: the parts that go into a record must keep every digit of their numbers. */
  async readWritten<T>(
    c: Context,
    schema: z.ZodMiniType<T>,
  ): Promise<{ readonly value: T; readonly text: string }> {
    return this.#written(this.chunks(c), schema)
  }

  /**
   * The body of a GET, which some of kafka-rest's calls have: a `Request` has none, Node's own request has.
   * @throws Refusal as `read`.
   */
  async readOfGet<T>(c: Context, schema: z.ZodMiniType<T>): Promise<T> {
    const env: Partial<HttpBindings> | undefined = c.env
    return (await this.#written(this.#bounded(c, env?.incoming), schema)).value
  }

  async #written<T>(
    body: AsyncIterable<Uint8Array>,
    schema: z.ZodMiniType<T>,
  ): Promise<{ readonly value: T; readonly text: string }> {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    const { value, text } = chunks.length === 0 ? { value: {}, text: '{}' } : parseJson(concat(chunks))
    return { value: shaped(value, schema), text }
  }
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
