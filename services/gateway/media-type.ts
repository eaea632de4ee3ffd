/** Content types and what a client accepts. @module */
import type { Context } from 'hono'
import { headerOf } from './header.ts'
import { bareType, mediaRanges } from '../../adapters/media-ranges.ts'
import { Refusal } from './refusal.ts'

/** The media type of the body, without its parameters. */
export function contentType(c: Context): string {
  return bareType(c.req.header('content-type') ?? '')
}

/** The media types of `Accept`, best first; empty when there is no such header. Those with `q=0` are left out. */
export function accepted(c: Context): string[] {
  const header = headerOf(c, 'accept')
  if (!header) return []
  return mediaRanges(header)
    .filter(({ q }) => q > 0)
    .toSorted((a, b) => b.q - a.q)
    .map(({ type }) => type)
}

/**
 * The first of the offered types that the client accepts; the first offered where it has no `Accept`, or
 * accepts any.
 * @throws Refusal `not-acceptable`.
 */
export function negotiate<T extends string>(c: Context, offered: readonly [T, ...T[]]): T {
  const ranges = accepted(c)
  if (ranges.length === 0) return offered[0]
  for (const range of ranges) {
    if (range === '*/*' || range === 'application/*') return offered[0]
    const match = offered.find((type) => type === range)
    if (match) return match
  }
  throw new Refusal('not-acceptable', 'HTTP 406 Not Acceptable')
}
