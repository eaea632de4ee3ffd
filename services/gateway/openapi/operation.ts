/** One operation of the OpenAPI document: what it takes, what it answers, and why it refuses. @module */
import type { ErrorTable } from '../protocols/confluent/errors.ts'
import type { RefusalReason } from '../refusal.ts'
import type { Json } from './schema.ts'

export interface Operation {
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly deprecated?: boolean
  /** What its credential needs; any of them where it is left out. */
  readonly role?: 'read' | 'write' | 'admin'
  readonly parameters?: readonly Json[]
  /** By media type. */
  readonly body?: Readonly<Record<string, Json>>
  readonly bodyIsOptional?: boolean
  /** By status. */
  readonly answers?: Readonly<Record<number, Json>>
  /** Beside those that every operation of the cluster has. */
  readonly refusals?: readonly RefusalReason[]
}

/** How a protocol writes what it refuses. */
export interface Dialect {
  readonly tag: string
  readonly table: ErrorTable
  /** The name of the schema of its refusals. */
  readonly refusal: 'Refusal' | 'UpstashRefusal'
  readonly types: readonly string[]
  /** Statuses that stand for others: Upstash has 400 for what is 422 elsewhere. */
  readonly statusOf?: (status: number) => number
}

/** Every operation that asks the cluster may be refused so. */
const OF_THE_CLUSTER: readonly RefusalReason[] = ['forbidden', 'busy', 'unavailable']
/** Every body may be refused so. */
const OF_A_BODY: readonly RefusalReason[] = ['malformed', 'invalid', 'too-large', 'unsupported-media']
/** Whatever the protocol: browsers.ts, auth.ts, host-check.ts and app.ts. */
const EVERYWHERE: Readonly<Record<number, string>> = {
  400: 'the request cannot be read',
  401: 'no credential is shown, or a wrong one (40101)',
  403: 'a web page of an origin that is not among those of `--cors-origin`',
  415: 'a body without its content type',
  421: 'the `Host` is not this gateway',
  429: 'too many wrong credentials came from this address (42901)',
  500: 'the gateway failed',
}

export const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` })
export const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` })
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/** An answer with a body, of one of the types. */
export const answer = (
  description: string,
  types: readonly string[],
  schema: Json,
  headers: Json = {},
): Json => ({
  description,
  headers: { 'x-request-id': header('RequestId'), ...headers },
  content: Object.fromEntries(types.map((type) => [type, { schema }])),
})
/** An answer without a body. */
export const nothing = (description: string): Json => ({
  description,
  headers: { 'x-request-id': header('RequestId') },
})

/** As it stands in the document. */
export function written(operation: Operation, dialect: Dialect): Json {
  const { id, summary, description, deprecated, role, parameters = [], body, bodyIsOptional } = operation
  const reasons = [...OF_THE_CLUSTER, ...(body ? OF_A_BODY : []), ...(operation.refusals ?? [])]
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    ...(deprecated && { deprecated }),
    tags: [dialect.tag],
    security: security(role),
    parameters: [...parameters, parameter('RequestId')],
    ...(body && {
      requestBody: {
        required: !bodyIsOptional,
        content: Object.fromEntries(Object.entries(body).map(([type, schema]) => [type, { schema }])),
      },
    }),
    responses: { ...refusals(dialect, reasons), ...operation.answers },
  }
}

/** A credential needs the role; a gateway without credentials asks for none. */
export const security = (role: string | undefined): readonly Json[] => {
  const scopes = role === undefined ? [] : [role]
  return [{ basic: scopes }, { bearer: scopes }, {}]
}

/** One answer for each status, which says what leads to it, with the codes. */
function refusals(
  { table, refusal, types, statusOf = (status) => status }: Dialect,
  reasons: readonly RefusalReason[],
): Json {
  const causes = new Map<number, string[]>()
  const tell = (status: number, cause: string) =>
    void causes.set(status, [...(causes.get(status) ?? []), cause])
  for (const reason of new Set(reasons)) {
    const [status, code] = table[reason]
    tell(statusOf(status), refusal === 'Refusal' ? `${reason} (${code})` : reason)
  }
  for (const [status, cause] of Object.entries(EVERYWHERE)) tell(Number(status), cause)
  const content = Object.fromEntries(types.map((type) => [type, { schema: ref(refusal) }]))
  return Object.fromEntries(
    [...causes].map(([status, all]) => [
      status,
      { description: `Refused: ${all.join('; ')}.`, headers: headersOf(status), content },
    ]),
  )
}

function headersOf(status: number): Json {
  return {
    'x-request-id': header('RequestId'),
    ...(status === 401 && { 'www-authenticate': header('Challenge') }),
    ...((status === 429 || status === 503) && { 'retry-after': header('RetryAfter') }),
  }
}
