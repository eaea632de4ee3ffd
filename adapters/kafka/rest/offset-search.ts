/**
 * The bounds of a partition by probing: a proxy that has no offsets still answers whether one offset lies
 * inside the log.
 *
 * Two answers prove the end, in this order: the offset after it lies outside, and it lies inside itself. The
 * second rules out that the first offset lay before the beginning. Bounds of an earlier call only say where
 * the search begins: the proxy confirms every returned bound after the call began.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'

/** Whether `beginning ≤ offset ≤ end`, now. */
export type Probe = (offset: number) => Promise<boolean>

export interface Bounds {
  readonly beginning: number
  readonly end: number
}

/** Where the log was when it was last looked at. */
export interface Remembered {
  readonly end: number
  /** Absent where only the end is known: by an acknowledgement. */
  readonly beginning?: number
}

/** Searches that may be overtaken by retention, one after the other. */
const MAX_SEARCHES = 3

/**
 * The bounds, or `undefined` where the search has no offset inside of the log to begin at: the proxy does not
 * answer on which side of the log an outside offset lies.
 *
 * Three requests while nothing changes, two of them at once; about two for each doubling of what was written since.
 *
 * @throws what `probe` throws; KedgeError `ERR_PROTOCOL` where the log moves faster than it can be probed, or seems to have
 * no end.
 */
export async function searchBounds(
  probe: Probe,
  remembered: Remembered | undefined,
): Promise<Bounds | undefined> {
  for (let searches = 0; searches < MAX_SEARCHES; searches++) {
    const known = searches === 0 ? remembered : undefined
    const last = known?.end ?? 0
    const above = await probe(last + 1)
    const high = above ? await climb(probe, last + 1) : last
    const [confirmed, lowIsInside] = await Promise.all([probe(high), probe(known?.beginning ?? 0)])
    if (!confirmed) {
      // No search has found an offset here yet, or the remembered bounds are of a deleted topic of this name.
      if (!above && known === undefined) return undefined
      continue
    }
    return { beginning: await lowest(probe, known?.beginning, lowIsInside, high), end: high }
  }
  throw new KedgeError('ERR_PROTOCOL', 'reading offsets: the log changed while its end was searched', {
    retryable: true,
  })
}

/** The highest offset inside, from one that is: in steps that double, then by a binary search. */
async function climb(probe: Probe, from: number): Promise<number> {
  let inside = from
  let outside = from + 1
  for (let step = 1; await probe(outside); step *= 2) {
    inside = outside
    outside = Math.min(outside + step, Number.MAX_SAFE_INTEGER)
    // No log is as long: a proxy that takes every offset for one inside never shows an end.
    if (outside === inside) throw endless()
  }
  while (outside - inside > 1) {
    const middle = inside + Math.floor((outside - inside) / 2)
    if (await probe(middle)) inside = middle
    else outside = middle
  }
  return inside
}

const endless = (): KedgeError =>
  new KedgeError(
    'ERR_PROTOCOL',
    'reading offsets: the proxy accepts every offset, so its answers do not show the end',
  )

/**
 * The lowest offset inside, given one that is. A remembered beginning that still lies inside is still the
 * beginning: a log's beginning never falls.
 */
export async function lowestInside(
  probe: Probe,
  remembered: number | undefined,
  high: number,
): Promise<number> {
  // A beginning above the end is that of a deleted topic of this name.
  const known = remembered !== undefined && remembered <= high ? remembered : undefined
  return lowest(probe, known, await probe(known ?? 0), high)
}

async function lowest(
  probe: Probe,
  remembered: number | undefined,
  isInside: boolean,
  high: number,
): Promise<number> {
  let outside = remembered ?? 0
  if (isInside) return Math.min(outside, high)
  let inside = high
  while (inside - outside > 1) {
    const middle = outside + Math.floor((inside - outside) / 2)
    if (await probe(middle)) inside = middle
    else outside = middle
  }
  return inside
}
