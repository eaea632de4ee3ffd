/**
 * A `Response` as API Gateway, a function URL or a load balancer takes it from a Lambda function.
 *
 * @module
 */
import { toBase64 } from '../../adapters/kafka/rest/base64.ts'
import { decodeUtf8 } from '../../src/wire/codec.ts'
import type { AnswerShape } from './http-event.ts'

/** What a handler returns for an HTTP event. */
export interface LambdaAnswer {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string>>
  /** For REST APIs, and load balancers that have multi-value headers. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>
  /** For payload 2.0. */
  readonly cookies?: readonly string[]
  readonly body: string
  readonly isBase64Encoded: boolean
}

/** Media types whose bodies are text, if they are UTF-8. */
const TEXT =
  /^(?:text\/|application\/(?:[\w.!#$&^+-]+\+)?(?:json|xml|javascript|yaml|x-www-form-urlencoded)\s*(?:;|$))/i

/** The response, its body read to the end. */
export async function answerOf(response: Response, shape: AnswerShape): Promise<LambdaAnswer> {
  const { status: statusCode, headers } = response
  const bytes = new Uint8Array(await response.arrayBuffer())
  const encoded = !/^(?:identity)?$/i.test(headers.get('content-encoding') ?? '')
  const isText = !encoded && (bytes.length === 0 || TEXT.test(headers.get('content-type') ?? ''))
  const text = isText ? decodeUtf8(bytes) : undefined
  const content = { body: text ?? toBase64(bytes), isBase64Encoded: text === undefined }
  const cookies = headers.getSetCookie()
  const others = [...headers].filter(([name]) => name !== 'set-cookie')
  if (shape === 'multiple') {
    const several = Object.fromEntries(others.map(([name, value]) => [name, [value]]))
    const multiValueHeaders = { ...several, ...(cookies.length > 0 && { 'set-cookie': cookies }) }
    return { statusCode, multiValueHeaders, ...content }
  }
  const own = Object.fromEntries(others)
  if (shape === 'v2') return { statusCode, headers: own, ...(cookies.length > 0 && { cookies }), ...content }
  // There is room for one of each name.
  const [cookie] = cookies
  return {
    statusCode,
    headers: { ...own, ...(cookie !== undefined && { 'set-cookie': cookie }) },
    ...content,
  }
}
