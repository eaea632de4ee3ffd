/** The streams of one sink: their states in Redis, and the batches that it writes there. @module */
import type { SinkBatch, SinkOutcome, SinkState } from '../../../src/ports/sink.ts'
import type { TopicLayout } from '../shared/topic-sink.ts'
import type { RedisConnection } from './connection.ts'
import type { LuaScript, ScriptCall } from './lua-script.ts'
import { BEGIN, PROPOSE, UPSERT_ALONE, WRITE } from './sink-scripts.ts'
import { type Known, proposalOf, readState, hasLostWrites } from './sink-state.ts'
import { type Prepared, SinkWrites } from './sink-writes.ts'
import { stopwatch } from '../shared/stopwatch.ts'

/** Servers and services take requests of at least 1 MB. */
const MAX_TOGETHER_BYTES = 250_000

export interface SinkLayout extends TopicLayout {
  /** A hash tag for each place that holds a stream's state. */
  readonly tags: readonly string[]
  readonly writesPerCall: number
}

export class SinkStreams {
  readonly #connection: RedisConnection
  readonly #layout: SinkLayout
  readonly #known = new Map<string, Known>()

  constructor(connection: RedisConnection, layout: SinkLayout) {
    this.#connection = connection
    this.#layout = layout
  }

  async state(stream: string, watch: boolean, signal: AbortSignal): Promise<SinkState | undefined> {
    const stored = watch ? await this.#watch(stream, signal) : await this.#learn(stream, signal)
    return stored && { epoch: stored.epoch, logId: stored.logId, positions: stored.positions }
  }

  /**
   * The first marker decides between syncs that begin at once; the one that wins there writes to the others.
   */
  async begin(
    stream: string,
    epoch: string,
    logId: string | undefined,
    replaces: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const markers = this.#markers(stream)
    const doing = 'beginning a stream'
    const ask = (script: LuaScript, keys: readonly string[], ...args: readonly string[]) =>
      script.must(
        this.#connection,
        keys.map((key) => ({ keys: [key], args })),
        signal,
        doing,
      )
    const proposal = proposalOf(await ask(PROPOSE, markers))
    if (proposal.epoch !== replaces) return
    const { generation, first } = proposal
    const [won] = await ask(BEGIN, markers.slice(0, 1), epoch, generation, logId ?? '', first, '1')
    if (won !== 1) return
    await ask(BEGIN, markers.slice(1), epoch, generation, logId ?? '', '', '0')
    this.#known.set(stream, { epoch, generation, positions: new Map(), lost: false })
  }

  async write(stream: string, batch: SinkBatch, signal: AbortSignal): Promise<SinkOutcome> {
    const passed = stopwatch()
    if (this.#known.get(stream)?.epoch !== batch.epoch) await this.#learn(stream, signal)
    const known = this.#known.get(stream)
    const writes = new SinkWrites(this.#connection, batch.writes, this.#layout, passed)
    if (known === undefined || known.epoch !== batch.epoch || known.lost) return writes.outcome('wiped')
    const there = this.#connection.cluster
      ? await this.#writeSpread(stream, batch, writes, known, signal)
      : await this.#writeTogether(stream, batch, writes, known, signal)
    if (!there) known.lost = true
    else known.positions.set(batch.partition, Math.max(known.positions.get(batch.partition) ?? 0, batch.next))
    return writes.outcome(there ? 'written' : 'wiped')
  }

  /**
   * Reads the state, and keeps the positions that this sink has seen: a batch of another partition may be
   * under way, and must not move its position past lost writes.
   */
  async #watch(stream: string, signal: AbortSignal) {
    const stored = await readState(this.#connection, this.#markers(stream), signal)
    const known = this.#known.get(stream)
    if (known === undefined || known.epoch !== stored?.epoch) return stored
    if (known.generation !== stored.generation || hasLostWrites(known, stored)) known.lost = true
    return known.lost ? undefined : stored
  }

  /**
   * Reads the state and takes it over. Where it first shows lost writes, it only marks the stream as lost.
   */
  async #learn(stream: string, signal: AbortSignal) {
    const stored = await readState(this.#connection, this.#markers(stream), signal)
    const known = this.#known.get(stream)
    if (stored === undefined) {
      if (known) known.lost = true
      return undefined
    }
    const same = known?.epoch === stored.epoch && known.generation === stored.generation
    if (!same || known.lost) {
      const { epoch, generation, positions } = stored
      this.#known.set(stream, { epoch, generation, positions: new Map(positions), lost: false })
    } else if (hasLostWrites(known, stored)) known.lost = true
    return stored
  }

  /** One server: every call checks the state, and the last one moves it. Whether the state was there. */
  async #writeTogether(
    stream: string,
    batch: SinkBatch,
    writes: SinkWrites,
    known: Known,
    signal: AbortSignal,
  ): Promise<boolean> {
    const [marker = ''] = this.#markers(stream)
    const prepared = writes.calls(this.#layout.writesPerCall)
    // A batch that fits in one call moves the position in that call. Where it takes several, all of them must
    // succeed before the position moves; and a call that the server may refuse as too large must not contain
    // the move.
    const together = prepared.length === 1 && (prepared[0]?.bytes ?? 0) < MAX_TOGETHER_BYTES
    const last = together ? prepared.pop() : undefined
    const call = (next: string, one: Prepared | undefined): ScriptCall => ({
      keys: [marker, ...(one?.keys ?? [])],
      args: () => [...stateArguments(batch, known, next), ...(one?.args() ?? [])],
    })
    const replies = await WRITE.run(
      this.#connection,
      prepared.map((one) => call('', one)),
      signal,
    )
    for (const [index, one] of prepared.entries()) if (!one.take(replies[index])) return false
    const [moved] = await WRITE.run(this.#connection, [call(String(batch.next), last)], signal)
    return last ? last.take(moved) : writes.isThere(moved)
  }

  /** A cluster: key by key, and then all of the states. */
  async #writeSpread(
    stream: string,
    batch: SinkBatch,
    writes: SinkWrites,
    known: Known,
    signal: AbortSignal,
  ): Promise<boolean> {
    const prepared = writes.calls(1)
    const calls = prepared.map(({ keys, args }): ScriptCall => ({
      keys,
      args: () => [known.generation, ...args()],
    }))
    const replies = await UPSERT_ALONE.run(this.#connection, calls, signal)
    for (const [index, one] of prepared.entries()) one.take(replies[index])
    const args = stateArguments(batch, known, String(batch.next))
    const moves = this.#markers(stream).map((marker): ScriptCall => ({ keys: [marker], args }))
    return (await WRITE.run(this.#connection, moves, signal)).every((reply) => writes.isThere(reply))
  }

  #markers(stream: string): readonly string[] {
    return this.#layout.tags.map((tag) => `${this.#layout.prefix}sync:{${tag}}:${stream}`)
  }
}

/** Each batch checks all positions that this sink has seen, those of quiet partitions too. */
function stateArguments(batch: SinkBatch, known: Known, next: string): readonly string[] {
  const positions = [...known.positions].flatMap(([partition, position]) => [
    `p:${partition}`,
    String(position),
  ])
  return [batch.epoch, `p:${batch.partition}`, next, String(known.positions.size), ...positions]
}
