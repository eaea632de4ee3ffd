/** Addresses of this machine alone, and the names under which a server there may be asked. @module */
import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether only processes of this machine reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  const kind = isIP(host)
  return kind === 0 ? host.toLowerCase() === 'localhost' : LOOPBACK.check(host, kind === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Whether a `Host` (RFC 9110, section 7.2) names this machine, with any port: `localhost`, `127.0.0.1`, `[::1]`, or the
 * loopback address that the server listens on. A web page whose own name leads to 127.0.0.1 (DNS rebinding) has its
 * own name there.
 */
export function namesLoopback(header: string | undefined, listensOn: string): boolean {
  const name = header?.replace(/:\d{1,5}$/, '').toLowerCase()
  return name !== undefined && (NAMES.has(name) || name === bracketed(listensOn.toLowerCase()))
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
