/**
 * The chain of an audit in a file: each line has the HMAC-SHA-256 of the one before it and of its own text, so that a line
 * that was changed, removed or put in between breaks it for a reader with the key. Lines of a topic or a console have a
 * writer and a number in place of the link before them.
 *
 * A process that is killed may leave half a line. The next one names it, by its length and its hash, in a line of the chain.
 *
 * @module
 */
import type { Buffer } from 'node:buffer'
import { createHash, createHmac } from 'node:crypto'
import { endOf } from './audit-file.ts'
import type { FileLine } from './audit-file.ts'

/** The link before the first line. */
export const START = ''
/** `act` of a line that names what a killed process has left before it. */
export const TORN = 'torn-line'
const LINKED = /^(\{.*),"chain":"([0-9a-f]{64})"\}$/s

export const linkOf = (key: string, before: string, text: string): string =>
  createHmac('sha256', key).update(`${before}\n${text}`).digest('hex')

/** A line and its link; `undefined` for a line without one. */
export function linkedLine({
  bytes,
}: FileLine): { readonly text: string; readonly link: string } | undefined {
  const [, begin, link] = LINKED.exec(bytes.toString('utf8')) ?? []
  return begin === undefined || link === undefined ? undefined : { text: `${begin}}`, link }
}

/** Whether it is a whole line, written without a key: half a line is no JSON. */
export function isUnlinked({ bytes }: FileLine): boolean {
  try {
    return typeof JSON.parse(bytes.toString('utf8')) === 'object'
  } catch {
    return false
  }
}

/** What stands between two lines of a chain, and belongs to none. */
export class Torn {
  readonly #hash = createHash('sha256')
  #bytes = 0
  #lines = 0

  add({ bytes }: FileLine): void {
    if (this.#lines++ > 0) this.#take('\n')
    this.#take(bytes)
  }

  #take(bytes: Buffer | '\n'): void {
    this.#hash.update(bytes)
    this.#bytes += bytes.length
  }

  /** As a line of the chain names it: without the line feed that ends it. To be called once. */
  named(): { readonly bytes: number; readonly sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }
}

/** Why a process must not write to the file. */
export type Unfit =
  /** The last line has another link than this key makes. */
  | 'other-key'
  /** The last line has no link. */
  | 'unlinked'
  /** The last line has a link, and there is no key. */
  | 'linked'
  /** There is no line near the end. */
  | 'no-lines'

export interface End {
  readonly unfit: Unfit | undefined
  /** The link of the last line. */
  readonly last: string
  /** What a killed process has left behind the last line. */
  readonly torn: { readonly bytes: number; readonly sha256: string } | undefined
  /** Whether the last line lacks its end. */
  readonly isOpen: boolean
}

/** How a file ends, for a process that goes on with this key, or without one. */
export async function chainEnd(path: string, key: string | undefined): Promise<End> {
  const { lines, isAll } = await endOf(path)
  const at = lines.findLastIndex((line) => linkedLine(line) !== undefined)
  const behind = lines.slice(at + 1).filter(({ bytes, isEnded }) => isEnded || bytes.length > 0)
  const isOpen = lines.at(-1) !== undefined && lines.at(-1)!.bytes.length > 0
  const hasUnlinked = behind.some(isUnlinked)
  const left = hasUnlinked ? behind.slice(behind.findLastIndex(isUnlinked) + 1) : behind
  const torn = left.length === 0 ? undefined : tornOf(left)
  const end = (unfit: Unfit | undefined, last = START): End => ({ unfit, last, torn, isOpen })
  if (key === undefined) return end(at >= 0 && !hasUnlinked ? 'linked' : undefined)
  if (hasUnlinked) return end('unlinked')
  if (at < 0) return end(isAll ? undefined : 'no-lines')
  const { text, link } = linkedLine(lines[at]!)!
  const before = lines.slice(0, at).findLast((line) => linkedLine(line) !== undefined)
  if (before === undefined && !isAll) return end('no-lines')
  const isRight = linkOf(key, before === undefined ? START : linkedLine(before)!.link, text) === link
  return end(isRight ? undefined : 'other-key', link)
}

function tornOf(lines: readonly FileLine[]): { bytes: number; sha256: string } {
  const torn = new Torn()
  for (const line of lines) torn.add(line)
  return torn.named()
}

/** Lines of a file that is written from here on. */
export class AuditChain {
  readonly #key: string
  #last: string

  /** @param last the link of the last line of the file */
  constructor(key: string, last: string) {
    this.#key = key
    this.#last = last
  }

  /** The line of a JSON object with its link. */
  link(json: string): string {
    this.#last = linkOf(this.#key, this.#last, json)
    return `${json.slice(0, -1)},"chain":"${this.#last}"}`
  }
}
