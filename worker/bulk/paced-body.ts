/**
 * A body that is made as it is taken: nothing is written before the client has taken what was there, and a client that takes
 * nothing is cut.
 *
 * @module
 */
import { startTimer } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { Stop } from '../../src/runtime/stop.ts'

export interface PacedBody {
  readonly runtime: Pick<Runtime, 'sleep'>
  /** A client that takes nothing for so long is cut. */
  readonly stallMs: number
  /** The next piece; `undefined` at the end. Ends early when the signal is aborted. */
  readonly next: (signal: AbortSignal) => Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Called once, whatever ends it. */
  readonly ended: () => void
}

export function pacedBody({ runtime, stallMs, next, ended }: PacedBody): ReadableStream<Uint8Array> {
  const stop = new Stop()
  let stopTimer: (() => void) | undefined
  let isOver = false
  const end = (): void => {
    stopTimer?.()
    if (isOver) return
    isOver = true
    stop.abort('the client is served')
    ended()
  }
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    stopTimer = startTimer(runtime, stallMs, () => {
      end()
      controller.error(new Error('the client takes nothing of its answer'))
    })
  }
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start: watch,
    async pull(controller) {
      stopTimer?.()
      let piece: Uint8Array | undefined
      try {
        piece = await next(stop.signal)
      } catch (error) {
        // The client, or the end of its time, has ended it.
        if (isOver) return
        end()
        controller.error(error)
        return
      }
      if (isOver) return
      if (piece === undefined) {
        end()
        controller.close()
        return
      }
      controller.enqueue(piece)
      watch(controller)
    },
    cancel: end,
  }
  // Nothing is made ahead of the client.
  return new ReadableStream(source, { highWaterMark: 0 })
}
