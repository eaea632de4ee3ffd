/** The address of a proxy, and the credentials that requests carry to it. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import { toBase64 } from './base64.ts'

/** Basic credentials (RFC 7617; a Confluent API key and its secret) or a bearer token (RFC 6750). */
export type Auth =
  | { readonly username: string; readonly password: string }
  | {
      /** The adapter calls a function before every request, for tokens that expire. */
      readonly token: string | (() => string | Promise<string>)
    }

export interface EndpointOptions {
  /** The proxy's base address, path included, without credentials. */
  readonly url: string
  readonly auth?: Auth
  /** Sent with every request, for a gateway in front of the proxy. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The credentials of a request, and the secrets in them that no error may quote. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
}

export interface Endpoint {
  readonly origin: string
  /** The path of the base address, without a slash at its end. */
  readonly path: string
  credentials(): Promise<Credentials>
}

export function endpoint(options: EndpointOptions): Endpoint {
  const { origin, pathname } = new URL(options.url)
  const fixed = options.headers ?? {}
  const secrets = Object.values(fixed)
  return {
    origin,
    path: pathname.replace(/\/+$/, ''),
    async credentials() {
      if (!options.auth) return { headers: fixed, secrets }
      const { scheme, value } = await authorization(options.auth)
      const own = 'password' in options.auth ? [options.auth.password, value] : [value]
      return { headers: { ...fixed, authorization: `${scheme} ${value}` }, secrets: [...secrets, ...own] }
    },
  }
}

async function authorization(auth: Auth): Promise<{ scheme: string; value: string }> {
  if ('password' in auth) {
    return { scheme: 'Basic', value: toBase64(encodeUtf8(`${auth.username}:${auth.password}`)) }
  }
  if (typeof auth.token === 'string') return { scheme: 'Bearer', value: auth.token }
  let value: unknown
  try {
    value = await auth.token()
  } catch (cause) {
    throw new KedgeError('ERR_AUTH', 'the function given as `auth.token` failed', { cause, retryable: true })
  }
  // A line break here would let the token write headers of its own.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new KedgeError(
      'ERR_AUTH',
      'the function given as `auth.token` returned something that is not a token',
    )
  }
  return { scheme: 'Bearer', value }
}
