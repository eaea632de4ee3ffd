/**
 * Tokens: how far a reader must have read the log to see a write.
 *
 * Written `k1.<partition>-<next offset>[.<partition>-<next offset>…]`: fits a header and a cookie as it stands.
 *
 * @module
 */
import { KedgeError } from './errors.ts'

/** What a write returns and a read takes as `after`. Opaque: pass it on as it is. */
export type Token = string & { readonly __token?: never }

const PATTERN = /^k1((?:\.\d{1,5}-\d{1,16})+)$/
/** Room for every partition that a cache may have. */
const MAX_LENGTH = 4096

/** The next offset to have reached, by partition. */
export type TokenPositions = ReadonlyMap<number, number>

export function formatToken(positions: TokenPositions): Token {
  const sorted = [...positions].sort(([a], [b]) => a - b)
  return `k1${sorted.map(([partition, offset]) => `.${partition}-${offset}`).join('')}`
}

/**
 * Reads a token.
 * @throws KedgeError `ERR_TOKEN` when it is not one.
 */
export function parseToken(token: Token): TokenPositions {
  const list = typeof token === 'string' && token.length <= MAX_LENGTH ? PATTERN.exec(token)?.[1] : undefined
  if (list === undefined) throw new KedgeError('ERR_TOKEN', 'not a kedge token')
  const positions = new Map<number, number>()
  for (const part of list.slice(1).split('.')) {
    const [partition, offset] = part.split('-').map(Number) as [number, number]
    if (!Number.isSafeInteger(offset)) throw new KedgeError('ERR_TOKEN', 'token offset out of range')
    positions.set(partition, Math.max(offset, positions.get(partition) ?? 0))
  }
  return positions
}

/**
 * One token that stands for several: whoever has passed it has passed each of them.
 * @throws KedgeError `ERR_TOKEN` when one is not a token.
 */
export function joinTokens(...tokens: readonly (Token | undefined)[]): Token | undefined {
  const joined = new Map<number, number>()
  for (const token of tokens) {
    if (token === undefined) continue
    for (const [partition, offset] of parseToken(token)) {
      joined.set(partition, Math.max(offset, joined.get(partition) ?? 0))
    }
  }
  return joined.size > 0 ? formatToken(joined) : undefined
}
