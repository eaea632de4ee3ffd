/** Who a client is, and what it may do. @module */
import type { Context } from 'hono'

/**
 * `read`: records and consumer groups. `write`: produce. `admin`: create and delete topics. Each is by itself; any of them
 * suffices to see a topic's partitions and offsets, as `DESCRIBE` does in Kafka's ACLs.
 */
export type Role = 'read' | 'write' | 'admin'

export interface Access {
  /** @default read and write */
  readonly roles?: readonly Role[]
  /** Names of topics, in which `*` stands for any characters. @default `['*']`: all */
  readonly topics?: readonly string[]
  /** Names of consumer groups, in the same way; none for clients that only read by offset. @default `['*']`: all */
  readonly groups?: readonly string[]
}

export interface Principal {
  /** For logs: a user, the name of a credential, or the beginning of a token's hash. Empty without credentials. */
  readonly name: string
  readonly roles: ReadonlySet<Role>
  readonly mayTopic: (topic: string) => boolean
  readonly mayGroup: (group: string) => boolean
}

const ROLES: readonly string[] = ['read', 'write', 'admin'] satisfies Role[]
const DEFAULT_ROLES: readonly Role[] = ['read', 'write']

/** @throws TypeError for a role that is none, or a pattern that no name could match. */
export function principalNamed(name: string, { roles = DEFAULT_ROLES, topics, groups }: Access): Principal {
  for (const role of roles)
    if (!ROLES.includes(role))
      throw new TypeError(`\`roles\` must be of read, write, admin, got ${quoted(role)}`)
  if (!/^[^\p{C}]{0,100}$/u.test(name)) throw new TypeError('`name` must be up to 100 printable characters')
  if (roles.length === 0) throw new TypeError('`roles` must not be empty')
  return {
    name,
    roles: new Set(roles),
    mayTopic: matcher('topics', topics ?? ['*']),
    mayGroup: matcher('groups', groups ?? ['*']),
  }
}

/** The characters of topics (Kafka) and of groups (here), and `*`. */
const PATTERN = /^[\w.~*-]{1,249}$/

function matcher(option: string, patterns: readonly string[]): (name: string) => boolean {
  for (const pattern of patterns)
    if (!PATTERN.test(pattern))
      throw new TypeError(
        `\`${option}\` must be names in which * stands for any characters, got ${quoted(pattern)}`,
      )
  if (patterns.includes('*')) return () => true
  const exact = new Set(patterns)
  const shapes = patterns
    .filter((pattern) => pattern.includes('*'))
    // Several `*` in a row would only take longer.
    .map(
      (pattern) =>
        new RegExp(`^${pattern.replace(/\*+/g, '*').replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's'),
    )
  return (name) => exact.has(name) || shapes.some((shape) => shape.test(name))
}

const quoted = (value: unknown): string => JSON.stringify(String(value).slice(0, 100))

/** Requests whose sender is known. */
const senders = new WeakMap<Context, Principal>()

export const setPrincipal = (c: Context, principal: Principal): void => void senders.set(c, principal)

/** The name of the sender; empty without credentials, and before the authentication. */
export const principalNameOf = (c: Context): string => senders.get(c)?.name ?? ''

/** The sender of a request that has passed the authentication. */
export function principalOf(c: Context): Principal {
  const found = senders.get(c)
  if (!found) throw new Error('the route stands before the authentication')
  return found
}
