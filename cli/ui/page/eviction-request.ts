/** The requests that evict, as each service takes them. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import type { Evicts } from '../state.ts'

export type Kind = 'key' | 'tag' | 'prefix' | 'all'

export interface Wanted {
  readonly namespace: string
  readonly kind: Kind
  /** The key, tag or prefix. */
  readonly name: string
}

export interface EvictionRequest {
  readonly path: string
  /** Neither can be sent by a page of another origin without being asked for first. */
  readonly type: 'application/json' | 'application/vnd.kafka.json.v2+json'
  readonly body: unknown
}

export const evictionRequest = (evicts: Evicts, wanted: Wanted): EvictionRequest =>
  evicts.by === 'serve' ? atServe(wanted) : atGateway(evicts, wanted)

function atServe({ namespace, kind, name }: Wanted): EvictionRequest {
  const what = { key: { keys: [name] }, tag: { tags: [name] }, prefix: { prefix: name }, all: { all: true } }
  return { path: '/evictions', type: 'application/json', body: { namespace, ...what[kind] } }
}

/** A record as a cache would write it: a namespace lives whole in one partition. */
function atGateway(
  { topic, partitions }: Extract<Evicts, { by: 'gateway' }>,
  { namespace, kind, name }: Wanted,
): EvictionRequest {
  const what = { key: { keys: [name] }, tag: { tags: [name] }, prefix: { prefixes: [name] }, all: {} }
  const value = { v: 1, op: kind === 'all' ? 'clear' : 'evict', ns: namespace, ...what[kind] }
  const partition = partitionOf(encodeUtf8(namespace), partitions)
  return {
    path: `/topics/${encodeURIComponent(topic)}`,
    type: 'application/vnd.kafka.json.v2+json',
    body: { records: [{ partition, value }] },
  }
}

/** Where the eviction stands, by the answer: a token, or an offset. @throws Error with what the log refused */
export function evictedAt(evicts: Evicts, answer: unknown): string {
  if (evicts.by === 'serve') return `token ${String((answer as { readonly token?: unknown }).token)}`
  const { offsets } = answer as {
    readonly offsets?: readonly {
      readonly partition?: number
      readonly offset?: number
      readonly error?: string
    }[]
  }
  const [first] = offsets ?? []
  // A status of 200 is no acknowledgement: each record has its own.
  if (first?.offset == null || first.error != null)
    throw new Error(first?.error ?? 'The log has not taken it.')
  return `at ${first.partition}@${first.offset}`
}
