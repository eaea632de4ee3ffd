/** The streams of one sink: their markers in Memcached, and the batches that it writes there. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { SinkBatch, SinkOutcome, SinkState, SinkWrite } from '../../../src/ports/sink.ts'
import type { MemcachedConnection } from './connection.ts'
import { PipelinedCall } from './pipelined-call.ts'
import { failureError, isTooLarge } from './failure.ts'
import { MetaFailure, type MetaReply } from './meta.ts'
import {
  agreed,
  encodeMarker,
  type Marker,
  type Placed,
  readMarkers,
  ringOf,
  type Stored,
} from './sink-marker.ts'
import { condition, SinkWrites, type WritesLayout } from './sink-writes.ts'
import { stopwatch } from '../shared/stopwatch.ts'

/** Writes that are under way at once, and their bytes; a larger one goes alone. */
const MAX_WRITES = 1000
const MAX_BYTES = 8_000_000
const MAX_ROUNDS = 100

/** What a sink has read and written of a stream. */
interface Known {
  readonly epoch: string
  readonly generation: number
  /** The positions that the sink has seen: a store that holds a lower one has lost writes. */
  readonly positions: Map<number, number>
  /** The store was wiped or has lost writes: the sink writes nothing until it has read the state again. */
  lost: boolean
}

export class SinkStreams {
  readonly #connection: MemcachedConnection
  readonly #layout: WritesLayout
  readonly #known = new Map<string, Known>()
  /** The highest generation that the sink has read. */
  #highest = 0

  constructor(connection: MemcachedConnection, layout: WritesLayout) {
    this.#connection = connection
    this.#layout = layout
  }

  async state(stream: string, watch: boolean, signal: AbortSignal): Promise<SinkState | undefined> {
    const { stored } = await this.#read(this.#talk(signal), stream)
    const known = this.#known.get(stream)
    if (watch && known && known.epoch === stored?.epoch) {
      if (known.generation !== stored.generation || hasLostWrites(known, stored)) known.lost = true
      if (known.lost) return undefined
    } else if (!watch) this.#known.delete(stream)
    if (!stored) return undefined
    if (!watch) this.#learn(stream, stored)
    return { epoch: stored.epoch, logId: stored.logId, positions: stored.positions }
  }

