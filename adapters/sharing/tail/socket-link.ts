/**
 * One socket to a tail, for one partition: opened while it is wanted, and opened again where it breaks.
 *
 * It keeps what the socket has brought: the records without a gap, and the last beat. A frame that does not fit ends the socket and
 * counts for nothing.
 *
 * @module
 */
import type { Runtime } from '../../../src/ports/runtime.ts'
import { settledWithin } from '../../../src/runtime/deadline.ts'
import { backoffMs } from '../../../src/runtime/retry.ts'
import { Stop } from '../../../src/runtime/stop.ts'
import type { Echoes } from './echoes.ts'
import { type Beat, decodeFrame, type EchoFrame, questionText, type RecordsFrame } from './frames.ts'
import { type AgeClock, LinkEchoes } from './link-echoes.ts'
import { RecordWindow } from './window.ts'

/** What a link needs of a `WebSocket`: that of the web, of Node, Deno and Bun, and that of the package `ws` have it. */
export interface WebSocketLike {
  /** 1 where it is open. */
  readonly readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { readonly type: string; readonly data?: unknown }) => void,
  ): void
}

/** Where a link begins. */
export interface LinkStart {
  readonly from: number
  /** The log that it is of. @default the one that is there */
  readonly logId?: string | undefined
}

export interface LinkOptions {
  readonly partition: number
  readonly runtime: Runtime
  /** Opens a socket. */
  readonly open: (start: LinkStart, everyMs: number) => Promise<WebSocketLike>
  readonly counts: LinkCounts
  /** The link closes a socket that no caller has asked for so long. @default 30,000 */
  readonly lingerMs?: number
}

export interface LinkCounts {
  opened: number
  /** Sockets that broke, or did not open. */
  broken: number
  /** Frames that were none, or did not fit what came before them. */
  refused: number
}

const OPEN = 1
const NORMAL = 1000
const BACKOFF = { firstMs: 250, maxMs: 30_000 }
/** A socket that held so long was no failure. */
const STEADY_MS = 10_000
const LINGER_MS = 30_000
/** How long a socket may take to open, and how long a beat may be late. */
const PATIENCE_MS = 5000
/** The part of the allowed age that may pass between two beats: the rest is for the way, and for the poll. */
const BEAT_PART = 0.75
const EVERY_MS = { least: 100, most: 10_000, usual: 1000 }

export class SocketLink {
  readonly window: RecordWindow = new RecordWindow()
  /** Which log the window is of; `undefined` before anything has come. */
  logId: string | undefined
  /** The last one, of this socket or of one before it. */
  beat: Beat | undefined
  /** Whether a socket is open that has brought a beat. */
  isLive = false
  /** Whether the tail has said that what is here does not go on: where the log is now must be asked. */
  isLost = false
  readonly #options: LinkOptions
  readonly #echoes: LinkEchoes
  #started = false
  #everyMs = Infinity
  #wantedAt = -Infinity
  #isRunning = false
  #isClosed = false
  #socket: { readonly raw: WebSocketLike; readonly ended: Stop } | undefined
  #heardAt = 0
  #changed = new Stop()
  #pause = new Stop()

  constructor(options: LinkOptions) {
    this.#options = options
    this.#echoes = new LinkEchoes(options.runtime)
  }

