/** Request bodies: bounded while they arrive, JSON, and of the shape that a schema says. @module */
import type { Context } from 'hono'
import type { z } from 'zod'
import { concat, parseJson } from './json.ts'
import { Refusal } from './refusal.ts'

/** The body in the pieces in which it arrives. @throws Refusal `too-large` as soon as more than `maxBytes` came. */
export async function* bodyChunks(c: Context, maxBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const tooLarge = () => new Refusal('too-large', `The body is larger than ${maxBytes} bytes.`)
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge()
  const body: ReadableStream<Uint8Array> | null = c.req.raw.body
  if (!body) return
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge()
    yield chunk
  }
}

/** The body as a value of `schema`; an empty one as `{}`. @throws Refusal `malformed`, `too-large` or `invalid`. */
export async function bodyOf<T>(c: Context, maxBytes: number, schema: z.ZodType<T>): Promise<T> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bodyChunks(c, maxBytes)) chunks.push(chunk)
  return shaped(chunks.length === 0 ? {} : parseJson(concat(chunks)), schema)
}

/** A value as `schema` has it. @throws Refusal `invalid`, naming the place. */
export function shaped<T>(value: unknown, schema: z.ZodType<T>): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const place = issue?.path.map(String).join('.').slice(0, 100)
  throw new Refusal('invalid', `${place || 'body'}: ${issue?.message.slice(0, 200) ?? 'not understood'}`)
}
