/** Who has written or evicted what through the worker, or shown a wrong credential. Never a key in clear, a value or a secret. @module */
import type { Context } from 'hono'
import { hmacBy } from '../services/audit/hmac.ts'
import type { Hmac } from '../services/audit/hmac.ts'
import { traceIdFrom } from '../services/audit/request-ids.ts'
import { isKedgeError, type KedgeErrorCode } from '../src/ports/errors.ts'
import type { RequestContext } from '../src/api/read-types.ts'
import { readToken } from '../src/wire/token.ts'
import type { Bearer, Scope } from './auth.ts'
import { CredentialRefused } from './auth.ts'
import { Problem, type WorkerProblemCode } from './problem.ts'
import { requestIdOf } from './request-id.ts'

/** One line of the audit. */
export interface AuditEntry {
  readonly act: 'write' | 'evict' | 'show-credential'
  readonly namespace?: string | undefined
  /** What was evicted. */
  readonly what?: 'keys' | 'tags' | 'prefix' | 'namespace' | 'all' | undefined
  /** Keys or tags that the request names. */
  readonly count?: number | undefined
  /** HMAC-SHA-256 of the keys by `keysHash`, 32 hexadecimal digits each: of a hundred at most. */
  readonly keys?: readonly string[] | undefined
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** The last offset that the write has in the partition. */
  readonly lastOffset?: number | undefined
  /** `ok`; `wrong-credential`; `forbidden`: its token has not the scope; `failed`: unforeseen; else the problem's code. */
  readonly outcome: 'ok' | 'wrong-credential' | 'forbidden' | 'failed' | WorkerProblemCode | KedgeErrorCode
  /** `token-` and the beginning of the token's SHA-256; empty without credentials, and for a wrong one. */
  readonly principal: string
  readonly roles: readonly Scope[]
  /** The address that the request comes from, where the platform tells it; else empty. */
  readonly remote: string
  /** That of the request's `x-request-id`, or a new one; the answer has it too. */
  readonly requestId: string
  /** Of the request's `traceparent`. */
  readonly traceId?: string | undefined
  /** Refused credentials before this one that have no entry of their own, because there were too many. */
  readonly unsaid?: number | undefined
}

export interface AuditOptions {
  /** Called after each write, each eviction and each refused credential; `auditTopic()` or `auditLines()`, say. Must not throw. */
  readonly tell: (entry: AuditEntry, context: RequestContext) => void
  /** Names of the topics, for entries. @default `cache-evictions` and `cache-updates` */
  readonly topics?: { readonly evictions?: string | undefined; readonly updates?: string | undefined }
  /** The secret by which keys are shown as hashes: at least 16 characters. @default entries have no keys */
  readonly keysHash?: string | undefined
  /** The address of the client; where it throws, the entry has none. @default the connection's under Node, else empty */
  readonly remote?: (request: Request) => string
}

/** What a request is going to do. */
export interface AuditedAct {
  readonly act: 'write' | 'evict'
  readonly namespace?: string | undefined
  readonly what?: AuditEntry['what']
  readonly count?: number | undefined
  readonly keys?: readonly string[] | undefined
}

const MAX_KEYS = 100
const DIGITS = 32
/** Refused credentials that have an entry at once, and then one in so many milliseconds: a guesser must not fill the audit. */
const REFUSALS = 10
const REFUSAL_MS = 6000

export class Audit {
  readonly #options: AuditOptions
  readonly #hmac: Hmac | undefined
  #refusals = REFUSALS
  #countedAt = -Infinity
  #unsaid = 0

  /** @throws TypeError for a `keysHash` that can be guessed. */
  constructor(options: AuditOptions) {
    const { tell, keysHash } = options
    if (typeof tell !== 'function') throw new TypeError('`audit.tell` must be a function')
    this.#options = options
    this.#hmac = keysHash === undefined ? undefined : hmacBy(keysHash, 'audit.keysHash')
  }

  /** A request whose credential was refused. One that showed none is no attempt. */
  refused(c: Context, context: RequestContext, scope: Scope, error: unknown): void {
    if (!(error instanceof Problem) || c.req.header('authorization') === undefined) return
    if (error.status !== 401 && error.status !== 403) return
    if (!this.#mayTell()) {
      this.#unsaid++
      return
    }
    const act = error.status === 401 || scope === 'read' ? 'show-credential' : scope
    const outcome = error.status === 401 ? 'wrong-credential' : 'forbidden'
    const bearer = error instanceof CredentialRefused ? error.bearer : undefined
    this.#options.tell({ act, outcome, ...this.#sender(c, bearer), unsaid: this.#unsaid }, context)
    this.#unsaid = 0
  }

  /** A write or an eviction, once it is settled: one entry for each partition. Never rejects. */
  async settled(
    c: Context,
    context: RequestContext,
    bearer: Bearer | undefined,
    { keys, ...act }: AuditedAct,
    work: Promise<string>,
  ): Promise<void> {
    const sender = this.#sender(c, bearer)
    const [token, outcome] = await work.then(
      (written) => [written, 'ok'] as const,
      (error: unknown) => [undefined, outcomeOf(error)] as const,
    )
    const entry = { ...act, ...(await this.#hashed(keys)), outcome, ...sender }
    const parts = token === undefined ? [] : this.#partsOf(token)
    if (parts.length === 0) this.#options.tell(entry, context)
    for (const part of parts) this.#options.tell({ ...entry, ...part }, context)
  }

  #sender(c: Context, bearer: Bearer | undefined) {
    return {
      principal: bearer?.name ?? '',
      roles: bearer?.scopes ?? [],
      remote: this.#remoteOf(c),
      requestId: requestIdOf(c),
      traceId: traceIdFrom(c.req.header('traceparent')),
    }
  }

  /** A request is answered, and has its entry, whatever the program makes of its address. */
  #remoteOf(c: Context): string {
    try {
      return (this.#options.remote ?? connectionOf(c))(c.req.raw)
    } catch {
      return ''
    }
  }

  async #hashed(keys: readonly string[] | undefined): Promise<Pick<AuditEntry, 'keys'>> {
    const hmac = this.#hmac
    if (!hmac || keys === undefined) return {}
    return {
      keys: await Promise.all(keys.slice(0, MAX_KEYS).map(async (key) => (await hmac(key)).slice(0, DIGITS))),
    }
  }

  #partsOf(token: string): Pick<AuditEntry, 'topic' | 'partition' | 'lastOffset'>[] {
    const { evictions = 'cache-evictions', updates = 'cache-updates' } = this.#options.topics ?? {}
    const parts = readToken(token)
    const of = (topic: string, positions: ReadonlyMap<number, number>) =>
      [...positions].map(([partition, next]) => ({ topic, partition, lastOffset: next - 1 }))
    return [...of(evictions, parts.evictions), ...of(updates, parts.updates)]
  }

  #mayTell(): boolean {
    const now = performance.now()
    this.#refusals = Math.min(REFUSALS, this.#refusals + (now - this.#countedAt) / REFUSAL_MS)
    this.#countedAt = now
    if (this.#refusals < 1) return false
    this.#refusals--
    return true
  }
}

function outcomeOf(error: unknown): AuditEntry['outcome'] {
  return error instanceof Problem || isKedgeError(error) ? error.code : 'failed'
}

/** Of Node's server, which gives it with each request. */
const connectionOf = (c: Context) => (): string => {
  const env = c.env as
    | { readonly incoming?: { readonly socket?: { readonly remoteAddress?: unknown } } }
    | undefined
  const address = env?.incoming?.socket?.remoteAddress
  return typeof address === 'string' ? address : ''
}
