/**
 * The chain of an audit: each line has the HMAC-SHA-256 of the one before it and of its own text, so that a line that
 * was changed, removed or put in between breaks it for a reader with the key.
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
}

/** Compares each line with the link that it should have. Rejects for a file that cannot be read. */
export async function verifyChain(path: string, key: string): Promise<Verified> {
  const file = await open(path)
  let lines = 0
  let last = START
  try {
    for await (const line of file.readLines()) {
      const [, begin = '', link] = LINKED.exec(line) ?? []
      if (link === undefined || link !== linkOf(key, last, `${begin}}`))
        return { lines, broken: lines + 1, last }
      last = link
      lines++
    }
    return { lines, broken: undefined, last }
  } finally {
    await file.close().catch(() => undefined)
  }
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
