/**
 * Lines of a body that a stranger streams: bounded before anything is made of them.
 *
 * @module
 */
import { onAbort } from '../../runtime/abort.ts'
import { joinBytes } from './join-bytes.ts'

export interface LineLimits {
  /** A longer line is passed over, and never held. */
  readonly maxLineBytes: number
  /** What is read of the body at most. */
  readonly maxBytes: number
}

/** What was read of a body. */
export interface LineCounts {
  bytes: number
  /** Whether the body ended by itself. */
  isWhole: boolean
}

const LF = 0x0a
/** Stands for a line that is longer than it may be. */
export const TOO_LONG: unique symbol = Symbol('kedge.tooLong')

/**
 * The lines of the body, without their ends; what stands after the last end is none. Ends where the bounds are met, and then the
 * body is cancelled. Rejects with the reason of the signal.
 */
export async function* linesIn(
  body: ReadableStream<Uint8Array>,
  { maxLineBytes, maxBytes }: LineLimits,
  counts: LineCounts,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array | typeof TOO_LONG> {
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => undefined)
  // The body's source may ignore the signal, and then the read would wait for ever.
  const off = onAbort(signal, cancel)
  let parts: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) {
        counts.isWhole = true
        return
      }
      counts.bytes += value.length
      let from = 0
      for (let at = value.indexOf(LF); at >= 0; at = value.indexOf(LF, from)) {
        const isLong = length + at - from > maxLineBytes
        parts.push(value.subarray(from, at))
        yield isLong ? TOO_LONG : joinBytes(parts)
        parts = []
        length = 0
        from = at + 1
      }
      length += value.length - from
      // What is too long already is not kept; its end is still looked for.
      if (length > maxLineBytes) parts = []
      else if (from < value.length) parts.push(value.subarray(from))
      if (counts.bytes >= maxBytes) return
    }
  } finally {
    off()
    // A body that has ended takes no harm by it.
    cancel()
  }
}
