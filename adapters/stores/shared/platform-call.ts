/** Calls of what a platform binds, whose failures are plain errors. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { printable } from '../../kafka/rest/problem.ts'

/** @throws KedgeError where `what` does not answer, or refuses: `KV PUT failed: 429 Too Many Requests`. */
export async function answered<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const said = printable(error instanceof Error ? error.message : 'it failed')
    const code = /\b429\b/.test(said) ? 'ERR_RATE_LIMITED' : 'ERR_NETWORK'
    throw new KedgeError(code, `no answer from ${what}: ${said}`, {
      cause: new Error(said),
      retryable: true,
    })
  }
}
