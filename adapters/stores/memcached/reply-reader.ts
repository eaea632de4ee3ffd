/** Replies to meta commands, read from a stream of bytes as they come. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { MetaFailure, type MetaReply } from './meta.ts'

/** Memcached's own bound of a line is 2048 bytes. */
const MAX_LINE = 4096
const LF = 10

const REPLY = /^(HD|EN|NS|EX|NF)(?: (.*))?$/
const VALUE = /^VA (\d{1,10})(?: (.*))?$/

export class ReplyReader {
  readonly #maxValueBytes: number
  readonly #onReply: (reply: MetaReply | MetaFailure) => void
  #line = ''
  /** The value that is being read: what is still to come, its CRLF included. */
  #awaited = 0
  #value: Uint8Array | undefined
  #filled = 0
  #flags = ''

  /** @param maxValueBytes the reader skips larger values */
  constructor(maxValueBytes: number, onReply: (reply: MetaReply | MetaFailure) => void) {
    this.#maxValueBytes = maxValueBytes
    this.#onReply = onReply
  }

  /**
   * @throws KedgeError `ERR_PROTOCOL` where it is no answer of Memcached: the replies after it cannot be
   * read.
   */
  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#awaited > 0) at += this.#take(chunk.subarray(at))
      else at = this.#scan(chunk, at)
    }
  }

  #take(chunk: Uint8Array): number {
    const part = chunk.subarray(0, Math.min(this.#awaited, chunk.length))
    // The last two bytes are the line's end.
    const data = part.subarray(0, Math.max(0, Math.min(part.length, this.#awaited - 2)))
    if (this.#value) {
      this.#value.set(data, this.#filled)
      this.#filled += data.length
    }
    this.#awaited -= part.length
    if (this.#awaited === 0) {
      this.#onReply({ code: 'VA', cas: casOf(this.#flags), value: this.#value })
      this.#value = undefined
    }
    return part.length
  }

  #scan(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(LF, from)
    const stop = end < 0 ? chunk.length : end
    if (this.#line.length + stop - from > MAX_LINE) throw garbled()
    // Lines are ASCII: a stranger's bytes in them come out as characters that no line of the protocol has.
    const line = this.#line + String.fromCharCode(...chunk.subarray(from, stop))
    this.#line = end < 0 ? line : ''
    if (end < 0) return chunk.length
    this.#read(line.endsWith('\r') ? line.slice(0, -1) : line)
    return end + 1
  }

  #read(line: string): void {
    const value = line.startsWith('VA ') ? VALUE.exec(line) : undefined
    if (value) {
      const size = Number(value[1])
      this.#awaited = size + 2
      this.#value = size <= this.#maxValueBytes ? new Uint8Array(size) : undefined
      this.#filled = 0
      this.#flags = value[2] ?? ''
      return
    }
    const reply = REPLY.exec(line)
    if (reply) {
      const code = reply[1] as MetaReply['code']
      this.#onReply({ code, cas: casOf(reply[2] ?? ''), value: undefined })
      return
    }
    // STORED is the answer to the `set` by which one logs in.
    if (line === 'STORED') this.#onReply({ code: 'HD', cas: undefined, value: undefined })
    else if (/^(ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.test(line)) this.#onReply(new MetaFailure(line))
    else throw garbled()
  }
}

const casOf = (flags: string): string | undefined =>
  flags === '' ? undefined : /(?:^| )c(\d{1,20})(?: |$)/.exec(flags)?.[1]

const garbled = (): KedgeError =>
  new KedgeError('ERR_PROTOCOL', 'Memcached sent a reply that no meta command has', {
    retryable: true,
  })
