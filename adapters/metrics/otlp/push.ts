/** When a push is due, and the POST itself: one at a time, bounded, and given up where the receiver is away. @module */
import type { CacheContext } from '../../../src/coherence/cache-context.ts'
import type { RequestContext } from '../../../src/api/read-types.ts'
import { KedgeError, isKedgeError } from '../../../src/ports/errors.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { fields, fits, optional } from '../../answer-shape.ts'
import type { Shape } from '../../answer-shape.ts'
import type { Http, HttpAnswer } from '../../kafka/rest/http.ts'
import { failure, parseJson } from '../../kafka/rest/problem.ts'
import type { OtlpMeter } from './meter.ts'
import { requestBody } from './points.ts'
import type { Attributes } from './points.ts'

/** A receiver that fails is asked more and more seldom, down to this. */
const MAX_PAUSE_MS = 300_000
/** What a receiver may ask for by `Retry-After`. */
const MAX_RETRY_AFTER_MS = 3_600_000
/** A push of a request that ended before it is over by then: nothing may wait for it for good. */
const GRACE_MS = 1000

export interface PushSettings {
  readonly http: Http
  readonly meter: OtlpMeter
  /** What the process is; asked at the first push, since nothing random may be made when a module is loaded in workerd. */
  readonly resource: () => Attributes
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly tell: (error: unknown) => void
}

export class Push {
  readonly #settings: PushSettings
  readonly #shared: CacheContext
  /** Where what the next push tells begins, by the wall clock; `undefined` before the first request. */
  #since: number | undefined
  #nextAt = -Infinity
  /** Until when one may be under way. A moment and no promise: that of another request must not be awaited in workerd. */
  #busyUntil = -Infinity
  #current: Promise<void> = Promise.resolve()
  #failedInRow = 0
  #resource: Attributes | undefined
  pushes = 0
  failures = 0
  refusedPoints = 0

  constructor(settings: PushSettings, shared: CacheContext) {
    this.#settings = settings
    this.#shared = shared
  }

  /** Time is counted from here, once. @returns whether it was counted already */
  begin(): boolean {
    const began = this.#since !== undefined
    this.#since ??= this.#shared.settings.runtime.now()
    return began
  }

  /** Pushes where that is due, under the request's `waitUntil`. */
  tick(context: RequestContext | undefined): void {
    this.begin()
    const now = this.#shared.clock.now()
    if (now < this.#nextAt || now < this.#busyUntil) return
    const work = this.#send()
    try {
      if (context) context.waitUntil(work)
      else this.#shared.settings.runtime.waitUntil?.(work)
    } catch {
      // The platform has refused: the push goes on for as long as the platform lets it.
    }
  }

  /** Pushes now, after the one that is under way. */
  async flush(signal: AbortSignal | undefined): Promise<void> {
    const { runtime } = this.#shared.settings
    if (!runtime.isolatesRequests) await this.#current
    this.begin()
    if (this.#shared.clock.now() >= this.#busyUntil) await this.#send(signal)
  }

  #send(signal?: AbortSignal): Promise<void> {
    return (this.#current = this.#sent(signal))
  }

  /** Never rejects. What it sends it sends once: a push that fails loses it. */
  async #sent(signal: AbortSignal | undefined): Promise<void> {
    const { http, meter, resource, intervalMs, timeoutMs, tell } = this.#settings
    const { clock, settings } = this.#shared
    const { runtime } = settings
    const now = clock.now()
    const busyUntil = (this.#busyUntil = now + timeoutMs + GRACE_MS)
    this.#nextAt = now + intervalMs
    try {
      const until = runtime.now()
      const metrics = meter.take({ since: this.#since ?? until, until })
      this.#since = until
      this.#resource ??= resource()
      const body = requestBody(this.#resource, metrics)
      const request = {
        method: 'POST',
        path: '/v1/metrics',
        headers: { 'content-type': 'application/json' },
        body,
      } as const
      const send = (ending: AbortSignal) => http.send(request, ending)
      this.pushes++
      const answer = await withDeadline(runtime, timeoutMs, () => late(timeoutMs), send, signal)
      if (answer.status < 200 || answer.status > 299) throw failure(answer, 'pushing metrics')
      meter.arrived()
      this.refusedPoints += refusedIn(answer)
      this.#failedInRow = 0
    } catch (error) {
      this.failures++
      this.#nextAt = clock.now() + this.#pauseMs(error)
      tell(error)
    } finally {
      if (this.#busyUntil === busyUntil) this.#busyUntil = -Infinity
    }
  }

  /** As long as the receiver asks for, or twice as long as after the failure before. */
  #pauseMs(error: unknown): number {
    const { intervalMs } = this.#settings
    const asked = isKedgeError(error) ? error.retryAfterMs : undefined
    const doubled = Math.min(intervalMs * 2 ** Math.min(++this.#failedInRow, 10), MAX_PAUSE_MS)
    return Math.max(intervalMs, asked === undefined ? doubled : Math.min(asked, MAX_RETRY_AFTER_MS))
  }
}

const late = (ms: number) =>
  new KedgeError('ERR_TIMEOUT', `pushing metrics: no answer within ${ms} ms`, { retryable: true })

interface Answered {
  readonly partialSuccess?: { readonly rejectedDataPoints?: unknown } | undefined
}

const anything: Shape<unknown> = () => undefined
const answered = fields<Answered>({
  partialSuccess: optional(fields({ rejectedDataPoints: optional(anything) })),
})

/** How many points the receiver has refused of a push that it took. A 64-bit integer is a text in JSON. */
function refusedIn({ body }: HttpAnswer): number {
  const said = parseJson(body)
  if (!fits(said, answered)) return 0
  const refused = Number(said.partialSuccess?.rejectedDataPoints ?? 0)
  return Number.isSafeInteger(refused) && refused > 0 ? refused : 0
}
