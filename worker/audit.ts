/** Who has written or evicted what through the worker, or shown a wrong credential. Never a key in clear, a value or a secret. @module */
import type { Context } from 'hono'
import { hmacBy } from '../services/audit/hmac.ts'
import type { Hmac } from '../services/audit/hmac.ts'
import { traceIdFrom } from '../services/audit/request-ids.ts'
import { isKedgeError } from '../src/ports/errors.ts'
import type { RequestContext } from '../src/api/read-types.ts'
import { readToken } from '../src/wire/token.ts'
import type { AuditEntry, AuditOptions } from './audit-options.ts'
import type { Bearer, Scope } from './auth.ts'
import { CredentialRefused } from './auth.ts'
import { Problem } from './problem.ts'
import { requestIdOf } from './request-id.ts'
import { harmless } from '../src/runtime/listener.ts'

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
  readonly #tell: AuditOptions['tell']
  readonly #hmac: Hmac | undefined
  #refusals = REFUSALS
  #countedAt = -Infinity
  #unsaid = 0

  /** @throws TypeError for a `keysHash` that can be guessed. */
  constructor(options: AuditOptions) {
    const { tell, keysHash } = options
    if (typeof tell !== 'function') throw new TypeError('`audit.tell` must be a function')
    this.#options = options
    this.#tell = harmless(tell.bind(options))
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
    this.#tell({ act, outcome, ...this.#sender(c, bearer), unsaid: this.#unsaid }, context)
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
    if (parts.length === 0) this.#tell(entry, context)
    for (const part of parts) this.#tell({ ...entry, ...part }, context)
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
