/**
 * One viewer of the live page: a stream of server-sent events (HTML standard, section 9.2) that holds a bounded number of
 * bytes. A viewer that does not read them is cut: it would keep them in memory.
 *
 * @module
 */
import { encodeUtf8 } from '../../src/wire/codec.ts'

/** What may wait for a viewer to read it, in bytes. */
const MAX_WAITING_BYTES = 262_144

export class Viewer {
  readonly stream: ReadableStream<Uint8Array>
  readonly #onEnd: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  /** @param onEnd called once, when the viewer has gone or was cut */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        cancel: () => this.#end(() => undefined),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    )
  }

  /** Sends an event with its data as JSON, which has no line breaks. */
  send(event: string, data: unknown): void {
    const controller = this.#controller
    if (!controller) return
    const bytes = encodeUtf8(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    if ((controller.desiredSize ?? 0) < bytes.length)
      return this.#end((it) => it.error(new Error('the viewer does not read')))
    controller.enqueue(bytes)
  }

  /** Ends the stream after what was sent. */
  close(): void {
    this.#end((it) => it.close())
  }

  #end(how: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void {
    const controller = this.#controller
    if (!controller) return
    this.#controller = undefined
    how(controller)
    this.#onEnd()
  }
}