  get everyMs(): number {
    return Math.min(EVERY_MS.usual, this.#everyMs)
  }

  /** Since the last frame. */
  get silentMs(): number {
    return this.#options.runtime.monotonic() - this.#heardAt
  }

  /** Has the socket open for a while. It begins at `start`, or goes on where it is. */
  want(start: LinkStart, maxAgeMs: number = Infinity, clock?: AgeClock, echoes?: Echoes): void {
    this.#wantedAt = this.#options.runtime.monotonic()
    const everyMs = Math.max(EVERY_MS.least, Math.floor(maxAgeMs * BEAT_PART))
    const isShorter = everyMs < this.everyMs
    if (everyMs < this.#everyMs) this.#everyMs = everyMs
    if (clock && echoes) this.#echoes.add(clock, echoes)
    if (this.#isClosed) return
    // One that beats too seldom is opened again.
    if (isShorter && this.#socket) this.#end('another beat')
    if (this.#isRunning) return
    if (!this.#started || this.logId !== start.logId || start.from > this.window.next) this.#begin(start)
    void this.#run()
  }

  /** What it has echoed tells nothing about the beats: it is asked anew. */
  doubtEcho(): void {
    this.#echoes.doubt()
    if (this.isLive) this.#ask()
  }

  /** Resolves when something has come, or after `ms`; rejects with `signal.reason`. */
  async change(ms: number, signal?: AbortSignal): Promise<void> {
    const { signal: changed } = this.#changed
    const come = new Promise<void>((resolve) =>
      changed.addEventListener('abort', () => resolve(), { once: true }),
    )
    await settledWithin(this.#options.runtime, come, ms, signal)
  }

  close(): void {
    this.#isClosed = true
    this.#pause.abort('closed')
    this.#end('closed')
  }

  #begin({ from, logId }: LinkStart): void {
    this.#started = true
    this.isLost = false
    this.logId = logId
    this.beat = undefined
    this.window.restart(from)
  }

  get #isWanted(): boolean {
    const { runtime, lingerMs = LINGER_MS } = this.#options
    return !this.#isClosed && runtime.monotonic() - this.#wantedAt < lingerMs
  }

  async #run(): Promise<void> {
    const { runtime, counts } = this.#options
    this.#isRunning = true
    let failures = 0
    while (this.#isWanted && this.#started) {
      const began = runtime.monotonic()
      const reason = await this.#connected()
      if (!this.#isWanted || !this.#started) break
      if (reason === 'another beat') continue
      counts.broken++
      if (runtime.monotonic() - began >= STEADY_MS) failures = 0
      this.#pause = new Stop()
      await runtime
        .sleep(backoffMs(BACKOFF, failures++, runtime.random()), this.#pause.signal)
        .catch(() => undefined)
    }
    this.#isRunning = false
  }

  /** Resolves when the socket has ended, with the reason. */
  async #connected(): Promise<unknown> {
    const { runtime } = this.#options
    const ended = new Stop()
    this.#heardAt = runtime.monotonic()
    const opening = this.#open(ended).catch(() => ended.abort('broken'))
    if (await settledWithin(runtime, opening, PATIENCE_MS)) await this.#watch(ended)
    else ended.abort('slow')
    this.#socket?.raw.close(NORMAL)
    this.#socket = undefined
    this.isLive = false
    this.#echoes.forget()
    this.#wake()
    return ended.signal.reason
  }

  async #open(ended: Stop): Promise<void> {
    const raw = await this.#options.open({ from: this.window.next, logId: this.logId }, this.everyMs)
    if (this.#isClosed) ended.abort('closed')
    if (!ended.signal.aborted) return this.#attach(raw, ended)
    // It came too late. To close one that still connects is an error, and with `ws` one that is not heard ends the process.
    raw.addEventListener('error', () => undefined)
    raw.close(NORMAL)
  }

  /** At once, before the socket can tell anything. */
  #attach(raw: WebSocketLike, ended: Stop): void {
    const socket = (this.#socket = { raw, ended })
    raw.addEventListener('message', ({ data }) => {
      if (this.#socket === socket && !ended.signal.aborted) this.#heard(data)
    })
    for (const type of ['close', 'error'] as const) raw.addEventListener(type, () => ended.abort(type))
    const { counts } = this.#options
    if (raw.readyState === OPEN) counts.opened++
    else raw.addEventListener('open', () => void counts.opened++)
  }

  /** Until it ends, is silent, or no caller wants it any more. */
  async #watch(ended: Stop): Promise<void> {
    const { runtime } = this.#options
    const over = new Promise<void>((resolve) =>
      ended.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    while (!ended.signal.aborted) {
      await settledWithin(runtime, over, this.everyMs)
      if (!this.#isWanted) ended.abort('unwanted')
      else if (this.silentMs > PATIENCE_MS + this.everyMs) ended.abort('silent')
      else if (this.isLive) this.#ask()
    }
  }

  /** Asks for an echo where one is due. */
  #ask(): void {
    const question = this.#socket && this.#echoes.question()
    if (question !== undefined) this.#socket!.raw.send(questionText(question))
  }

  #heard(data: unknown): void {
    const frame = decodeFrame(data)
    const fits =
      frame !== undefined &&
      ('ended' in frame
        ? this.#over(frame.ended)
        : 'records' in frame
          ? this.#records(frame.records)
          : 'beat' in frame
            ? this.#beats(frame.beat)
            : this.#echoed(frame.echo))
    if (fits) return this.#wake()
    this.#options.counts.refused++
    this.#end('misfit')
  }

  #records({ base, next, records }: RecordsFrame): boolean {
    // What lies between has not come: nothing is known of it.
    if (base !== this.window.next) return false
    const { partition, runtime } = this.#options
    this.window.append(
      records.map((record) => ({ partition, ...record })),
      next,
      runtime.monotonic(),
    )
    return true
  }

  #beats(beat: Beat): boolean {
    // It proves something only to who has every record before its end.
    if (beat.end > this.window.next || beat.beginning > this.window.next) return false
    if (beat.logId !== (this.logId ??= beat.logId)) return false
    this.window.forgetBefore(beat.beginning)
    this.beat = beat
    this.#heardAt = this.#options.runtime.monotonic()
    // Before it has sampled, the tail has no clock to tell of.
    if (!this.isLive) this.#ask()
    this.isLive = true
    return true
  }

  #echoed(echo: EchoFrame): boolean {
    this.#echoes.heard(echo)
    return true
  }

  /** The tail ends the socket, and says why. */
  #over(reason: string): boolean {
    if (reason !== 'slow') {
      this.isLost = true
      this.#started = false
      this.logId = undefined
      this.beat = undefined
      this.window.restart(0)
    }
    this.#end(reason)
    return true
  }

  #end(reason: string): void {
    this.#socket?.ended.abort(reason)
    this.isLive = false
  }

  #wake(): void {
    const changed = this.#changed
    this.#changed = new Stop()
    changed.abort('changed')
  }
}
