/** `@upstash/kafka` on our own transport (decision 23). @module */
import type { Kafka } from '@upstash/kafka'
import { type Call, segment } from '../rest/http.ts'
import { failure, isOutOfRange, parseJson, problemOf } from '../rest/problem.ts'
import { KedgeError } from '../../../src/ports/errors.ts'

/** The position asked for lies outside of the partition. */
export class OutOfRange extends Error {}

/** A request of the package to its `HttpClient`. */
interface Request {
  readonly path: readonly string[]
  readonly body?: unknown
}

/**
 * A client of the package for one call. Its `HttpClient` is replaced: requests end with the signal, are sent once,
 * and answers are bounded. An answer is the JSON that came back, unchecked, whatever the package's types say.
 */
export async function client({ http, signal }: Call): Promise<Kafka> {
  const kafka = await blankClient()
  const request =
    (method: 'GET' | 'POST') =>
    async ({ path, body }: Request) => {
      const doing = path[0] === 'produce' ? 'publishing' : `asking for ${path[0] ?? 'nothing'}`
      const answer = await http.send(
        {
          method,
          path: `/${path.map(segment).join('/')}`,
          headers: { accept: 'application/json', 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        },
        signal,
      )
      if (answer.status > 299) {
        if (path[0] === 'fetch' && isOutOfRange(problemOf(answer))) throw new OutOfRange()
        throw failure(answer, doing)
      }
      const value = parseJson(answer.body)
      if (value !== undefined) return value
      throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer is not JSON`, { retryable: true })
    }
  Object.assign(kafka, { client: { get: request('GET'), post: request('POST') } })
  return kafka
}

/**
 * A client without an address, whose `HttpClient` the caller replaces. The adapter sends the credentials
 * itself: the package's own base64 spoils what is not Latin-1.
 *
 * The first call imports the package: a program that bundles this adapter beside others need not install it.
 *
 * @throws KedgeError `ERR_UNSUPPORTED` where it cannot be imported, or keeps its `HttpClient` elsewhere.
 */
async function blankClient(): Promise<Kafka> {
  upstash ??= await imported()
  const kafka = new upstash.Kafka({ url: 'https://kafka.invalid', username: '', password: '' })
  if ('client' in kafka) return kafka
  throw new KedgeError('ERR_UNSUPPORTED', 'this version of `@upstash/kafka` is not supported: install 1.3.5')
}

/** The module, once it has been imported: requests share it, and no promise of it. */
let upstash: typeof import('@upstash/kafka') | undefined

async function imported(): Promise<typeof import('@upstash/kafka')> {
  // A bundler skips an import that it cannot resolve only where the code catches its failure.
  try {
    return await import('@upstash/kafka')
  } catch (cause) {
    throw new KedgeError(
      'ERR_UNSUPPORTED',
      '`@upstash/kafka` cannot be imported: npm install @upstash/kafka',
      { cause },
    )
  }
}
