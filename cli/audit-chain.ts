/**
 * The chain of an audit in a file: each line has the HMAC-SHA-256 of the one before it and of its own text, so that a line
 * that was changed, removed or put in between breaks it for a reader with the key. Lines of a topic or a console have a
 * writer and a number in place of the link before them.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { createHmac } from 'node:crypto'
import { open } from 'node:fs/promises'

/** The link before the first line. */
const START = ''
/** A line is shorter: names of topics and principals are bounded. */
const MAX_LINE_BYTES = 65_536
/** Of `AuditLines`: in any order, and again where a call was repeated. */
const NUMBERED = /,"writer":"([\w-]{1,64})","seq":(\d{1,15})\}$/
const LOST = /,"lost":(\d{1,15}),"writer":/
/** Writers of one file, at most: the line of one more counts as wrong. */
const MAX_WRITERS = 100_000
const LINKED = /^(\{.*),"chain":"([0-9a-f]{64})"\}$/s

const linkOf = (key: string, before: string, text: string): string =>
  createHmac('sha256', key).update(`${before}\n${text}`).digest('hex')

/** Lines of a file that is written from here on. */
export class AuditChain {
  readonly #key: string
  #last: string

  private constructor(key: string, last: string) {
    this.#key = key
    this.#last = last
  }

  /** Goes on after the last whole line of a file, if it is there and has one. */
  static async after(path: string, key: string): Promise<AuditChain> {
    const lines = (await endOf(path)).split('\n').toReversed()
    const last = lines.map((line) => LINKED.exec(line)?.[2]).find((link) => link !== undefined)
    return new AuditChain(key, last ?? START)
  }

  /** The line of a JSON object with its link. */
  link(json: string): string {
    this.#last = linkOf(this.#key, this.#last, json)
    return `${json.slice(0, -1)},"chain":"${this.#last}"}`
  }
}

export interface Verified {
  /** Lines from the first on whose links are right. */
  readonly lines: number
  /** The number of the first line that is wrong, from 1; `undefined` where all are right. */
  readonly broken: number | undefined
  /** The link of the last right line. Kept elsewhere, it shows later whether lines at the end are gone. */
  readonly last: string
  /** Processes and isolates whose lines are numbered. */
  readonly writers: number
  /** Numbers between the first and the last of a writer that have no line, and of which no line says that they were lost. */
  readonly gone: number
}

/** The numbers of one writer: those from `first` up to `next` are there, and those of `later`. */
interface Numbers {
  first: number
  next: number
  readonly later: Set<number>
  /** Lines that the writer says were lost, by the number of the line that says so. */
  readonly lost: Map<number, number>
}

/** Compares each line with the link that it should have. Rejects for a file that cannot be read. */
export async function verifyChain(path: string, key: string): Promise<Verified> {
  const file = await open(path)
  const writers = new Map<string, Numbers>()
  let lines = 0
  let last = START
  const result = (broken: number | undefined): Verified => {
    const gone = [...writers.values()].reduce((sum, numbers) => sum + goneOf(numbers), 0)
    return { lines, broken, last, writers: writers.size, gone }
  }
  try {
    for await (const line of file.readLines()) {
      const [, begin = '', link] = LINKED.exec(line) ?? []
      const text = `${begin}}`
      const [, writer, seq] = NUMBERED.exec(text) ?? []
      const before = writer === undefined ? last : START
      if (link === undefined || link !== linkOf(key, before, text)) return result(lines + 1)
      if (writer !== undefined) {
        if (!writers.has(writer) && writers.size >= MAX_WRITERS) return result(lines + 1)
        note(writers, writer, Number(seq), Number(LOST.exec(text)?.[1] ?? 0))
      }
      if (writer === undefined) last = link
      lines++
    }
    return result(undefined)
  } finally {
    await file.close().catch(() => undefined)
  }
}

function note(writers: Map<string, Numbers>, writer: string, seq: number, lost: number): void {
  const numbers = writers.get(writer) ?? { first: seq, next: seq, later: new Set(), lost: new Map() }
  writers.set(writer, numbers)
  if (lost > 0) numbers.lost.set(seq, lost)
  if (seq < numbers.first) {
    for (let at = numbers.first; at < numbers.next; at++) numbers.later.add(at)
    numbers.first = seq
    numbers.next = seq
  }
  if (seq >= numbers.next) numbers.later.add(seq)
  while (numbers.later.delete(numbers.next)) numbers.next++
}

/** Lines before the first one may have been removed by the retention of the topic: their loss is not looked for. */
function goneOf({ first, next, later, lost }: Numbers): number {
  let end = next
  for (const seq of later) end = Math.max(end, seq + 1)
  const missing = end - next - later.size
  const said = [...lost].reduce((sum, [seq, count]) => (seq > first ? sum + count : sum), 0)
  return Math.max(0, missing - said)
}

/** The last bytes of a file; empty where there is none. */
export async function endOf(path: string): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.min(size, MAX_LINE_BYTES))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
