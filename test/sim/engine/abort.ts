/**
 * An `AbortController` without the weight of the platform's events: everything that an isolate waits for has some.
 * What signals do is the same: listeners are called once, in their order, at once.
 *
 * @module
 */

interface Options {
  readonly once?: boolean
  readonly signal?: LightSignal
}

type Listener = () => void

/** What stands for a reason where none is given: made once, because making it costs more than all the rest. */
const NO_REASON = new DOMException('This operation was aborted', 'AbortError')

export class LightSignal {
  aborted = false
  reason: unknown
  /** Absent while there is no listener. */
  listeners: Listener[] | undefined

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  addEventListener(type: string, listener: Listener, { signal }: Options = {}): void {
    if (type !== 'abort' || this.aborted || signal?.aborted) return
    const { listeners } = this
    if (listeners === undefined) this.listeners = [listener]
    else if (!listeners.includes(listener)) listeners.push(listener)
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener))
  }

  removeEventListener(_: string, listener: Listener): void {
    const at = this.listeners?.indexOf(listener) ?? -1
    if (at >= 0) this.listeners!.splice(at, 1)
  }
}

export class LightController {
  readonly signal: LightSignal = new LightSignal()

  abort(reason?: unknown): void {
    const { signal } = this
    if (signal.aborted) return
    signal.aborted = true
    signal.reason = reason === undefined ? NO_REASON : reason
    const { listeners } = signal
    signal.listeners = undefined
    // One that is taken away by another is not called any more.
    while (listeners !== undefined && listeners.length > 0) listeners.shift()!()
  }
}
