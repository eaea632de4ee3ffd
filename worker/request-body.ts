/**
 * The bodies of requests: JSON, bounded each and all together, and checked by a schema.
 *
 * @module
 */
import type { Context } from 'hono'
import type * as z from 'zod/mini'
import { issueMessage } from '../src/api/issue-message.ts'
import { MAX_IDS } from '../src/wire/ids.ts'
import { BodyError, type BodyFault, isJson, MAX_JSON_DEPTH, readJson } from './body.ts'
import { Problem } from './problem.ts'
import { faultsOf } from './schemas.ts'

const FAULTS: Readonly<Record<Exclude<BodyFault, 'too large' | 'inexact'>, string>> = {
  empty: 'The body is empty.',
  'not utf-8': 'The body is not UTF-8.',
  'not json': 'The body is not JSON.',
  'too deep': `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`,
  'broken off': 'The body ended too early.',
}

/** Members of a body: those that a schema knows are fewer. */
const MAX_MEMBERS = 16
/** Names in one list: those that a schema takes are no more. */
const MAX_ITEMS = MAX_IDS

export class Bodies {
  readonly #maxBytes: number
  readonly #maxTotal: number
  #held = 0

  constructor(maxBytes: number, maxTotal: number) {
    this.#maxBytes = maxBytes
    this.#maxTotal = maxTotal
  }

  /**
   * The body, as the schema has it.
   * @throws Problem 400, 413, 415, 422; 503 while all bodies together are too much.
   */
  async read<T>(c: Context, schema: z.ZodMiniType<T>): Promise<T> {
    const encoding = c.req.header('content-encoding') ?? 'identity'
    if (!isJson(c.req.header('content-type')) || encoding.toLowerCase() !== 'identity') {
      const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
      const detail = 'The body must be JSON, not compressed, with `content-type: application/json`.'
      throw new Problem(415, 'ERR_MEDIA_TYPE', detail, { headers })
    }
    let own = 0
    const count = (bytes: number) => {
      own += bytes
      this.#held += bytes
      if (this.#held > own && this.#held > this.#maxTotal) throw tooMuch()
    }
    try {
      const json = await readJson(c.req.raw, this.#maxBytes, count).catch((error: unknown) => {
        throw error instanceof BodyError ? problemOf(error, this.#maxBytes) : error
      })
      requireFew(json)
      const body = schema.safeParse(json, { error: issueMessage })
      if (!body.success) throw refused(`${faultsOf(body.error)}.`)
      return body.data
    } finally {
      this.#held -= own
    }
  }
}

function problemOf({ fault, number }: BodyError, maxBytes: number): Problem {
  if (fault === 'too large') {
    return new Problem(413, 'ERR_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`)
  }
  if (fault === 'inexact') {
    return new Problem(422, 'ERR_BAD_REQUEST', `The number ${number} would be rounded: send it as a text.`)
  }
  return new Problem(400, 'ERR_BAD_REQUEST', FAULTS[fault])
}

/** What a schema checks is bounded before: it looks at each item and each member, also at those that it does not know. */
function requireFew(json: unknown): void {
  if (typeof json !== 'object' || json === null) return
  const members = Object.entries(json)
  if (members.length > MAX_MEMBERS) throw refused(`it has more than ${MAX_MEMBERS} members.`)
  for (const [name, value] of members) {
    // A value may be any JSON.
    if (name !== 'value' && Array.isArray(value) && value.length > MAX_ITEMS)
      throw refused(`${name.slice(0, 40)} has more than ${MAX_ITEMS} items.`)
  }
}

const refused = (why: string) => new Problem(400, 'ERR_BAD_REQUEST', `The body is refused: ${why}`)

const tooMuch = () =>
  new Problem(503, 'ERR_OVERLOADED', 'As many bytes are being received as may be: try again later.', {
    headers: { 'retry-after': '1' },
  })
