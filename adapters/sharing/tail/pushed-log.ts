/**
 * What sockets have brought answers where it can; all else is asked of the tail, as without them.
 *
 * @module
 */
import type {
  KafkaLog,
  OffsetsOptions,
  PartitionOffsets,
  Position,
  ReadOptions,
  ReadResult,
} from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { eitherSignal } from '../../../src/runtime/abort.ts'
import type { Echoes } from './echoes.ts'
import type { Beat } from './frames.ts'
import type { AgeClock } from './link-echoes.ts'
import type { ClockedOffsets } from './place.ts'
import type { LinkStart, SocketLink } from './socket-link.ts'

/** The tail, as it is asked by requests. */
export interface AskedTail {
  offsets(topic: string, options: OffsetsOptions): Promise<PartitionOffsets[]>
  read(topic: string, positions: readonly Position[], how: ReadOptions): Promise<ReadResult>
  echoesOf(clock: AgeClock): Echoes
  /** Reads have come to there: it need not send what is before. */
  passed(topic: string, partition: number, next: number): void
}

export interface PushedLogOptions {
  readonly asked: AskedTail
  /** Those that have sockets, and which of their records these bring. */
  readonly topics: ReadonlyMap<string, ReadOptions['isolation']>
  readonly runtime: Runtime
  /** That of a partition: the same at each call; `undefined` where there are as many as there may be. */
  readonly linkOf: (topic: string, partition: number) => SocketLink | undefined
}

const boundsOf = ({ beginning, end, logId, life, at }: Beat) => ({
  beginning,
  end,
  logId,
  clock: { life, at },
})

/** How many beats may be missing before the tail is asked. */
const MISSING = 2

export class PushedLog {
  readonly #options: PushedLogOptions
  /** What the tail has answered: where a socket begins. */
  readonly #starts = new WeakMap<SocketLink, LinkStart>()

  constructor(options: PushedLogOptions) {
    this.#options = options
  }

  async offsets(topic: string, options: OffsetsOptions = {}): ReturnType<KafkaLog['offsets']> {
    const { asked, topics } = this.#options
    const { partitions, maxAgeMs = 0, clock, signal } = options
    if (!topics.has(topic) || partitions === undefined || !clock) return asked.offsets(topic, options)
    signal?.throwIfAborted()
    const now = clock.now()
    const one = (partition: number) => this.#pushed(topic, partition, now, { ...options, clock, maxAgeMs })
    const pushed = maxAgeMs > 0 ? await Promise.all(partitions.map(one)) : []
    const left = partitions.filter((_, at) => pushed[at] === undefined)
    if (left.length === 0) return pushed as PartitionOffsets[]
    const answers = await asked.offsets(topic, { ...options, partitions: left })
    for (const { partition, end, logId } of answers) {
      const link = this.#options.linkOf(topic, partition)
      if (link === undefined) continue
      const start = { from: end, logId }
      this.#starts.set(link, start)
      if (maxAgeMs > 0) link.want(start, maxAgeMs, clock, asked.echoesOf(clock))
    }
    return partitions.flatMap(
      (partition, at) => pushed[at] ?? answers.filter((answer) => answer.partition === partition),
    )
  }

