/**
 * What a request names, checked: the namespace and key of its path.
 *
 * @module
 */
import type { Context } from 'hono'
import { issueMessage } from '../src/api/issue-message.ts'
import { isId, NAMESPACE_PATTERN } from '../src/wire/ids.ts'
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

/** The namespace of `…/:namespace/batch`, and of other routes for all of it. */
export const namespacePath = (c: Context): string => checkedNamespace(lastSegments(c, 2)[0])
