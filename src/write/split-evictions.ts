/**
 * Evictions of many keys, tags or prefixes, in messages that a record has room for.
 *
 * @module
 */
import { isKedgeError } from '../ports/errors.ts'
import type { Settings } from '../api/settings.ts'
import { pack } from '../wire/codec.ts'
import type { ClearMessage, EvictMessage, IntentMessage, Traced } from '../wire/messages.ts'

/** Keys, tags or prefixes in one record of our own. */
const IDS_PER_RECORD = 100

export type EvictBody = Omit<EvictMessage, 'v' | 'op' | 'ns'>

export type EvictionsMessage = (EvictMessage | ClearMessage | IntentMessage) & Traced

/** The messages of evictions of a namespace. */
export const evictMessages = (namespace: string, bodies: readonly EvictBody[]): EvictMessage[] =>
  bodies
    .flatMap((body) => split(body, IDS_PER_RECORD))
    .map((body) => ({ v: 1, op: 'evict', ns: namespace, ...body }))

/** Packs a message: where it is larger than a message may be without its trace, and then in halves. */
export async function fitting<M extends { readonly message: EvictionsMessage }>(
  write: M,
  settings: Settings,
): Promise<(M & { value: Uint8Array })[]> {
  try {
    return [{ ...write, value: await pack(write.message, settings) }]
  } catch (error) {
    const halves = isKedgeError(error) && error.code === 'ERR_TOO_LARGE' ? halve(write.message) : undefined
    if (halves === undefined) throw error
    const fitted = await Promise.all(halves.map((message) => fitting({ ...write, message }, settings)))
    return fitted.flat()
  }
}

/** Bodies of at most so many keys, tags or prefixes; only one kind is ever given at once. */
function split<B extends EvictBody>(body: B, most: number): B[] {
  const [kind, ids] = idsOf(body)
  const parts: B[] = []
  for (let from = 0; from < ids.length; from += most)
    parts.push({ ...body, [kind]: ids.slice(from, from + most) })
  return parts
}

function halve(message: EvictionsMessage): EvictionsMessage[] | undefined {
  if (message.tp !== undefined) return [{ ...message, tp: undefined }]
  if (message.op !== 'evict') return undefined
  const [, { length }] = idsOf(message)
  return length > 1 ? split(message, Math.ceil(length / 2)) : undefined
}

function idsOf(body: EvictBody): ['keys' | 'tags' | 'prefixes', readonly string[]] {
  if (body.keys) return ['keys', body.keys]
  return body.tags ? ['tags', body.tags] : ['prefixes', body.prefixes ?? []]
}
