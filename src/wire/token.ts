/**
 * Tokens: how far a reader must have read the log to see a write.
 *
 * Written `k1.<partition>-<next offset>[.<partition>-<next offset>…]` for the evictions topic; where values were set,
 * `_<partition>-<next offset>[.…]` follows for the updates topic (decision 94). Last comes `~<mark>`: the log of evictions
 * that the positions are of, where it tells its identity. It fits a header and a cookie as it stands (decision 20).
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Position } from '../ports/kafka-log.ts'
import { fnv1a } from '../store/fnv.ts'

/** What a write returns and a read takes as `after`. Opaque: pass it on as it is. */
export type Token = string & { readonly __token?: never }

const PATTERN =
  /^k1((?:\.\d{1,5}-\d{1,16})+)(?:_(\d{1,5}-\d{1,16}(?:\.\d{1,5}-\d{1,16})*))?(?:~([\da-z]{1,7}))?$/
/**
 * Partitions of the updates topic in one token. Those of older writes are left out: their values are seen a little later.
 */
const MAX_UPDATES = 32
/** Room for every partition that a cache may have. */
const MAX_LENGTH = 4096

/** The next offset to have reached, by partition. */
export type TokenPositions = ReadonlyMap<number, number>

type Positions = Iterable<readonly [number, number]>

/** What a token names: positions in the evictions topic, and, where values were set, in the updates topic. */
export interface TokenParts {
  readonly evictions: TokenPositions
  readonly updates: TokenPositions
  /** The log of evictions, in short form; absent where that does not tell its identity. */
  readonly log?: string | undefined
}

/** In place of the log, where positions of several may be in one token: readers take no position as passed, and poll. */
export const SEVERAL_LOGS = '0'

/** The identity of a log in short form: its 32-bit FNV-1a hash. */
export const logMark = (logId: string): string => (fnv1a(logId) || 1).toString(36)

/** The log of two tokens that become one. */
const joinedLog = (one: string | undefined, other: string | undefined): string | undefined =>
  one === undefined || other === undefined || one === other ? (one ?? other) : SEVERAL_LOGS

export const formatToken = (evictions: TokenPositions): Token => writeToken({ evictions, updates: new Map() })

/** The token that names these positions. */
export function writeToken({ evictions, updates, log }: TokenParts): Token {
  const values = list([...updates].slice(-MAX_UPDATES))
  return `k1.${list([...evictions])}${values === '' ? '' : `_${values}`}${log === undefined ? '' : `~${log}`}`
}

const list = (positions: [number, number][]): string =>
  positions
    .sort(([a], [b]) => a - b)
    .map(([partition, offset]) => `${partition}-${offset}`)
    .join('.')

/**
 * The positions in the evictions topic that a token names.
 * @throws KedgeError `ERR_TOKEN` when it is not one.
 */
export const parseToken = (token: Token): TokenPositions => readToken(token).evictions

/**
 * Reads a token.
 * @throws KedgeError `ERR_TOKEN` when it is not one.
 */
export function readToken(token: Token): TokenParts {
  const parts = typeof token === 'string' && token.length <= MAX_LENGTH ? PATTERN.exec(token) : null
  if (parts?.[1] === undefined) throw noToken()
  return { evictions: positionsIn(parts[1].slice(1)), updates: positionsIn(parts[2]), log: parts[3] }
}

const noToken = () => new KedgeError('ERR_TOKEN', 'not a kedge token: pass on what a write returned')

function positionsIn(text: string | undefined): TokenPositions {
  const parts = text?.split('.').map((part) => part.split('-').map(Number) as [number, number]) ?? []
  if (!parts.every(([, offset]) => Number.isSafeInteger(offset))) throw noToken()
  return raised([], parts)
}

/** Raises the positions of `into` to those of `more`; what was raised last stands last. */
export function raise(into: Map<number, number>, more: Positions): void {
  for (const [partition, offset] of more) {
    const known = into.get(partition) ?? 0
    into.delete(partition)
    into.set(partition, Math.max(offset, known))
  }
}

/** The positions, raised to those of `more`. */
function raised(positions: Positions, more: Positions): TokenPositions {
  const all = new Map(positions)
  raise(all, more)
  return all
}

/** What both name; where they name several logs, none of them. */
export const joinParts = (one: TokenParts, other: TokenParts): TokenParts => ({
  evictions: raised(one.evictions, other.evictions),
  updates: raised(one.updates, other.updates),
  log: joinedLog(one.log, other.log),
})

/**
 * One token that stands for several: a reader that has passed it has passed each of them.
 * @throws KedgeError `ERR_TOKEN` when one is not a token.
 */
export function joinTokens(...tokens: readonly (Token | undefined)[]): Token | undefined {
  let joined: TokenParts | undefined
  for (const token of tokens) {
    if (token === undefined) continue
    const parts = readToken(token)
    joined = joined === undefined ? parts : joinParts(joined, parts)
  }
  return joined && writeToken(joined)
}

/**
 * The token that a reader has passed when it has read all of the records: evictions, and values in the updates topic.
 *
 * @param log of the evictions, in short form
 */
export const tokenOf = (
  evictions: readonly Position[],
  updates: readonly Position[] = [],
  log?: string,
): Token => writeToken({ evictions: after(evictions), updates: after(updates), log })

const after = (records: readonly Position[]): TokenPositions =>
  raised(
    [],
    records.map(({ partition, offset }) => [partition, offset + 1] as const),
  )
