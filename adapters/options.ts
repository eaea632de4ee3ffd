/** Options that the adapters share, and how wrong ones are refused. @module */
import { type Fault, faultIn, must, type Options, type OptionTest, within } from '../src/api/option-check.ts'
import { longerThanNothing } from '../src/runtime/duration.ts'
import { callback, count, duration, filled, required, text, textLike } from './option-tests.ts'
import type { Duration } from '../src/runtime/duration.ts'

export { longerThanNothing } from '../src/runtime/duration.ts'
export { checkFeatureOptions as check } from '../src/api/option-check.ts'

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

/** Characters that a header may carry: RFC 9110, section 5.5. */
const headerValue = filled(textLike(/^[\t\x20-\x7e\x80-\xff]*$/, 'must fit a header'))
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const plainUrl = must(isPlainUrl, 'must be an http(s) URL without credentials, query or fragment')
export const urlOption: OptionTest = filled((value) => text(value) ?? plainUrl(value))

export function isPlainUrl(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, username, password, search, hash } = new URL(address)
  return (protocol === 'http:' || protocol === 'https:') && username + password + search + hash === ''
}

/** The parts of Basic credentials. A colon would end the name early: RFC 7617, section 2. */
export const basicShape: { readonly username: OptionTest; readonly password: OptionTest } = {
  username: required(filled(textLike(/^[^:]*$/, 'must not hold a colon'))),
  password: required(text),
}

const token: Options = {
  token: required((value) => (typeof value === 'function' ? undefined : headerValue(value))),
}

/** The types of its parts decide which of both it is meant to be. */
function auth(value: unknown): string | Fault | undefined {
  const given = (value ?? {}) as Readonly<Record<string, unknown>>
  const isBasic = typeof given['username'] === 'string' && typeof given['password'] === 'string'
  const isToken = typeof given['token'] === 'string' || typeof given['token'] === 'function'
  const fault = isBasic === isToken ? NEITHER : faultIn(isBasic ? basicShape : token, value)
  return fault === NEITHER || fault?.path.length === 0 ? NEITHER : fault
}

const NEITHER = 'must be { username, password } without a colon in the name, or { token }'

function headers(value: unknown): string | Fault | undefined {
  const says = 'must be an object of header values'
  if (typeof value !== 'object' || value === null) return says
  const prototype = Object.getPrototypeOf(value) as object | null
  // Of any realm: `Headers` and maps are no such objects, and would send nothing.
  if (prototype !== null && !Object.hasOwn(prototype, 'isPrototypeOf')) return says
  for (const name of Reflect.ownKeys(value)) {
    if (typeof name !== 'string' || !HEADER_NAME.test(name)) return within(String(name), says)
    const fault = headerValue((value as Readonly<Record<string, unknown>>)[name])
    if (fault !== undefined) return within(name, fault)
  }
  return undefined
}

/** The options of {@link TransportOptions}, to be spread into an adapter's own. */
export const transportShape: Readonly<Record<keyof TransportOptions, OptionTest>> = {
  requestTimeout: duration,
  maxResponseBytes: count(1024),
  fetch: callback,
}

/** The options of every adapter of a REST proxy: its address, credentials and transport. */
export const restShape: Readonly<Record<'url' | 'auth' | 'headers' | keyof TransportOptions, OptionTest>> = {
  url: required(urlOption),
  auth,
  headers,
  ...transportShape,
}

/** @throws TypeError quoting `requestTimeout` when it is not a duration above zero. */
export function transportLimits(options: TransportOptions): TransportLimits {
  const timeoutMs = longerThanNothing(options.requestTimeout ?? '5s', 'requestTimeout')
  return { timeoutMs, maxResponseBytes: options.maxResponseBytes ?? 16_000_000, fetch: options.fetch }
}
