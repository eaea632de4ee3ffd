/**
 * Asks a neighbour for its dump of a namespace.
 *
 * @module
 */
import { KedgeError } from '../../ports/errors.ts'
import type { Partition } from '../../coherence/partition.ts'
import { json, unpackPlain } from '../../wire/codec.ts'
import { writeToken } from '../../wire/token.ts'
import { isDumpEnd, isDumpHead } from './dump-lines.ts'
import type { DumpHead } from './dump-lines.ts'
import { linesIn, TOO_LONG } from './lines-in.ts'
import type { LineCounts } from './lines-in.ts'

/** What is needed of `fetch`. */
export type DumpFetch = (url: string, init: RequestInit) => Promise<Response>

export interface Neighbour {
  /** Of its HTTP interface, without a slash at the end. */
  readonly url: string
  readonly token: string | undefined
  readonly fetch: DumpFetch
}

/** What is read of one dump at most. */
export interface DumpBounds {
  readonly maxValues: number
  readonly maxBytes: number
  readonly maxLineBytes: number
}

/** A dump as it came in: its lines are not looked at yet. */
export interface DumpAnswer {
  readonly head: Omit<DumpHead, 'token'>
  readonly lines: readonly Uint8Array[]
  /** Lines that are longer than a message may be. */
  readonly refused: number
  readonly bytes: number
  /** Whether the neighbour has told all that it may, and all of it was read. */
  readonly complete: boolean
}

/**
 * The dump of the namespace, within the bounds. Sends the position of this isolate as a token, so that the neighbour has
 * applied every eviction that is too old to be judged here.
 *
 * @throws KedgeError `ERR_AUTH`, `ERR_HTTP`, `ERR_NETWORK` or `ERR_PROTOCOL`
 */
export async function askDump(
  { url, token, fetch }: Neighbour,
  namespace: string,
  { id, position, log }: Partition,
  { maxValues, ...limits }: DumpBounds,
  signal: AbortSignal,
): Promise<DumpAnswer> {
  const after = writeToken({ evictions: new Map([[id, position]]), updates: new Map(), log })
  const headers = {
    accept: 'application/x-ndjson',
    'kedge-token': after,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  // Not followed: the token is for this server.
  const init: RequestInit = { headers, redirect: 'manual', signal }
  let response: Response
  try {
    response = await fetch(`${url}/cache/${encodeURIComponent(namespace)}/dump`, init)
  } catch (cause) {
    signal.throwIfAborted()
    throw new KedgeError('ERR_NETWORK', 'the neighbour cannot be reached', { cause, retryable: true })
  }
  const { status, body } = response
  if (status !== 200 || body === null) {
    await body?.cancel().catch(() => undefined)
    const isAuth = status === 401 || status === 403
    throw new KedgeError(isAuth ? 'ERR_AUTH' : 'ERR_HTTP', `the neighbour answered a dump with ${status}`, {
      retryable: status >= 500,
    })
  }
  const counts: LineCounts = { bytes: 0, isWhole: false }
  const lines: Uint8Array[] = []
  let head: DumpAnswer['head'] | undefined
  let refused = 0
  let complete = false
  for await (const line of linesIn(body, limits, counts, signal)) {
    if (head === undefined) head = headIn(line, namespace)
    else if (line === TOO_LONG) refused++
    else {
      const end = endIn(line)
      if (end !== undefined) {
        complete = end
        break
      }
      if (lines.length >= maxValues) break
      lines.push(line)
    }
  }
  if (head === undefined) throw noDump()
  return { head, lines, refused, bytes: counts.bytes, complete }
}

const noDump = (): KedgeError => new KedgeError('ERR_PROTOCOL', 'the neighbour answered with what is no dump')

function headIn(line: Uint8Array | typeof TOO_LONG, namespace: string): DumpAnswer['head'] {
  const head = line === TOO_LONG ? undefined : messageIn(line)
  if (!isDumpHead(head) || head.ns !== namespace) throw noDump()
  return head
}

/** Whether the dump is complete, where this is its last line. Other lines are parsed when they are judged. */
function endIn(line: Uint8Array): boolean | undefined {
  if (line.length > MAX_END_BYTES) return undefined
  const end = messageIn(line)
  return isDumpEnd(end) ? end.complete : undefined
}

/** The last line is short. */
const MAX_END_BYTES = 256

function messageIn(line: Uint8Array): unknown {
  try {
    return unpackPlain(line, json, line.length)
  } catch {
    return undefined
  }
}
