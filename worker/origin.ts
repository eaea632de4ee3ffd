/**
 * The origin: the service behind the cache that a value is read from, and written to, over HTTP.
 *
 * | | |
 * |---|---|
 * | `GET {url}/{namespace}/{key}` | 200 and any JSON, which is the value; or 404 where there is none |
 * | `PUT {url}/{namespace}/{key}` | the value as JSON; any 2xx once it is committed |
 *
 * Any HTTP API of JSON is one. Tags come from a header or from the value; how long a value is kept, the headers of caching
 * say. An origin of `format: 'envelope'` says it all in the body: `{ "value": …, "tags"?: […], "ttl"?: … }`.
 *
 * @module
 */
import * as z from 'zod/mini'
import { durationMs } from '../src/runtime/duration.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { once } from '../src/runtime/once.ts'
import { DurationShape } from './duration.ts'
import { lifetimeOf } from './cache-lifetime.ts'
import { discard, failureOf, originFailed, requester, valueIn } from './origin-request.ts'
import { headerTags, parseTagTemplate, TagError, type TagSource, type TagTemplate } from './origin-tags.ts'
import { Problem } from './problem.ts'
import { Tags } from './schemas.ts'

/** A value with its tags, and what the origin says of how long it may be kept. */
export interface OriginValue {
  readonly value: unknown
  readonly tags: readonly string[]
  /** Since the request. 0 keeps it out of the cache. @default the cache's */
  readonly ttl?: Duration | undefined
  /** How long after `ttl` it may be served while it is loaded again. @default the cache's */
  readonly swr?: Duration | undefined
  /** How long after `ttl` it may be served where it cannot be loaded. @default the cache's */
  readonly staleIfError?: Duration | undefined
  /** Why it must not be kept, for `Cache-Status`: `private`, `set-cookie`, … @default nothing is said */
  readonly unheld?: string | undefined
}

export interface Origin {
  /** `undefined` where there is no such value. Rejects with a {@link Problem}, or with `signal.reason`. */
  read(namespace: string, key: string, signal: AbortSignal): Promise<OriginValue | undefined>
  /** Resolves once the value is committed. Rejects with a {@link Problem}: see {@link OriginWriteError}. */
  write(namespace: string, key: string, value: unknown): Promise<void>
  /** Shown by `/readyz`: `undefined` while it answers. @default nothing is shown */
  outage?(): OriginOutage | undefined
}

/** An origin that fails, since its last good answer. */
export interface OriginOutage {
  /** Requests that have failed. */
  readonly failures: number
  /** How long ago the first of them did, in milliseconds. */
  readonly forMs: number
}

/** A write that failed, or of which it is not known whether it did. */
export class OriginWriteError extends Problem {
  /** Whether the origin may still have committed the value: no answer came, or one that does not say. */
  readonly maybeCommitted: boolean

  constructor(problem: Problem, maybeCommitted: boolean) {
    const { status, code, message, headers, cause } = problem
    super(status, code, message, { headers, cause })
    this.maybeCommitted = maybeCommitted
  }
}

export interface OriginOptions {
  /** Where it is: `http:` or `https:`, with a path if need be, without query. */
  readonly url: string
  /** A bearer token for the origin. @default none */
  readonly token?: string
  /** How long one request may take, in milliseconds. @default 10_000 */
  readonly timeoutMs?: number
  /** The largest answer, in bytes. @default 1_000_000 */
  readonly maxBytes?: number
  /**
   * What its bodies are: the value itself, or an envelope `{ "value": …, "tags"?: […], "ttl"?: … }`, in which it also
   * gets what is written. @default 'plain'
   */
  readonly format?: 'plain' | 'envelope'
  /**
   * The header that has the tags of a plain value: separated by commas, or by spaces in `Surrogate-Key` and `xkey`.
   * @default 'cache-tag'
   */
  readonly tagsHeader?: string
  /**
   * Templates of tags of a plain value, beside those of the header: `team:{value.teamId}`, `{namespace}:{key}`. A list
   * makes a tag of each of its items; where nothing stands there is no tag. @default none
   */
  readonly tags?: readonly string[]
  /**
   * Whether `Cache-Control`, `Age` and `Expires` of a plain answer decide how long it is kept (RFC 9111, RFC 5861):
   * `no-store`, `no-cache` and `private`, a `Vary` by headers of clients, and `Set-Cookie` (without `public` or `s-maxage`)
   * keep it out of the cache. `'ignore'` for an API whose headers are for browsers.
   * @default 'honour'
   */
  readonly cacheControl?: 'honour' | 'ignore'
  /** No value is kept for longer than this because the origin says so, nor served past its time. @default '1d' */
  readonly maxTtl?: Duration
  /** @default the platform's own, looked up at call time */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>
  /** A signal that aborts after so many milliseconds. @default `AbortSignal.timeout` */
  readonly deadline?: (ms: number) => AbortSignal
  /** The wall clock, in milliseconds: for an answer with `Expires` and without `Date`. @default `Date.now` */
  readonly now?: () => number
}

const Envelope = once(() =>
  z.object({ value: z.unknown(), tags: z._default(Tags(), []), ttl: z.optional(DurationShape()) }),
)

