/** Options that the adapters share, and how wrong ones are refused. @module */
import * as z from 'zod/mini'
import { issueMessage } from '../src/api/issue-message.ts'
import { durationMs } from '../src/runtime/duration.ts'
import type { Duration } from '../src/runtime/duration.ts'

/** What every adapter that speaks HTTP takes. */
export interface TransportOptions {
  /** How long a call may take, without the `waitMs` of a long poll. @default '5s' */
  readonly requestTimeout?: Duration
  /** The largest body that the adapter reads; it cancels a larger one. @default 16_000_000 */
  readonly maxResponseBytes?: number
  /** The transport. @default the platform's `fetch`, looked up at each call */
  readonly fetch?: typeof fetch
}

export interface TransportLimits {
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  readonly fetch: typeof fetch | undefined
}

const text = z.string({ error: 'must be a string' }).check(z.minLength(1, { error: 'must not be empty' }))
/** Characters that a header may carry: RFC 9110, section 5.5. */
const headerValue = text.check(z.regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'must fit a header' }))

export const urlShape: z.ZodMiniType<string> = text.check(
  z.refine(isPlainUrl, {
    error: 'must be an http(s) URL without credentials, query or fragment',
  }),
)

function isPlainUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password, search, hash } = new URL(url)
  return (protocol === 'http:' || protocol === 'https:') && username + password + search + hash === ''
}

/** The parts of Basic credentials. A colon would end the name early: RFC 7617, section 2. */
export const basicShape: {
  readonly username: z.ZodMiniType<string>
  readonly password: z.ZodMiniType<string>
} = {
  username: text.check(z.regex(/^[^:]*$/, { error: 'must not hold a colon' })),
  password: z.string({ error: 'must be a string' }),
}
const bearer = z.strictObject({
  token: z.union([headerValue, z.custom<() => string>((value) => typeof value === 'function')]),
})

const authShape: z.ZodMiniType = z.union([z.strictObject(basicShape), bearer], {
  error: 'must be { username, password } without a colon in the name, or { token }',
})

const headersShape: z.ZodMiniType = z.record(
  z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'must be a header name' })),
  headerValue,
  { error: 'must be an object of header values' },
)

/** The shape of {@link TransportOptions}, to be spread into an adapter's own. */
export const transportShape: {
  readonly requestTimeout: z.ZodMiniType
  readonly maxResponseBytes: z.ZodMiniType
  readonly fetch: z.ZodMiniType
} = {
  requestTimeout: z.optional(z.union([z.string(), z.number()], { error: 'must be a duration' })),
  maxResponseBytes: z.optional(count(1024)),
  fetch: z.optional(z.custom((value) => typeof value === 'function', { error: 'must be a function' })),
}

/** The shape of what every adapter of a REST proxy takes: its address, credentials and transport. */
export const restShape: { readonly url: z.ZodMiniType<string> } & Readonly<
  Record<'auth' | 'headers' | keyof typeof transportShape, z.ZodMiniType>
> = {
  url: urlShape,
  auth: z.optional(authShape),
  headers: z.optional(headersShape),
  ...transportShape,
}

/** A whole number that is at least `least`. */
export function count(least: number): z.ZodMiniType<number> {
  const error = `must be a whole number of at least ${least}`
  return z.int({ error }).check(z.gte(least, { error }))
}

/**
 * Refuses wrong and unknown options.
 * @throws TypeError that quotes the option, and never its value.
 */
export function check(shape: z.ZodMiniType, options: unknown, adapter: string): void {
  const issue = shape.safeParse(options, { error: issueMessage }).error?.issues[0]
  if (!issue) return
  const place = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const unknown = [...issue.path, issue.keys[0]].join('.')
    throw new TypeError(`\`${unknown}\` is not an option of ${adapter}()`)
  }
  throw new TypeError(`${place === '' ? `the options of ${adapter}()` : `\`${place}\``}: ${issue.message}`)
}

/** @throws TypeError quoting `requestTimeout` when it is not a duration above zero. */
export function transportLimits(options: TransportOptions): TransportLimits {
  const timeoutMs = durationMs(options.requestTimeout ?? '5s', 'requestTimeout')
  if (timeoutMs === 0) throw new TypeError('`requestTimeout` must be longer than 0')
  return { timeoutMs, maxResponseBytes: options.maxResponseBytes ?? 16_000_000, fetch: options.fetch }
}

export const durationShape: z.ZodMiniType = z.union([z.string(), z.number()], { error: 'must be a duration' })

/** @throws TypeError quoting `option` */
export function longerThanNothing(duration: Duration, option: string): number {
  const ms = durationMs(duration, option)
  if (ms === 0) throw new TypeError(`\`${option}\` must be longer than 0`)
  return ms
}