  /** By the last beat, or the next where it comes in time; `undefined` where the tail must be asked. */
  async #pushed(
    topic: string,
    partition: number,
    now: number,
    { clock, maxAgeMs, signal }: OffsetsOptions & { readonly clock: AgeClock; readonly maxAgeMs: number },
  ): Promise<ClockedOffsets | undefined> {
    const link = this.#options.linkOf(topic, partition)
    const start = link && this.#starts.get(link)
    // Where the log is now an answer of the tail tells.
    if (link === undefined || start === undefined || link.isLost) return undefined
    const echoes = this.#options.asked.echoesOf(clock)
    link.want(start, maxAgeMs, clock, echoes)
    const last = link.beat
    for (;;) {
      const { beat } = link
      const ageMs = beat ? echoes.ageMs(beat, now, clock.unknownBefore) : Infinity
      // What was sampled before the call proves nothing that began with it.
      if (beat && ageMs <= maxAgeMs) return { partition, ...boundsOf(beat), ageMs: Math.max(1, ageMs) }
      const patienceMs = MISSING * link.everyMs - link.silentMs
      // The next one is of the same clock, whose echo is missing.
      if (ageMs === Infinity) link.doubtEcho()
      if (ageMs === Infinity || !link.isLive || beat !== last || patienceMs <= 0) return undefined
      await link.change(patienceMs, signal)
    }
  }

  async read(topic: string, positions: readonly Position[], how: ReadOptions): Promise<ReadResult> {
    const { asked, topics } = this.#options
    if (topics.get(topic) !== how.isolation) return asked.read(topic, positions, how)
    how.signal?.throwIfAborted()
    // What the end says is there need not be waited for: a socket has it, or the tail is asked.
    const isThere = positions.some((position) => this.#isThere(topic, position))
    const waits = how.waitMs > 0 && !isThere
    if (waits) await this.#arrival(topic, positions, how)
    const found = positions.map((position) => this.#brought(topic, position, how.maxBytes, waits))
    const left = positions.filter((_, at) => found[at] === undefined)
    const rest = left.length > 0 ? [await asked.read(topic, left, waits ? { ...how, waitMs: 0 } : how)] : []
    const all = [...found.filter((each) => each !== undefined), ...rest]
    return {
      records: all.flatMap(({ records }) => records),
      next: all.flatMap(({ next }) => next),
      outOfRange: all.flatMap(({ outOfRange }) => outOfRange),
    }
  }

  #isThere(topic: string, { partition, offset }: Position): boolean {
    const link = this.#options.linkOf(topic, partition)
    const asked = link && this.#starts.get(link)
    return offset < Math.max(asked?.from ?? 0, link?.beat?.end ?? 0)
  }

  /** Until a socket has something beyond one of the positions, or the time is over. */
  async #arrival(topic: string, positions: readonly Position[], how: ReadOptions): Promise<void> {
    const { linkOf, runtime } = this.#options
    const until = runtime.monotonic() + how.waitMs
    const links = positions.flatMap(({ partition, offset }) => {
      const link = linkOf(topic, partition)
      return link ? [{ link, offset }] : []
    })
    for (;;) {
      for (const { link, offset } of links)
        if (!link.isLost) link.want(this.#starts.get(link) ?? { from: offset })
      const leftMs = until - runtime.monotonic()
      const hasCome = links.some(({ link, offset }) => link.isLive && offset < link.window.next)
      if (leftMs <= 0 || hasCome) return
      if (links.length === 0) return runtime.sleep(leftMs, how.signal)
      // The first to change ends the wait for all.
      const over = eitherSignal(how.signal)
      try {
        await Promise.race(links.map(({ link }) => link.change(leftMs, over.signal)))
      } finally {
        over.abort('over')
        over.done()
      }
    }
  }

  /** What a socket has brought from the position on; `undefined` where the tail must be asked. */
  #brought(topic: string, position: Position, maxBytes: number, waits: boolean): ReadResult | undefined {
    const { partition, offset } = position
    const link = this.#options.linkOf(topic, partition)
    if (link === undefined) return undefined
    const { window, logId } = link
    const start = this.#starts.get(link)
    // A long poll has waited, and finds nothing: the next poll asks.
    if (waits && (!link.isLive || offset >= window.next))
      return { records: [], next: [position], outOfRange: [] }
    if (logId === undefined || (start !== undefined && start.logId !== logId)) return undefined
    const found = window.read(offset, maxBytes)
    if (found === undefined) return undefined
    const { records, next } = found
    this.#options.asked.passed(topic, partition, next)
    return { records, next: [{ partition, offset: next }], outOfRange: [] }
  }
}
