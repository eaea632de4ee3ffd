/** The state of a stream in Redis, and what one sink knows of it. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { SinkState } from '../../../src/ports/sink.ts'
import type { RedisConnection, RedisReply } from './connection.ts'
import { READ } from './sink-scripts.ts'
import { listOf, textOf, wholeOf } from './reply.ts'

/** A stream's state with the generation of its epoch, as decimal digits. */
export interface Stored extends SinkState {
  readonly generation: string
}

/** What a sink has read and written of a stream. */
export interface Known {
  readonly epoch: string
  readonly generation: string
  /** The positions that the sink has seen: a store that holds a lower one has lost writes. */
  readonly positions: Map<number, number>
  /**
   * The store was wiped or has lost writes: the sink writes nothing until it has read the state again (decision 76).
   */
  lost: boolean
}

/** The state on which all markers agree; `undefined` where one of them is gone, or they do not. */
export async function readState(
  connection: RedisConnection,
  markers: readonly string[],
  signal: AbortSignal,
): Promise<Stored | undefined> {
  const calls = markers.map((key) => ({ keys: [key], args: [] }))
  const states = (await READ.must(connection, calls, signal, 'reading the state of a stream')).map(stateOf)
  const [first] = states
  if (first === undefined) return undefined
  const positions = new Map(first.positions)
  for (const state of states) {
    if (state?.epoch !== first.epoch || state.generation !== first.generation) return undefined
    for (const [partition, position] of positions) {
      const other = state.positions.get(partition)
      // A node without a position of a partition may hold none of its records.
      if (other === undefined) positions.delete(partition)
      else positions.set(partition, Math.min(position, other))
    }
  }
  return { ...first, positions }
}

/** Whether the store holds a lower position than this sink has seen. */
export function hasLostWrites(known: Known, stored: Stored): boolean {
  for (const [partition, position] of known.positions) {
    if ((stored.positions.get(partition) ?? -1) < position) return true
  }
  return false
}

function stateOf(reply: RedisReply): Stored | undefined {
  const words = listOf(reply).map(textOf)
  const fields = new Map<string, string>()
  for (let at = 0; at + 1 < words.length; at += 2) fields.set(words[at] ?? '', words[at + 1] ?? '')
  const epoch = fields.get('epoch')
  const generation = fields.get('generation')
  if (epoch === undefined || wholeOf(generation) === undefined) return undefined
  const positions = new Map<number, number>()
  for (const [field, text] of fields) {
    const partition = field.startsWith('p:') ? wholeOf(field.slice(2)) : undefined
    const position = wholeOf(text)
    if (partition !== undefined && position !== undefined) positions.set(partition, position)
  }
  return { epoch, generation: generation ?? '', logId: fields.get('log'), positions }
}

/** The state of the markers before a stream begins. */
export interface Proposal {
  /** The epoch on which all markers agree. */
  readonly epoch: string | undefined
  /** The epoch of the first marker; empty for none. */
  readonly first: string
  readonly generation: string
}

export function proposalOf(replies: readonly RedisReply[]): Proposal {
  const markers = replies.map((reply) => listOf(reply).map(textOf))
  const [first = []] = markers
  const agreed = markers.every(([epoch, generation]) => epoch === first[0] && generation === first[1])
  const next = Math.max(...markers.map((marker) => wholeOf(marker[2]) ?? 0))
  if (next === 0) throw new KedgeError('ERR_PROTOCOL', 'Redis returns no generation')
  return {
    epoch: agreed && first[0] !== '' ? first[0] : undefined,
    first: first[0] ?? '',
    generation: String(next),
  }
}
