/** What the audit of the worker tells, and whom. @module */
import type { RequestContext } from '../src/api/read-types.ts'
import type { KedgeErrorCode } from '../src/ports/errors.ts'
import type { Scope } from './auth.ts'
import type { WorkerProblemCode } from './problem.ts'

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
  /** Called after each write, each eviction and each refused credential; `auditTopic()` or `auditLines()`, say. */
  readonly tell: (entry: AuditEntry, context: RequestContext) => void
  /** Names of the topics, for entries. @default `cache-evictions` and `cache-updates` */
  readonly topics?: { readonly evictions?: string | undefined; readonly updates?: string | undefined }
  /** The secret by which keys are shown as hashes: at least 32 characters. @default entries have no keys */
  readonly keysHash?: string | undefined
  /** The address of the client; where it throws, the entry has none. @default the connection's under Node, else empty */
  readonly remote?: (request: Request) => string
}
