/**
 * Samples a service while there are viewers, and tells all of them at once: any number costs one sample a second, and none
 * costs nothing.
 *
 * @module
 */
import type { Runtime } from '../../src/ports/runtime.ts'
import { FairBound } from '../../services/gateway/fair-bound.ts'
import { EvictionBuffer } from './eviction-buffer.ts'
import type { EvictionLine, LiveState } from './state.ts'
import { Viewer } from './viewer.ts'

/** What a viewer may see and do. */
export interface ViewerRights extends Pick<LiveState, 'evicts'> {
  /** Whether it sees the topic of evictions, and evictions as they come. */
  readonly seesEvictions: boolean
}

/** The state without what differs from viewer to viewer. */
export type Sample = Omit<LiveState, 'at' | 'upMs' | 'version' | 'evicts' | 'showsEvictions'>

export interface LiveSource {
  /** The state of this moment. What it asks others must have an end of its own: all viewers wait for it. */
  sample(signal: AbortSignal): Promise<Sample>
  /** Tells evictions as they come, until the signal is aborted. Never rejects. */
  follow?(tell: (line: EvictionLine) => void, signal: AbortSignal): Promise<void>
}

export interface FeedOptions {
  readonly version: string
  readonly runtime: Runtime
  /** Called with errors of the source itself. */
  readonly onError: (error: unknown) => void
}

/** Viewers at once. */
export const MAX_VIEWERS = 16
/** What one client may have of the places that the others leave, in percent. */
const CLIENT_SHARE = 75
const SAMPLE_MS = 1000
/** How long evictions are collected before they are sent: a burst is one event. */
const COLLECT_MS = 100
/** A sample that is younger is given again. */
const FRESH_MS = 250

interface Place {
  readonly viewer: Viewer
  readonly rights: ViewerRights
}

export class LiveFeed {
  readonly #source: LiveSource
  readonly #options: FeedOptions
  readonly #began: number
  readonly #bound = new FairBound(MAX_VIEWERS, CLIENT_SHARE)
  readonly #places = new Set<Place>()
  readonly #evictions = new EvictionBuffer()
  /** Ends the rounds when the last viewer has gone. */
  #looking: AbortController | undefined
  #sampling: Promise<Stamped> | undefined
  #last: Stamped | undefined
  #closed = false

  constructor(source: LiveSource, options: FeedOptions) {
    this.#source = source
    this.#options = options
    this.#began = options.runtime.monotonic()
  }

  get viewers(): number {
    return this.#places.size
  }

  /** The state, sampled now or a moment ago. Rejects with what the source throws. */
  async state(rights: ViewerRights): Promise<LiveState> {
    return this.#shownTo((await this.#sample()).state, rights)
  }

  /** A new viewer's events; `undefined` where there are too many viewers, or too many of this client, or the process stops. */
  open(rights: ViewerRights, client: string | undefined): ReadableStream<Uint8Array> | undefined {
    if (this.#closed || this.#places.size >= MAX_VIEWERS || !this.#bound.take(client, 1)) return undefined
    const viewer = new Viewer(() => {
      this.#bound.give(client, 1)
      this.#places.delete(place)
      if (this.#places.size === 0) this.#rest()
    })
    const place: Place = { viewer, rights }
    this.#places.add(place)
    const { runtime } = this.#options
    if (this.#last && runtime.monotonic() - this.#last.sampledAt < SAMPLE_MS)
      viewer.send('state', this.#shownTo(this.#last.state, rights))
    if (rights.seesEvictions) viewer.send('evictions', { lines: this.#evictions.recent(), skipped: 0 })
    if (!this.#looking) this.#look()
    return viewer.stream
  }

  /** Ends every stream: the process stops. */
  close(): void {
    this.#closed = true
    for (const { viewer } of this.#places) viewer.close()
  }

  #look(): void {
    const looking = (this.#looking = new AbortController())
    const { signal } = looking
    void this.#rounds(signal)
    const { runtime, onError } = this.#options
    let collecting: Promise<void> | undefined
    const collect = async () => {
      await runtime.sleep(COLLECT_MS, signal).catch(() => undefined)
      // What comes from here on is collected anew.
      collecting = undefined
      this.#tellEvictions()
    }
    const tell = (line: EvictionLine) => {
      if (signal.aborted) return
      this.#evictions.add(line)
      collecting ??= collect()
    }
    void this.#source.follow?.(tell, signal).catch(onError)
  }

  #rest(): void {
    this.#looking?.abort()
    this.#looking = undefined
    // What came while there was no viewer is not known: no later one is shown a list with a hole in it.
    this.#evictions.clear()
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    const { runtime, onError } = this.#options
    while (!signal.aborted) {
      try {
        const { state } = await this.#sample()
        if (signal.aborted) return
        for (const { viewer, rights } of this.#places) viewer.send('state', this.#shownTo(state, rights))
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
      await runtime.sleep(SAMPLE_MS, signal).catch(() => undefined)
    }
  }

  #tellEvictions(): void {
    const batch = this.#evictions.take()
    if (!batch) return
    for (const { viewer, rights } of this.#places) if (rights.seesEvictions) viewer.send('evictions', batch)
  }

  #shownTo({ topic, ...state }: Stamped['state'], { seesEvictions, evicts }: ViewerRights): LiveState {
    return {
      ...state,
      ...(topic && seesEvictions && { topic }),
      ...(evicts && { evicts }),
      showsEvictions: seesEvictions && this.#source.follow !== undefined,
    }
  }

  async #sample(): Promise<Stamped> {
    const { runtime, version } = this.#options
    if (this.#last && runtime.monotonic() - this.#last.sampledAt < FRESH_MS) return this.#last
    this.#sampling ??= (async () => {
      try {
        const sample = await this.#source.sample(AbortSignal.timeout(SAMPLE_MS * 5))
        const sampledAt = runtime.monotonic()
        const state = { ...sample, version, at: runtime.now(), upMs: sampledAt - this.#began }
        return (this.#last = { state, sampledAt })
      } finally {
        this.#sampling = undefined
      }
    })()
    return this.#sampling
  }
}

interface Stamped {
  readonly state: Omit<LiveState, 'evicts' | 'showsEvictions'>
  readonly sampledAt: number
}
