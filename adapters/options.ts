/** Options that the adapters share, and how wrong ones are refused. @module */
import * as z from 'zod/mini'
import { faultIn, refuseFault } from '../src/api/option-check.ts'
import { faultBySchema, type Options, type OptionSchema, required } from './option-schemas.ts'
import { durationMs } from '../src/runtime/duration.ts'
import { once } from '../src/runtime/once.ts'
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

const text = once(() =>
  z.string({ error: 'must be a string' }).check(z.minLength(1, { error: 'must not be empty' })),
)

/** Characters that a header may carry: RFC 9110, section 5.5. */
const headerValue = once(() =>
  text().check(z.regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'must fit a header' })),
)

export const urlShape: () => z.ZodMiniType<string> = once(() =>
  text().check(
    z.refine(isPlainUrl, {
      error: 'must be an http(s) URL without credentials, query or fragment',
    }),
  ),
)

function isPlainUrl(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password, search, hash } = new URL(url)
  return (protocol === 'http:' || protocol === 'https:') && username + password + search + hash === ''
}

/** The parts of Basic credentials. A colon would end the name early: RFC 7617, section 2. */
export const basicShape: { readonly username: OptionSchema; readonly password: OptionSchema } = {
  username: required(() => text().check(z.regex(/^[^:]*$/, { error: 'must not hold a colon' }))),
  password: required(() => z.string({ error: 'must be a string' })),
}

const auth = once(() => {
  const basic = z.strictObject({ username: basicShape.username(), password: basicShape.password() })
  const token = z.union([headerValue(), z.custom((value) => typeof value === 'function')])
  return z.union([basic, z.strictObject({ token })], {
    error: 'must be { username, password } without a colon in the name, or { token }',
  })
})

const headers = once(() =>
  z.record(
    z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'must be a header name' })),
    headerValue(),
    { error: 'must be an object of header values' },
  ),
)

export const durationShape: OptionSchema = once(() =>
  z.union([z.string(), z.number()], { error: 'must be a duration' }),
)

/** The options of {@link TransportOptions}, to be spread into an adapter's own. */
export const transportShape: Readonly<Record<keyof TransportOptions, OptionSchema>> = {
  requestTimeout: durationShape,
  maxResponseBytes: count(1024),
  fetch: once(() => z.custom((value) => typeof value === 'function', { error: 'must be a function' })),
}

/** The options of every adapter of a REST proxy: its address, credentials and transport. */
export const restShape: Readonly<Record<'url' | 'auth' | 'headers' | keyof TransportOptions, OptionSchema>> =
  {
    url: required(urlShape),
    auth,
    headers,
    ...transportShape,
  }

/** A whole number that is at least `least`. */
export function count(least: number): OptionSchema {
  const error = `must be a whole number of at least ${least}`
  return once(() => z.int({ error }).check(z.gte(least, { error })))
}

/**
 * Refuses wrong and unknown options.
 * @throws TypeError that quotes the option, and never its value.
 */
export const check = (known: Options, options: unknown, adapter: string): void =>
  refuseFault(faultIn(known, options, faultBySchema), adapter)

/** @throws TypeError quoting `requestTimeout` when it is not a duration above zero. */
export function transportLimits(options: TransportOptions): TransportLimits {
  const timeoutMs = durationMs(options.requestTimeout ?? '5s', 'requestTimeout')
  if (timeoutMs === 0) throw new TypeError('`requestTimeout` must be longer than 0')
  return { timeoutMs, maxResponseBytes: options.maxResponseBytes ?? 16_000_000, fetch: options.fetch }
}

/** @throws TypeError quoting `option` */
export function longerThanNothing(duration: Duration, option: string): number {
  const ms = durationMs(duration, option)
  if (ms === 0) throw new TypeError(`\`${option}\` must be longer than 0`)
  return ms
}
