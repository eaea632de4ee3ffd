/** The output of a command: lines, colours where the terminal shows them, and never a secret. @module */
import { styleText } from 'node:util'
import { UNITS } from './time-units.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** The longest text of a stranger in a sentence. */
const MAX_TEXT = 300

export interface Sink {
  readonly write: (text: string) => void
  /** Whether the output is a terminal that shows colours. */
  readonly colours: boolean
  /** Whether a printed line can be overwritten. @default false */
  readonly live?: boolean
}

export class Terminal {
  readonly #out: Sink
  readonly #err: Sink
  readonly #secrets = new Set<string>()

  constructor(out: Sink, err: Sink) {
    this.#out = out
    this.#err = err
  }

  /** Replaces `secret` by `***` in all later output. */
  hide(secret: string): void {
    if (secret !== '') this.#secrets.add(secret)
  }

  /** Writes a line of the result to the standard output. */
  say(line: string): void {
    this.#out.write(`${line}\n`)
  }

  /** Writes a notice to the standard error. */
  warn(line: string): void {
    this.#err.write(`${this.redact(line)}\n`)
  }

  /** Whether {@link draw} draws. */
  get isLive(): boolean {
    return this.#out.live ?? false
  }

  /** Overwrites the last drawn line; after an empty text the next line takes its place. */
  draw(line: string): void {
    this.#out.write(`\r\u001B[2K${this.redact(line)}`)
  }

  /** The text in colour, where the standard output shows colours. */
  paint(colour: Colour, text: string): string {
    return this.#out.colours ? styleText(colour, text, { validateStream: false }) : text
  }

  redact(text: string): string {
    let clean = text
    // The longest first: one may be a part of another.
    for (const secret of [...this.#secrets].toSorted((a, b) => b.length - a.length))
      clean = clean.replaceAll(secret, '***')
    return clean
  }
}

/** Colours: on a terminal, unless `NO_COLOR` is set to anything (no-color.org) or the terminal has none. */
export function showsColours(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

/** A stranger's text within a sentence: short, and on one line. */
export function plain(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}

/** A key, tag or prefix: as it stands where it is plain, else quoted, with nothing that could move the cursor. */
export function quoted(id: string): string {
  if (/^[\w.:/@+-]+$/.test(id)) return id
  return JSON.stringify(id).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}

/** A length of time for people: `5m`, `1h 20m`, `350 ms`. */
export function lengthOf(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const parts: string[] = []
  let left = Math.round(ms / 1000) * 1000
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(' ')
}