/**
 * An origin that is reached over HTTP.
 * @throws TypeError when `url` is not an address that keys can be appended to, or another option is wrong
 */
export function httpOrigin(options: OriginOptions): Origin {
  const { maxBytes = 1_000_000 } = options
  const request = requester(options)
  const base = baseOf(options.url)
  const isPlain = formatOf(options) === 'plain'
  const valueOf = isPlain ? plain(options) : enveloped(maxTtlMs(options))

  return {
    async read(namespace, key, signal) {
      const take = async (response: Response): Promise<OriginValue | undefined> => {
        if (response.status === 404) {
          await discard(response)
          return undefined
        }
        return valueOf(await valueIn(response, maxBytes, signal), response.headers, namespace, key)
      }
      return request(addressOf(base, namespace, key), { method: 'GET' }, take, signal)
    },
    async write(namespace, key, value) {
      const init = { method: 'PUT', body: JSON.stringify(isPlain ? value : { value }) }
      const take = async (response: Response): Promise<Response> => {
        await discard(response)
        return response
      }
      const response = await request(addressOf(base, namespace, key), init, take).catch(
        (problem: Problem) => {
          throw new OriginWriteError(problem, true)
        },
      )
      if (!response.ok) throw refusalOf(response)
    },
  }
}

type Reading = (body: unknown, headers: Headers, namespace: string, key: string) => OriginValue

function formatOf({ format = 'plain' }: OriginOptions): 'plain' | 'envelope' {
  if (format !== 'plain' && format !== 'envelope')
    throw new TypeError("`format` must be 'plain' or 'envelope'")
  return format
}

const maxTtlMs = ({ maxTtl = '1d' }: OriginOptions): number => durationMs(maxTtl, 'maxTtl')

function enveloped(maxMs: number): Reading {
  return (body) => {
    const envelope = Envelope().safeParse(body)
    if (!envelope.success) throw originFailed('The answer of the origin holds no value.', envelope.error)
    const { ttl, ...rest } = envelope.data
    return ttl === undefined ? rest : { ...rest, ttl: Math.min(durationMs(ttl, 'ttl'), maxMs) }
  }
}

function plain(options: OriginOptions): Reading {
  const { tagsHeader = 'cache-tag', cacheControl = 'honour', now = () => Date.now() } = options
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(tagsHeader))
    throw new TypeError('`tagsHeader` must be the name of a header')
  if (cacheControl !== 'honour' && cacheControl !== 'ignore')
    throw new TypeError("`cacheControl` must be 'honour' or 'ignore'")
  const templates = (options.tags ?? []).map((text) => parseTagTemplate(text, 'tags'))
  const maxMs = maxTtlMs(options)
  return (value, headers, namespace, key) => ({
    value,
    tags: tagsOf(headerTags(headers, tagsHeader), templates, { namespace, key, value }),
    ...(cacheControl === 'honour' && lifetimeOf(headers, maxMs, now)),
  })
}

/** A value with a tag too few would outlive the eviction of that tag. */
function tagsOf(
  named: readonly string[],
  templates: readonly TagTemplate[],
  source: TagSource,
): readonly string[] {
  try {
    const all = [...new Set([...named, ...templates.flatMap((template) => template(source))])]
    if (all.length === 0) return all
    const tags = Tags().safeParse(all)
    if (tags.success) return tags.data
    throw new TagError('one of them is not a tag, or they are too many', { cause: tags.error })
  } catch (error) {
    if (!(error instanceof TagError)) throw error
    throw originFailed(`The tags of the origin's answer cannot be made: ${error.message}.`, error)
  }
}

/** Whether the deadline passed while the body arrived. */
function baseOf(url: string): string {
  const base = URL.canParse(url) ? new URL(url) : undefined
  const isHttp = base?.protocol === 'http:' || base?.protocol === 'https:'
  if (base === undefined || !isHttp || base.search !== '' || base.hash !== '' || base.username !== '') {
    throw new TypeError('`url` must be an http or https address without user, query and fragment')
  }
  return base.href.replace(/\/+$/, '')
}

/** Dots alone would be taken for steps through the path, encoded or not, and lead out of the namespace. */
function addressOf(base: string, namespace: string, key: string): string {
  if (/^\.{1,2}$/.test(key) || /^\.{1,2}$/.test(namespace)) {
    throw new Problem(400, 'ERR_BAD_REQUEST', 'The keys `.` and `..` have no address at the origin.')
  }
  return `${base}/${namespace}/${encodeURIComponent(key)}`
}

/** Refusals of the value itself are the client's to mend and pass through; all else is the origin's failure. */
function refusalOf(response: Response): OriginWriteError {
  const { status } = response
  const refused = 'ERR_ORIGIN_REFUSED'
  switch (status) {
    case 400:
    case 409:
    case 412:
    case 413:
    case 422:
      return new OriginWriteError(new Problem(status, refused, 'The origin refuses the value.'), false)
    case 404:
      return new OriginWriteError(new Problem(404, refused, 'The origin has no such key.'), false)
    default:
      return new OriginWriteError(failureOf(response), status >= 500)
  }
}
