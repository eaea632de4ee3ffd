/** The npm package `memcache` as a way to Memcached. @module */
import type { Options } from '../../../src/api/option-check.ts'
import { sleep } from '../../../src/ports/runtime.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import { check } from '../../options.ts'
import { count, group, required, textLike } from '../../option-tests.ts'
import type { MemcachedConnection, MemcachedServer, MemcachedSession } from './connection.ts'
import { silence } from './failure.ts'
import { MetaFailure } from './meta.ts'
import { type MemcachedSocket, Session, type SessionLimits } from './session.ts'

/** The members of a node of `memcache`, 1.10 and later, that the connection uses. */
export interface MemcacheNode {
  readonly id: string
  readonly weight: number
  readonly hasSaslCredentials: boolean
  readonly socket: MemcachedSocket | undefined
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** The members of its client that the connection uses. */
export interface MemcacheClient {
  readonly hash: { getNodesByKey(key: string): readonly MemcacheNode[] }
  getNodes(): readonly MemcacheNode[]
}

export interface MemcachedOptions extends SessionLimits {
  /** For servers that are started with `--auth-file` (`-Y`). */
  readonly auth?: { readonly username: string; readonly password: string }
}

/** They are one line of text, and separated by a space. */
const word = required(textLike(/^[^\s\0]+$/, 'must not be empty or hold spaces'))

const shape: Options = {
  auth: group({ username: word, password: word }, 'must be { username, password }'),
  maxRequests: count(1),
  maxBytes: count(1),
  maxValueBytes: count(1),
}

/**
 * A connection over a client of the npm package `memcache`, which must be kedge's own: its connections are taken over.
 *
 * Used are its connecting (TLS, Unix sockets, ElastiCache's discovery) and its consistent hashing, so that
 * other programs which read with the same nodes, weights and hash find the values. A node that is down keeps
 * its keys: if they moved to other nodes, clients would find old values there after it returns. The client's
 * own commands are not used: they take values for text in UTF-8, and return no CAS tokens.
 *
 * @throws TypeError where it is not such a client, or has SASL credentials: servers with SASL know no meta commands.
 * @example
 * ```ts
 * import { Memcache } from 'memcache'
 * import { memcached, memcachedSink } from 'kedge/adapters/memcached'
 *
 * const client = new Memcache({ nodes: ['10.0.0.1:11211', '10.0.0.2:11211'] })
 * const sink = memcachedSink(memcached(client))
 * ```
 */
export function memcached(client: MemcacheClient, options: MemcachedOptions = {}): MemcachedConnection {
  check(shape, options, 'memcached')
  if (typeof client?.getNodes !== 'function' || typeof client.hash?.getNodesByKey !== 'function') {
    throw new TypeError('`client` must be a client of memcache')
  }
  if (client.getNodes().some((node) => node.hasSaslCredentials)) {
    throw new TypeError('`client` must not use `sasl`: servers with SASL know no meta commands. Use `auth`')
  }
  // By the node object: when discovery replaces a node, garbage collection drops its connection, too.
  const servers = new WeakMap<MemcacheNode, MemcachedServer>()
  const serverFor = (node: MemcacheNode) => {
    const server = servers.get(node) ?? new NodeServer(node, options)
    servers.set(node, server)
    return server
  }

  return {
    name: 'memcached',
    servers: () =>
      client
        .getNodes()
        .map(serverFor)
        .sort((one, other) => (one.id < other.id ? -1 : 1)),
    serverOf(key) {
      const [node, another] = client.hash.getNodesByKey(key)
      if (node && !another) return serverFor(node)
      throw new KedgeError(
        'ERR_UNSUPPORTED',
        `a key must be on one server of Memcached, not on ${node ? 'several' : 'none'}`,
      )
    },
  }
}

class NodeServer implements MemcachedServer {
  readonly id: string
  readonly weight: number
  readonly #node: MemcacheNode
  readonly #options: MemcachedOptions
  #session: Session | undefined
  #opening: Promise<Session> | undefined

  constructor(node: MemcacheNode, options: MemcachedOptions) {
    this.id = node.id
    this.weight = node.weight
    this.#node = node
    this.#options = options
  }

  async open(signal: AbortSignal): Promise<MemcachedSession> {
    signal.throwIfAborted()
    if (this.#session?.isOpen) return this.#session
    // The client opens a second connection, and loses the first, when it is asked twice at once.
    this.#opening ??= this.#connect().finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #connect(): Promise<Session> {
    try {
      // Until the socket reports its end, the client would hand out the broken connection again.
      await this.#node.disconnect()
      await this.#node.connect()
    } catch (error) {
      throw silence(this.id, error)
    }
    const { socket } = this.#node
    if (!socket) throw silence(this.id, undefined)
    const session = new Session(this.id, socket, this.#options)
    if (this.#options.auth) await logIn(this.id, session, this.#options.auth)
    this.#session = session
    return session
  }
}

const LOGIN_MS = 5000

/**
 * protocol.txt, "Authentication": a `set` of any key with both words. A server that asks for no login stores
 * them, where every client can read them; so the `set` carries an expiry in the past.
 */
async function logIn(id: string, session: Session, auth: NonNullable<MemcachedOptions['auth']>) {
  const words = `${auth.username} ${auth.password}`
  const login = encodeUtf8(`set kedge:auth 0 -1 ${encodeUtf8(words).length}\r\n${words}\r\n`)
  const late = () =>
    new KedgeError('ERR_TIMEOUT', `Memcached at ${id} does not answer the login`, { retryable: true })
  const send = (signal: AbortSignal) => session.send(1, login.length, () => login, signal)
  const [reply] = await withDeadline({ sleep }, LOGIN_MS, late, send)
  // The error leaves the server's words out: they may repeat the password.
  if (reply instanceof MetaFailure) throw new KedgeError('ERR_AUTH', `Memcached at ${id} refuses the login`)
}
