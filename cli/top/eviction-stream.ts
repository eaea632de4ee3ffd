/** Evictions as they come, from the live page of a process: `GET /ui/events`. What a stranger sends is bounded and checked. @module */
import * as z from 'zod'
import { eitherSignal } from '../../src/runtime/abort.ts'
import { backoffMs } from '../../src/runtime/retry.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { whyAway } from './away.ts'
import { NONE_SEEN, withEvictions } from '../ui/seen-evictions.ts'
import { EventParser } from '../ui/sse.ts'
import { MAX_LINES, MAX_NAMES } from '../ui/state.ts'
import type { EvictionBatch } from '../ui/state.ts'

export interface StreamOptions {
  readonly address: string
  readonly authorization: string | undefined
  readonly fetch: typeof fetch
  readonly runtime: Runtime
  /** Called when there is something new to show. */
  readonly onChange: () => void
}

/** The process tells its state each second: silence for so long is a connection that has died. */
const SILENCE_MS = 8000
const BACKOFF = { firstMs: 1000, maxMs: 15_000 }

const whole = z.number().nonnegative()
const batchShape = z.object({
  lines: z
    .array(
      z.object({
        at: whole.max(8.64e15),
        partition: whole,
        offset: whole,
        namespace: z.string().max(200).exactOptional(),
        what: z.enum(['keys', 'tags', 'prefixes', 'all', 'unreadable', 'intent']),
        names: z.array(z.string().max(200)).max(MAX_NAMES),
        more: whole,
      }),
    )
    .max(MAX_LINES),
  skipped: whole,
})

export class EvictionStream {
  readonly address: string
  readonly #options: StreamOptions
  seen: EvictionBatch = NONE_SEEN
  /** Why none come; `undefined` while they do. */
  problem: string | undefined = 'connecting'

  constructor(options: StreamOptions) {
    this.#options = options
    this.address = options.address
  }

  /** Connects, and again whenever the connection is lost, until the signal is aborted. Never rejects. */
  async follow(signal: AbortSignal): Promise<void> {
    const { runtime, onChange } = this.#options
    let failures = 0
    while (!signal.aborted) {
      let wasLive = false
      try {
        await this.#once(signal, () => (wasLive = true))
        this.problem = 'the process has ended the connection'
      } catch (error) {
        if (signal.aborted) return
        this.problem = error instanceof Silent ? error.message : whyAway(error, SILENCE_MS)
      }
      onChange()
      failures = wasLive ? 0 : failures + 1
      await runtime
        .sleep(backoffMs(BACKOFF, Math.max(0, failures - 1), runtime.random()), signal)
        .catch(() => {})
    }
  }

  async #once(signal: AbortSignal, isLive: () => void): Promise<void> {
    const { address, authorization, fetch: send, onChange } = this.#options
    const silent = new AbortController()
    const silence = setTimeout(() => silent.abort(new Silent()), SILENCE_MS)
    const within = eitherSignal(signal, silent.signal)
    try {
      const response = await send(`${address}/ui/events`, {
        redirect: 'error',
        signal: within.signal,
        ...(authorization !== undefined && { headers: { authorization } }),
      })
      if (!response.ok || !response.body) {
        await response.body?.cancel()
        throw new Error(REFUSALS[response.status] ?? `it answers ${response.status}`)
      }
      const [decoder, parser] = [new TextDecoder(), new EventParser()]
      for await (const chunk of response.body) {
        silence.refresh()
        for (const { event, data } of parser.take(decoder.decode(chunk, { stream: true })))
          if (event === 'evictions') this.#take(data)
        isLive()
        const wasAway = this.problem !== undefined
        this.problem = undefined
        if (wasAway) onChange()
      }
    } catch (error) {
      throw silent.signal.aborted ? silent.signal.reason : error
    } finally {
      clearTimeout(silence)
      within.done()
    }
  }

  #take(data: string): void {
    const batch = batchShape.safeParse(JSON.parse(data))
    if (!batch.success) throw new Error('it answers what is not of a live page')
    this.seen = withEvictions(this.seen, batch.data)
    this.#options.onChange()
  }
}

class Silent extends Error {
  override readonly message = `it has said nothing for ${SILENCE_MS / 1000} s`
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'it asks for a credential: give KEDGE_TOP_LIVE_CREDENTIAL',
  403: 'the credential may not look at it',
  404: 'it has no live page',
  503: 'as many look at it as may',
}
