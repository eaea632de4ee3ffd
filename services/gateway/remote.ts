/** Where a request comes from. @module */
import { isIPv6 } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** The address of the connection; empty without a server. What a proxy before the gateway says is not used. */
export function remoteOf(c: Context): string {
  const env: Partial<HttpBindings> | undefined = c.env
  return env?.incoming?.socket.remoteAddress ?? ''
}

/** An address of IPv4; of IPv6 the first 64 bits: a host has all addresses under them (RFC 4291, 2.5.4). */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address
  const [head = '', tail] = address.split('%', 1)[0]!.toLowerCase().split('::')
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = tail === undefined ? 0 : 8 - first!.length - last!.length
  return [...first!, ...Array.from({ length: zeros }, () => '0'), ...last!].slice(0, 4).join(':')
}
