/**
 * Producers that slow down when a sync is behind.
 *
 * @module
 */
import * as z from 'zod/mini'
import { isPlainUrl } from '../../adapters/options.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { check } from './settings.ts'

export interface LagPaceOptions {
  /** The URL at which a sync serves its lag: `http://sync:9090/lag`. */
  readonly url: string
  /** How long a write waits at pressure 1; half as long at 0.5. @default '1s' */
  readonly maxDelay?: Duration
  /** How old the last known pressure may be before a write asks the sync again. @default '1s' */
  readonly every?: Duration
  /** How long the sync may take to answer; without an answer writes do not wait. @default '500ms' */
  readonly timeout?: Duration
  /** @default the platform's `fetch`, looked up at each call */
  readonly fetch?: typeof fetch
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** Waits for as long as a producer should before it writes. Rejects with `signal.reason` alone. */
export type Pace = (signal?: AbortSignal) => Promise<void>

const duration = z.union([z.number(), z.string()], { error: 'must be a duration' })
const plainUrl = z
  .string({ error: 'must be a string' })
  .check(
    z.minLength(1, { error: 'must not be empty' }),
    z.refine(isPlainUrl, { error: 'must be an http(s) URL without credentials, query or fragment' }),
  )
const callback = z.custom((value) => typeof value === 'function', { error: 'must be a function' })
const shape = z.required(
  z.partial(
    z.strictObject({
      url: plainUrl,
      maxDelay: duration,
      every: duration,
      timeout: duration,
      fetch: callback,
      runtime: z.custom(),
    }),
  ),
  { url: true },
)
const answer = z.object({ pressure: z.number().check(z.gte(0), z.lte(1)) })

const MAX_BODY_BYTES = 100_000

/**
 * A pace that a sync sets: the higher its pressure, the longer a write waits. A sync that does not answer
 * delays no write.
 *
 * @throws TypeError for wrong options.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { replicate } from 'kedge/replicate'
 * import { lagPace } from 'kedge/sync'
 * import { memory } from 'kedge/testing'
 *
 * const pace = lagPace({ url: 'http://sync:9090/lag', maxDelay: '2s' })
 * // Values wait before they are shared; evictions never do.
 * const cache = createCache({ kafka: memory(), use: [replicate({ pace })] })
 * ```
 */
export function lagPace(options: LagPaceOptions): Pace {
  check(shape, options, 'lagPace')
  const { url, runtime = systemRuntime() } = options
  const maxDelayMs = durationMs(options.maxDelay ?? '1s', 'maxDelay')
  const everyMs = durationMs(options.every ?? '1s', 'every')
  const timeoutMs = durationMs(options.timeout ?? '500ms', 'timeout')
  let pressure = 0
  let askedAt = -Infinity

  /** The first caller asks the sync, later ones use the last pressure: requests share no promise. */
  const ask = async (signal: AbortSignal | undefined): Promise<void> => {
    if (runtime.monotonic() - askedAt < everyMs) return
    askedAt = runtime.monotonic()
    try {
      pressure = await withDeadline(
        runtime,
        timeoutMs,
        silent,
        (inner) => pressureAt(url, options.fetch ?? fetch, inner),
        signal,
      )
    } catch {
      signal?.throwIfAborted()
      pressure = 0
    }
  }

  return async (signal) => {
    signal?.throwIfAborted()
    await ask(signal)
    const ms = pressure * maxDelayMs
    if (ms > 0) await runtime.sleep(ms, signal)
  }
}

async function pressureAt(url: string, transport: typeof fetch, signal: AbortSignal): Promise<number> {
  const response = await transport(url, { signal, headers: { accept: 'application/json' } })
  const length = Number(response.headers.get('content-length') ?? 0)
  if (!response.ok || length > MAX_BODY_BYTES) {
    await response.body?.cancel()
    throw new KedgeError('ERR_HTTP', `the sync answered with ${response.status}`)
  }
  return answer.parse(await bounded(response)).pressure
}

async function bounded(response: Response): Promise<unknown> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done) return JSON.parse(text + decoder.decode()) as unknown
    text += decoder.decode(value, { stream: true })
    if (text.length > MAX_BODY_BYTES) {
      await reader?.cancel()
      throw new KedgeError('ERR_TOO_LARGE', 'the answer of the sync is too large')
    }
  }
}

const silent = () => new KedgeError('ERR_TIMEOUT', 'the sync did not answer in time')
