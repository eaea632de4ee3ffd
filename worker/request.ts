/**
 * What a request names and carries, checked: the namespace and key of its path, the JSON of its body.
 *
 * @module
 */
import type { Context } from 'hono'
import type * as z from 'zod/mini'
import { issueMessage } from '../src/api/issue-message.ts'
import { isId, NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import { BodyError, type BodyFault, isJson, MAX_JSON_DEPTH, readJson } from './body.ts'
import { Problem } from './problem.ts'
import { faultsOf, Key } from './schemas.ts'

/** One segment of a path, decoded once. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new Problem(400, 'ERR_BAD_REQUEST', 'The path is not percent-encoded UTF-8.', { cause })
  }
}

/**
 * The last segments of the path, decoded. Taken from the URL itself: a router decodes before it matches, and what
 * was decoded once must not be decoded again.
 */
function lastSegments(c: Context, count: number): string[] {
  return new URL(c.req.url).pathname.split('/').slice(-count).map(decoded)
}

/** @throws Problem 400, 404 where the name is none. */
function checkedNamespace(name: string | undefined): string {
  if (name === undefined || !NAMESPACE_PATTERN.test(name)) throw unknownNamespace()
  return name
}

export const unknownNamespace = (): Problem =>
  new Problem(404, 'ERR_UNKNOWN_NAMESPACE', 'There is no such namespace.')

/** @throws Problem 400 */
function checkedKey(text: string | undefined): string {
  // The schema is made only for what it refuses: it says why.
  if (isId(text) && !/\p{Surrogate}/u.test(text)) return text
  const key = Key().safeParse(text, { error: issueMessage })
  if (!key.success) throw new Problem(400, 'ERR_BAD_REQUEST', `The key is refused: ${faultsOf(key.error)}.`)
  return key.data
}

/** The namespace and key of `…/:namespace/:key`. */
export function entryPath(c: Context): { namespace: string; key: string } {
  const [name, text] = lastSegments(c, 2)
  const namespace = checkedNamespace(name)
  return { namespace, key: checkedKey(text) }
}

/** The namespace of `…/:namespace/batch`. */
export const batchPath = (c: Context): string => checkedNamespace(lastSegments(c, 2)[0])

const FAULTS: Readonly<Record<Exclude<BodyFault, 'too large' | 'inexact'>, string>> = {
  empty: 'The body is empty.',
  'not utf-8': 'The body is not UTF-8.',
  'not json': 'The body is not JSON.',
  'too deep': `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`,
  'broken off': 'The body ended too early.',
}

/**
 * The body, as the schema has it.
 * @throws Problem 400, 413, 415, 422
 */
export async function bodyOf<T>(c: Context, schema: z.ZodMiniType<T>, maxBytes: number): Promise<T> {
  const encoding = c.req.header('content-encoding') ?? 'identity'
  if (!isJson(c.req.header('content-type')) || encoding.toLowerCase() !== 'identity') {
    const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
    const detail = 'The body must be JSON, not compressed, with `content-type: application/json`.'
    throw new Problem(415, 'ERR_MEDIA_TYPE', detail, { headers })
  }
  const json = await readJson(c.req.raw, maxBytes).catch((error: unknown) => {
    if (!(error instanceof BodyError)) throw error
    const { fault } = error
    if (fault === 'too large') {
      throw new Problem(413, 'ERR_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`)
    }
    if (fault === 'inexact') {
      const detail = `The number ${error.number} would be rounded: send it as a text.`
      throw new Problem(422, 'ERR_BAD_REQUEST', detail)
    }
    throw new Problem(400, 'ERR_BAD_REQUEST', FAULTS[fault])
  })
  const body = schema.safeParse(json, { error: issueMessage })
  if (!body.success) {
    throw new Problem(400, 'ERR_BAD_REQUEST', `The body is refused: ${faultsOf(body.error)}.`)
  }
  return body.data
}