  /**
   * The first server decides between syncs that begin at once; the one that wins there writes to the others.
   */
  async begin(
    stream: string,
    epoch: string,
    logId: string | undefined,
    replaces: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const talk = this.#talk(signal)
    const { placed, stored } = await this.#read(talk, stream)
    if (stored?.epoch !== replaces) return
    const generations = placed.map(({ marker }) => marker?.generation ?? 0)
    const generation = Math.max(Date.now(), this.#highest + 1, ...generations.map((each) => each + 1))
    const ring = ringOf(this.#connection)
    const marker: Marker = { epoch, generation, log: logId ?? null, ring, positions: [] }
    const [first, ...others] = placed
    if (!first) throw new KedgeError('ERR_NETWORK', 'the client has no Memcached server', { retryable: true })
    if ((await this.#place(talk, [first], () => marker)).length > 0) return
    const later = ({ marker: there }: Placed) => (there && there.generation > generation ? undefined : marker)
    await this.#placeAll(talk, stream, others, later)
    this.#learn(stream, { epoch, generation, logId, positions: new Map() })
  }

  async write(stream: string, batch: SinkBatch, signal: AbortSignal): Promise<SinkOutcome> {
    const passed = stopwatch()
    const talk = this.#talk(signal)
    const { placed, stored } = await this.#read(talk, stream)
    const held = this.#known.get(stream)
    const known = held?.epoch === batch.epoch ? held : this.#learn(stream, stored)
    const writes = new SinkWrites(talk, this.#layout, stored?.generation ?? 0, passed)
    if (known?.epoch !== batch.epoch) return writes.outcome('wiped')
    if (known.lost || stored?.generation !== known.generation || hasLostWrites(known, stored)) {
      known.lost = true
      return writes.outcome('wiped')
    }
    for (const group of groups(batch.writes)) {
      await writes.write(group)
      this.#highest = Math.max(this.#highest, writes.highest)
      if (writes.highest > known.generation) break
    }
    // Asked after the writes: a server that was wiped before one of them has no marker now.
    const there = writes.highest <= known.generation && (await this.#move(talk, stream, batch, known, placed))
    if (!there) known.lost = true
    else known.positions.set(batch.partition, Math.max(known.positions.get(batch.partition) ?? 0, batch.next))
    return writes.outcome(there ? 'written' : 'wiped')
  }

  /** Moves the position on every server. `false` where one of them has lost the epoch. */
  async #move(
    talk: PipelinedCall,
    stream: string,
    { partition, next }: SinkBatch,
    { epoch, generation }: Known,
    placed: readonly Placed[],
  ): Promise<boolean> {
    let gone = false
    const moved = ({ marker }: Placed): Marker | undefined => {
      if (marker?.epoch !== epoch || marker.generation !== generation) {
        gone = true
        return undefined
      }
      const positions = new Map(marker.positions)
      positions.set(partition, Math.max(positions.get(partition) ?? 0, next))
      return { ...marker, positions: [...positions] }
    }
    await this.#placeAll(talk, stream, placed, moved, () => gone)
    return !gone
  }

  /** Repeats until each server holds the marker that `next` makes: other syncs change the markers, too. */
  async #placeAll(
    talk: PipelinedCall,
    stream: string,
    placed: readonly Placed[],
    next: (placed: Placed) => Marker | undefined,
    enough: () => boolean = () => false,
  ): Promise<void> {
    let left = placed
    for (let round = 0; left.length > 0 && !enough(); round++) {
      if (round === MAX_ROUNDS) {
        throw new KedgeError('ERR_OVERLOADED', 'other syncs keep moving the positions', { retryable: true })
      }
      left = await this.#place(talk, left, next)
      if (left.length === 0 || enough()) return
      const again = await readMarkers(talk, this.#layout.prefix, stream)
      left = again.filter(({ server }) => left.some((other) => other.server === server))
    }
  }

  /** One attempt. Returns the markers that another sync has changed meanwhile. */
  async #place(
    talk: PipelinedCall,
    placed: readonly Placed[],
    next: (placed: Placed) => Marker | undefined,
  ): Promise<readonly Placed[]> {
    const wanted = placed.flatMap((each) => {
      const marker = next(each)
      return marker ? [{ each, marker }] : []
    })
    const replies = await talk.ask(
      wanted.map(({ each: { server, name, cas }, marker }) => {
        const request = {
          verb: 'ms',
          key: name,
          flags: [condition(cas), 'T0'],
          value: encodeMarker(marker),
        } as const
        return { server, request }
      }),
    )
    return wanted.filter((_, at) => !isStored(replies[at])).map(({ each }) => each)
  }

  async #read(talk: PipelinedCall, stream: string) {
    const placed = await readMarkers(talk, this.#layout.prefix, stream)
    return { placed, stored: agreed(placed, ringOf(this.#connection)) }
  }

  #learn(stream: string, stored: Stored | undefined): Known | undefined {
    if (!stored) return undefined
    const { epoch, generation, positions } = stored
    const known = { epoch, generation, positions: new Map(positions), lost: false }
    this.#known.set(stream, known)
    return known
  }

  #talk(signal: AbortSignal): PipelinedCall {
    return new PipelinedCall(this.#connection, signal)
  }
}

function isStored(reply: MetaReply | MetaFailure | undefined): boolean {
  if (!(reply instanceof MetaFailure)) return reply?.code === 'HD'
  if (!isTooLarge(reply.message)) throw failureError(reply)
  throw new KedgeError('ERR_UNSUPPORTED', 'the positions of so many partitions do not fit in one item')
}

/** Whether the store holds a lower position than this sink has seen. */
function hasLostWrites(known: Known, { positions }: Stored): boolean {
  for (const [partition, position] of known.positions) {
    if ((positions.get(partition) ?? -1) < position) return true
  }
  return false
}

function* groups(writes: readonly SinkWrite[]): Generator<(readonly [number, SinkWrite])[]> {
  let group: (readonly [number, SinkWrite])[] = []
  let bytes = 0
  for (const [index, write] of writes.entries()) {
    const size = write.value?.length ?? 0
    if (group.length > 0 && (group.length >= MAX_WRITES || bytes + size > MAX_BYTES)) {
      yield group
      group = []
      bytes = 0
    }
    group.push([index, write])
    bytes += size
  }
  if (group.length > 0) yield group
}
