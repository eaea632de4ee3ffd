/**
 * HTTP as Lambda hands it over: events of API Gateway, of a function URL, of a load balancer, as a `Request`.
 *
 * Shapes: API Gateway Developer Guide, "Working with AWS Lambda proxy integrations for HTTP APIs" (payload 2.0, which
 * function URLs have as well) and "… for REST APIs" (1.0); Elastic Load Balancing, "Lambda functions as targets".
 *
 * `hono/aws-lambda` is not used: it is deprecated, imports modules of Node, rejects for what is no event at
 * all, accepts any `Host`, and joins repeated headers of a load balancer with semicolons (decision 81).
 *
 * @module
 */
import * as z from 'zod/mini'
import { fromBase64 } from '../../adapters/kafka/rest/base64.ts'
import { once } from '../../src/runtime/once.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { Problem } from '../problem.ts'

/** How the answer is to be written: payload 2.0, or 1.0 with one value or with several for each header. */
export type AnswerShape = 'v2' | 'single' | 'multiple'

export interface HttpEvent {
  readonly request: Request
  readonly answer: AnswerShape
}

const single = once(() => z.nullish(z.record(z.string(), z.nullish(z.string()))))
const multiple = once(() => z.nullish(z.record(z.string(), z.nullish(z.array(z.string())))))
const path = once(() => z.string().check(z.regex(/^\//)))
const content = once(() => ({ body: z.nullish(z.string()), isBase64Encoded: z.nullish(z.boolean()) }))

const v2 = once(() =>
  z.object({
    rawPath: path(),
    rawQueryString: z.nullish(z.string()),
    cookies: z.nullish(z.array(z.string())),
    headers: single(),
    requestContext: z.object({ domainName: z.nullish(z.string()), http: z.object({ method: z.string() }) }),
    ...content(),
  }),
)

const v1 = once(() =>
  z.object({
    path: path(),
    httpMethod: z.string(),
    headers: single(),
    multiValueHeaders: multiple(),
    queryStringParameters: single(),
    multiValueQueryStringParameters: multiple(),
    requestContext: z.object({ domainName: z.nullish(z.string()), elb: z.optional(z.unknown()) }),
    ...content(),
  }),
)

/** A name or an address, with or without a port. */
const HOST = /^[a-z0-9.-]{1,255}(?::\d{1,5})?$/i

/**
 * The request in an event.
 *
 * @param basePath what is taken off the beginning of the path
 * @throws Problem 400 when it is none.
 */
export function readHttpEvent(event: unknown, basePath = ''): HttpEvent {
  const second = v2().safeParse(event).data
  const first = second === undefined ? v1().safeParse(event).data : undefined
  const said = second ?? first
  if (said === undefined) throw refused('This is no HTTP event.')
  try {
    const headers = second === undefined ? headersOf(first!) : headersOfV2(second)
    const query = second === undefined ? queryOf(first!) : (second.rawQueryString ?? '')
    const method = second?.requestContext.http.method ?? first!.httpMethod
    const host = hostOf(said.requestContext.domainName, headers)
    const full = second?.rawPath ?? first!.path
    const url = `https://${host}${escaped(without(basePath, full), /[?#]/g)}${query && `?${escaped(query, /#/g)}`}`
    const body = /^(?:GET|HEAD)$/i.test(method) ? undefined : bodyOf(said)
    if (body !== undefined) headers.set('content-length', String(body.length))
    const request = new Request(url, { method, headers, ...(body !== undefined && { body }) })
    return { request, answer: second ? 'v2' : shapeOf(first!) }
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    // A method, a header or an address that no request may have.
    throw refused('The request is refused.', cause)
  }
}

/** A REST API takes several values whatever it was asked with; a load balancer does as it was set up. */
const shapeOf = ({ requestContext, multiValueHeaders }: z.infer<ReturnType<typeof v1>>): AnswerShape =>
  requestContext.elb === undefined || multiValueHeaders ? 'multiple' : 'single'

function headersOfV2({ headers: given, cookies }: z.infer<ReturnType<typeof v2>>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value === 'string') headers.set(name, byteString(value))
  }
  if (cookies && cookies.length > 0) headers.set('cookie', byteString(cookies.join('; ')))
  return headers
}

function headersOf({ headers: given, multiValueHeaders }: z.infer<ReturnType<typeof v1>>): Headers {
  const headers = new Headers()
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    // Cookies have a separator of their own.
    if (name.toLowerCase() === 'cookie') headers.set(name, byteString((values ?? []).join('; ')))
    else for (const value of values ?? []) headers.append(name, byteString(value))
  }
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value === 'string' && !headers.has(name)) headers.set(name, byteString(value))
  }
  return headers
}

/** A load balancer hands the query over as it came, a REST API decoded. */
function queryOf({ requestContext, ...said }: z.infer<ReturnType<typeof v1>>): string {
  const encode = requestContext.elb === undefined ? encodeURIComponent : (text: string) => text
  const pairs = said.multiValueQueryStringParameters
    ? Object.entries(said.multiValueQueryStringParameters).flatMap(([name, values]) =>
        (values ?? []).map((value) => [name, value] as const),
      )
    : Object.entries(said.queryStringParameters ?? {}).map(([name, value]) => [name, value ?? ''] as const)
  return pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
}

function bodyOf({
  body,
  isBase64Encoded,
}: z.infer<ReturnType<typeof v1> | ReturnType<typeof v2>>): Uint8Array<ArrayBuffer> | undefined {
  if (body === undefined || body === null || body === '') return undefined
  const bytes = isBase64Encoded === true ? fromBase64(body) : encodeUtf8(body)
  if (bytes === undefined) throw refused('The body is not base64.')
  return new Uint8Array(bytes)
}

function hostOf(domainName: string | null | undefined, headers: Headers): string {
  const host = domainName ?? headers.get('host') ?? ''
  // A `Host` that a client has made up must not become a part of the path.
  return HOST.test(host) ? host : 'localhost'
}

function without(basePath: string, full: string): string {
  return full === basePath || full.startsWith(`${basePath}/`) ? full.slice(basePath.length) || '/' : full
}

const escaped = (text: string, what: RegExp): string => text.replaceAll(what, encodeURIComponent)

/** The text as it came over the wire: a header is bytes, one character each. */
const byteString = (text: string): string =>
  /[\u0100-\uffff]/.test(text) ? String.fromCharCode(...encodeUtf8(text)) : text

const refused = (detail: string, cause?: unknown): Problem =>
  new Problem(400, 'ERR_BAD_REQUEST', detail, cause === undefined ? {} : { cause })
