/** Turns failures of Memcached into errors of kedge. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { printable } from '../../kafka/rest/problem.ts'
import type { MetaFailure } from './meta.ts'

/** The words of memcached 1.6's `proto_text.c`, `memcached.c` and `authfile.c`. */
export function failureError({ message }: MetaFailure): KedgeError {
  const text = `Memcached says: ${printable(message)}`
  if (/unauthenticated|authentication/i.test(message)) return new KedgeError('ERR_AUTH', text)
  if (/out of memory|too many open connections/i.test(message)) {
    return new KedgeError('ERR_OVERLOADED', text, { retryable: true })
  }
  if (isTooLarge(message)) return new KedgeError('ERR_TOO_LARGE', text)
  if (message === 'ERROR') {
    return new KedgeError('ERR_UNSUPPORTED', `${text}: meta commands need memcached 1.6 or later`)
  }
  return new KedgeError('ERR_PROTOCOL', text, { retryable: message.startsWith('SERVER_ERROR') })
}

export const isTooLarge = (message: string): boolean => message.startsWith('SERVER_ERROR object too large')

/** The error for a server that does not answer. Its message may name hosts, and never quotes a request. */
export function silence(server: string, error: unknown): KedgeError {
  const said = printable(error instanceof Error ? error.message : 'the connection is closed')
  return new KedgeError('ERR_NETWORK', `no answer from Memcached at ${server}: ${said}`, {
    cause: new Error(said),
    retryable: true,
  })
}
