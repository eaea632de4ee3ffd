/** Who sent a request, for the bounds that each client has a share of. @module */
import type { Context } from 'hono'
import { principalNameOf } from './access.ts'
import { networkOf, remoteOf } from './remote.ts'

/**
 * The principal that the request was let in as, however it writes its credential; where it has shown none, or none that
 * is right, the network that it comes from. `undefined` without a server of Node.
 */
export function clientOf(c: Context): string | undefined {
  return clientNamed(principalNameOf(c), remoteOf(c))
}

/** The same of a principal's name, empty without credentials, and an address, empty without a server of Node. */
export function clientNamed(name: string, remote: string): string | undefined {
  if (name !== '') return `credential ${name}`
  return remote === '' ? undefined : networkOf(remote)
}
