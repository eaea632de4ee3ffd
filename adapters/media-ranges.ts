/** What a client accepts: the media ranges of `Accept` (RFC 9110, section 12.5.1). @module */

export interface MediaRange {
  /** In lower case, without parameters: `application/json`, `text/*`. */
  readonly type: string
  /** From 0, which refuses it, to 1. */
  readonly q: number
}

const MAX_RANGES = 32

/** The ranges as they stand in the header, at most 32. */
export const mediaRanges = (accept: string): MediaRange[] =>
  accept.split(',', MAX_RANGES).map((range) => ({ type: bareType(range), q: qualityOf(range) }))

/** A media type without its parameters. */
export const bareType = (type: string): string => type.split(';', 1)[0]!.trim().toLowerCase()

function qualityOf(range: string): number {
  const quality = /;\s*q\s*=\s*([\d.]+)/i.exec(range)?.[1]
  return quality === undefined ? 1 : Number(quality)
}
