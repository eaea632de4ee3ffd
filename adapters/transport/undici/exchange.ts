/** One request and its response, between undici and the web. @module */
import type { Dispatcher } from 'undici'
import { KedgeError } from '../../../src/ports/errors.ts'

type Head = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** Statuses whose response has no body (Fetch, "null body status"). */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

/** How much of a body is buffered before the caller reads it. */
const READ_AHEAD_BYTES = 65_536

/** What undici's deadlines are called, and what has not come. */
const DEADLINES: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection within `connectTimeout`',
  UND_ERR_HEADERS_TIMEOUT: 'no head of an answer within `headersTimeout`',
  UND_ERR_BODY_TIMEOUT: 'no more of an answer within `bodyTimeout`',
}

export interface ExchangeOptions {
  readonly hasBody: boolean
  readonly signal: AbortSignal | undefined
  /** Called with the answer's `Keep-Alive` header. */
  readonly onHead: (keepAlive: string) => void
  /** Called once, when the connection is free again or gone: not before, also where the caller has left. */
  readonly onEnd: () => void
}

/** Handles what undici reports of one request. Its response is that of `fetch`, with a body that is read as it comes. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<Response>
  readonly #options: ExchangeOptions
  #resolve: (response: Response) => void = () => {}
  #reject: (reason: unknown) => void = () => {}
  #controller: Dispatcher.DispatchController | undefined
  #body: ReadableStreamDefaultController<Uint8Array> | undefined
  #isOver = false
  #isGivenBack = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (options.signal?.aborted) this.#abort()
    else options.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The caller has aborted while undici connected.
    if (this.#isOver) controller.abort(new Error('aborted'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, head: Head): void {
    // An interim response, before the answer itself (RFC 9110, section 15.2).
    if (status < 200) return
    const headers = headersOf(head)
    const coding = headers.get('content-encoding') ?? 'identity'
    if (coding !== 'identity')
      throw new KedgeError(
        'ERR_PROTOCOL',
        'the server used a content-encoding that the request did not accept',
      )
    const hasBody = this.#options.hasBody && !BODILESS.has(status)
    const response = new Response(hasBody ? this.#stream(controller) : null, { status, headers })
    const keepAlive = headers.get('keep-alive')
    if (keepAlive !== null) this.#options.onHead(keepAlive)
    this.#resolve(response)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    // undici reports an empty one when it goes on after a pause.
    if (!this.#body || chunk.length === 0) return
    this.#body.enqueue(chunk)
    if ((this.#body.desiredSize ?? 0) <= 0) controller.pause()
  }

  onResponseEnd(): void {
    this.#giveBack()
    if (this.#over()) this.#body?.close()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#giveBack()
    this.#fail(failure(error))
  }

  #giveBack(): void {
    if (this.#isGivenBack) return
    this.#isGivenBack = true
    this.#options.onEnd()
  }

  #fail(error: unknown): void {
    if (!this.#over()) return
    this.#reject(error)
    this.#body?.error(error)
  }

  #stream(controller: Dispatcher.DispatchController): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (body) => {
          this.#body = body
        },
        pull: () => controller.resume(),
        cancel: () => {
          if (this.#over()) controller.abort(new Error('cancelled'))
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD_BYTES }),
    )
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#options.signal?.reason
    this.#fail(reason)
    this.#controller?.abort(new Error('aborted', { cause: reason }))
  }

  #over(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#options.signal?.removeEventListener('abort', this.#abort)
    return true
  }
}

function headersOf(head: Head): Headers {
  const headers = new Headers()
  for (const [name, values] of Object.entries(head)) {
    if (Array.isArray(values)) for (const value of values) headers.append(name, value)
    else if (values !== undefined) headers.append(name, values)
  }
  return headers
}

/** As `fetch` fails: with a `TypeError` whose cause says why. A deadline has its own error. */
function failure(error: Error): unknown {
  if (error instanceof KedgeError) return error
  const late = DEADLINES[(error as { code?: string }).code ?? '']
  if (late !== undefined) return new KedgeError('ERR_TIMEOUT', late, { cause: error, retryable: true })
  return new TypeError('fetch failed', { cause: error })
}
