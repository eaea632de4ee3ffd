/** The marker of a stream on each server: its epoch, its positions, and the list of servers. @module */
import { decodeUtf8, encodeUtf8 } from '../../../src/wire/codec.ts'
import type { SinkState } from '../../../src/ports/sink.ts'
import { fields, fits, listOf, nullable, offsetShape, text, tuple } from '../../answer-shape.ts'
import { nameFor } from '../shared/item-name.ts'
import { parseJson } from '../../kafka/rest/problem.ts'
import type { MemcachedConnection, MemcachedServer } from './connection.ts'
import type { PipelinedCall } from './pipelined-call.ts'
import { failureError } from './failure.ts'
import { MetaFailure } from './meta.ts'

export interface Marker {
  readonly epoch: string
  /** Rises with every epoch, so that writes of an earlier epoch count as older. */
  readonly generation: number
  readonly log: string | null
  readonly ring: string
  readonly positions: readonly (readonly [partition: number, next: number])[]
}

const shape = fields<Marker>({
  epoch: text,
  generation: offsetShape,
  log: nullable(text),
  ring: text,
  positions: listOf(tuple(offsetShape, offsetShape)),
})

/** A marker with the CAS token that it was read with; both absent where there is none. */
export interface Placed {
  readonly server: MemcachedServer
  readonly name: string
  readonly marker: Marker | undefined
  readonly cas: string | undefined
}

/** A stream's state with the generation of its epoch. */
export interface Stored extends SinkState {
  readonly generation: number
}

/** All servers and their shares. When they change, keys move: the sync must write everything again. */
export const ringOf = (connection: MemcachedConnection): string =>
  connection
    .servers()
    .map(({ id, weight }) => `${id} ${weight}`)
    .join(',')

export const encodeMarker = (marker: Marker): Uint8Array => encodeUtf8(JSON.stringify(marker))

/**
 * The markers of all servers: each server holds one, and the hash of its key does not choose the server
 * (decision 70).
 */
export async function readMarkers(
  talk: PipelinedCall,
  prefix: string,
  stream: string,
): Promise<readonly Placed[]> {
  const name = await nameFor(`${prefix}sync:`, encodeURIComponent(stream))
  const servers = talk.connection.servers()
  const request = { verb: 'mg', key: name, flags: ['v', 'c'] } as const
  const replies = await talk.ask(servers.map((server) => ({ server, request })))
  return servers.map((server, index) => {
    const reply = replies[index]!
    if (reply instanceof MetaFailure) throw failureError(reply)
    const found = parseJson((reply.value && decodeUtf8(reply.value)) ?? '')
    return { server, name, marker: fits(found, shape) ? found : undefined, cas: reply.cas }
  })
}

/** The state on which all servers agree; `undefined` where one has none, or they do not, or there are others now. */
export function agreed(placed: readonly Placed[], ring: string): Stored | undefined {
  const first = placed[0]?.marker
  if (!first) return undefined
  const positions = new Map(first.positions)
  for (const { marker } of placed) {
    if (marker?.epoch !== first.epoch || marker.generation !== first.generation) return undefined
    if (marker.ring !== ring) return undefined
    const there = new Map(marker.positions)
    // A server without a position of a partition may hold none of its records.
    for (const [partition, position] of positions) {
      const other = there.get(partition)
      if (other === undefined) positions.delete(partition)
      else positions.set(partition, Math.min(position, other))
    }
  }
  return { epoch: first.epoch, generation: first.generation, logId: first.log ?? undefined, positions }
}
