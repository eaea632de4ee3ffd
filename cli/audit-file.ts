/** The file of an audit: its lines as bytes, and its end. @module */
import { Buffer } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'

/** Of a line, and of what may stand behind the last whole one. A line is shorter: names in it are bounded. */
const MAX_LINE_BYTES = 1_048_576

const NEWLINE = 10

export interface FileLine {
  /** Without its end. */
  readonly bytes: Buffer
  /** Whether a line feed ends it: the last one may be torn. */
  readonly isEnded: boolean
}

/**
 * The lines of a file. Only a line feed ends one: names may have other separators of lines in them. Of a longer line than
 * {@link MAX_LINE_BYTES} come pieces. Rejects for a file that cannot be read.
 */
export async function* linesOf(path: string): AsyncGenerator<FileLine> {
  let left: Buffer = Buffer.alloc(0)
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    const bytes = left.length === 0 ? piece : Buffer.concat([left, piece])
    const lines = split(bytes)
    left = lines.pop()!.bytes
    yield* lines
    if (left.length > MAX_LINE_BYTES) {
      yield { bytes: left, isEnded: false }
      left = Buffer.alloc(0)
    }
  }
  if (left.length > 0) yield { bytes: left, isEnded: false }
}

/** The last one has no end: it is empty behind a line feed. */
function split(bytes: Buffer): FileLine[] {
  const lines: FileLine[] = []
  let from = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
    lines.push({ bytes: bytes.subarray(from, at), isEnded: true })
    from = at + 1
  }
  lines.push({ bytes: bytes.subarray(from), isEnded: false })
  return lines
}

export interface FileEnd {
  /** The last lines of the file. The very last one is empty where a line feed ends the file. */
  readonly lines: readonly FileLine[]
  /** Whether these are all lines of the file. */
  readonly isAll: boolean
}

/** The last lines of a file; none where there is no file. */
export async function endOf(path: string): Promise<FileEnd> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return { lines: [], isAll: true }
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.min(size, MAX_LINE_BYTES))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length)
    const isAll = size === bytesRead
    const lines = split(bytes.subarray(0, bytesRead))
    return { lines: isAll ? lines : lines.slice(1), isAll }
  } finally {
    await file.close()
  }
}
