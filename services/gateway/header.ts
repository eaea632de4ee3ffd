/** One header of a request. @module */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/**
 * `undefined` where it is missing. It reads Node's own parsed headers: Hono would make a `Headers` object of
 * all of them, which costs more than the rest of a poll.
 *
 * @param name in lower case; not one that Node keeps as a list (`set-cookie`)
 */
export function headerOf(c: Context, name: string): string | undefined {
  const env: Partial<HttpBindings> | undefined = c.env
  const value = env?.incoming?.headers[name]
  if (typeof value === 'string') return value
  return env?.incoming ? undefined : c.req.header(name)
}
