/**
 * Redis over Upstash's REST API, for places that cannot hold a connection: `POST /pipeline`.
 *
 * What is sent is JSON, so arguments are text; replies are asked for in base64 (`Upstash-Encoding`), because the API
 * replaces what is not UTF-8 otherwise. Values of any bytes go as text that the scripts of the sink and the tier turn
 * into bytes again. Source: Upstash's page "REST API", sections "Base64 Encoded Responses" and "Pipelining".
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { decodeUtf8 } from '../../src/wire/codec.ts'
import { fields, fits, listOf, number, type Shape, text as string } from '../answer-shape.ts'
import { fromBase64 } from '../kafka/rest/base64.ts'
import { endpoint } from '../kafka/rest/endpoint.ts'
import { http, type HttpAnswer, parsed } from '../kafka/rest/http.ts'
import { check, transportLimits, transportShape, type TransportOptions, urlOption } from '../options.ts'
import { count, required, textLike } from '../option-tests.ts'
import { failure, printable, problemOf } from '../kafka/rest/problem.ts'
import {
  type RedisArgument,
  type RedisConnection,
  RedisFailure,
  type RedisReply,
} from './redis/connection.ts'
import { serverError } from './redis/failure.ts'

export interface UpstashRedisOptions extends Omit<TransportOptions, 'requestTimeout'> {
  /** `UPSTASH_REDIS_REST_URL`. */
  readonly url: string
  /** `UPSTASH_REDIS_REST_TOKEN`: the standard one, because scripts write. */
  readonly token: string
  /** What is sent at once at most, in bytes. The service takes requests of 1 to 10 MB. @default 900_000 */
  readonly maxRequestBytes?: number
}

const { maxResponseBytes, fetch } = transportShape
const shape: Options = {
  url: required(urlOption),
  token: required(textLike(/^[\x21-\x7e]+$/, 'must be a token without spaces')),
  maxRequestBytes: count(1024),
  maxResponseBytes,
  fetch,
}

type Wire = null | number | string | readonly Wire[]
/** Lists within one another: more than any script of ours returns, and few enough for the stack. */
const MAX_LISTS = 8
const wireOf =
  (lists: number): Shape<Wire> =>
  (value) => {
    if (value === null || typeof value === 'string') return undefined
    return lists > 0 && Array.isArray(value) ? listOf(wireOf(lists - 1))(value) : number(value)
  }
interface Failed {
  readonly error: string
}

interface Replied {
  readonly result: Wire
}

const failed = fields<Failed>({ error: string })
const replied = fields<Replied>({ result: wireOf(MAX_LISTS) })
const answer = listOf<Failed | Replied>((value) => failed(value) && replied(value))

/**
 * A connection over Upstash's REST API. Calls end by the deadlines of the sink or tier that makes them.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { redisTier } from 'kedge/adapters/redis'
 * import { upstashRedis } from 'kedge/adapters/upstash-redis'
 *
 * declare const env: Record<'UPSTASH_REDIS_REST_URL' | 'UPSTASH_REDIS_REST_TOKEN', string>
 *
 * const redis = upstashRedis({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN })
 * const tier = redisTier(redis)
 * ```
 */
export function upstashRedis(options: UpstashRedisOptions): RedisConnection {
  check(shape, options, 'upstashRedis')
  const { url, token, maxRequestBytes = 900_000 } = options
  const to = http(endpoint({ url, auth: { token } }), transportLimits(options))

  return {
    name: 'upstash-redis',
    cluster: false,
    binary: false,
    maxPipelineBytes: maxRequestBytes,

    async pipeline(commands, { signal }) {
      if (commands.length === 0) return []
      const doing = 'asking Redis'
      const request = {
        method: 'POST',
        path: '/pipeline',
        headers: { 'content-type': 'application/json', 'upstash-encoding': 'base64' },
        body: JSON.stringify(commands.map(({ args }) => args.map(text))),
      } as const
      const response = await to.send(request, signal)
      if (response.status > 299) {
        const error = refusal(response, doing)
        // A single command that is too large fails by itself, as at a server: the other commands go on.
        if (error.code !== 'ERR_TOO_LARGE' || commands.length > 1) throw error
        return [new RedisFailure('ERR max request size exceeded')]
      }
      const replies = parsed(response, answer, doing)
      if (replies.length === commands.length) return replies.map((reply) => replyOf(reply))
      throw new KedgeError(
        'ERR_PROTOCOL',
        `${doing}: ${commands.length} commands have ${replies.length} replies`,
      )
    },
  }
}

/** With status 400 the service says that a limit is reached, in the words of a server. */
function refusal(response: HttpAnswer, doing: string): KedgeError {
  const { text: said } = problemOf(response)
  if (response.status !== 400 || said === '') return failure(response, doing)
  return serverError(printable(said, response.secrets), doing)
}

/** @throws KedgeError `ERR_UNSUPPORTED` for bytes: the sender must check `binary` first. */
function text(arg: RedisArgument): string {
  const found = typeof arg === 'string' ? arg : decodeUtf8(arg)
  if (found !== undefined) return found
  throw new KedgeError(
    'ERR_UNSUPPORTED',
    'Upstash takes requests in JSON, which cannot carry bytes that are not UTF-8',
  )
}

function replyOf(reply: Failed | Replied): RedisReply {
  return fits(reply, failed) ? new RedisFailure(reply.error) : bytesOf(reply.result)
}

/** Upstash encodes every string in base64, except the status `OK`. */
function bytesOf(value: Wire): RedisReply {
  if (value === null || typeof value === 'number' || value === 'OK') return value
  if (typeof value !== 'string') return value.map(bytesOf)
  const bytes = fromBase64(value)
  if (bytes) return bytes
  throw new KedgeError('ERR_PROTOCOL', 'asking Redis: a string is not base64')
}
