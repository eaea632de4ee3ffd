/** The output of a command: lines, colours where the terminal shows them, and never a secret. @module */
import { styleText } from 'node:util'
import { escaped, isWithin, jsonLine } from '../adapters/logs/log-events/log-line.ts'
import type { LogFields, LogLevel } from '../adapters/logs/log-events/log-line.ts'
import { UNITS } from './time-units.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** The longest text of a stranger in a sentence. */
const MAX_TEXT = 300
/** Where a text was cut. */
const CUT = '…'
/** Less of a secret is as likely to be a word. */
const LEAST_BEGINNING = 3

export interface Sink {
  readonly write: (text: string) => void
  /** Whether the output is a terminal that shows colours. */
  readonly colours: boolean
  /** Whether a printed line can be overwritten. @default false */
  readonly live?: boolean
}

/** How a command that lives long reports what happens. */
export interface Logging {
  readonly format: 'text' | 'json'
  readonly level: LogLevel
  /** `gateway` */
  readonly command: string
  readonly version: string
  readonly now: () => number
}

export class Terminal {
  readonly #out: Sink
  readonly #err: Sink
  readonly #secrets = new Set<string>()
  readonly #whenJson: () => void
  #logging: Logging | undefined

  /** @param whenJson called when the log becomes one of JSON: what others write of the process has to follow */
  constructor(out: Sink, err: Sink, whenJson: () => void = () => {}) {
    this.#out = out
    this.#err = err
    this.#whenJson = whenJson
  }

  /** Replaces `secret` by `***` in all later output. */
  hide(secret: string): void {
    // As it stands, and as it stands in a sentence.
    for (const each of [secret, onOneLine(secret)]) if (each !== '') this.#secrets.add(each)
  }

  /** From now on everything is a line of a log: also what {@link say} and {@link warn} write. `undefined`: no more. */
  logs(logging: Logging | undefined): void {
    const wasJson = this.isJson
    this.#logging = logging
    if (this.isJson && !wasJson) this.#whenJson()
  }

  /** Whether each line is a JSON object. */
  get isJson(): boolean {
    return this.#logging?.format === 'json'
  }

  /** Whether {@link tell} writes what is of this level. */
  tells(level: LogLevel): boolean {
    return isWithin(level, this.#logging?.level ?? 'info')
  }

  /** Writes a line of the result to the standard output. */
  say(line: string): void {
    if (this.#logging) this.tell('info', 'notice', line)
    else this.#out.write(`${line}\n`)
  }

  /** Writes a notice to the standard error. */
  warn(line: string): void {
    this.tell('warn', 'notice', line)
  }

  /**
   * Reports what has happened: `error` and `warn` to the standard error, others to the standard output.
   *
   * @param event its name for programs: `listening`
   * @param text for people; a log of text has it alone
   * @param fields no keys, no values
   */
  tell(level: LogLevel, event: string, text: string, fields: LogFields = {}): void {
    if (!this.tells(level)) return
    const line = this.isJson
      ? this.#json(level, event, { message: this.#messageOf(text) }, fields)
      : this.redact(text)
    this.#sinkOf(level).write(`${line}\n`)
  }

  /** Reports a request: a JSON object in every format. */
  request(level: LogLevel, fields: LogFields, now: number): void {
    if (!this.tells(level)) return
    const line = this.isJson
      ? this.#json(level, 'request', {}, fields)
      : jsonLine({ time: new Date(now).toISOString(), ...fields }, (text) => this.redact(text))
    this.#out.write(`${line}\n`)
  }

  /** Writes an entry of the audit, whatever the level: it is asked for by itself, and none of it may be left out. */
  audit(entry: object, now: number): void {
    const time = new Date(now).toISOString()
    const line = JSON.stringify({
      time,
      ...(this.isJson && { level: 'info', event: 'audit', ...this.#origin() }),
      ...entry,
    })
    this.#out.write(`${escaped(line)}\n`)
  }

  #json(level: LogLevel, event: string, said: LogFields, fields: LogFields): string {
    const time = new Date(this.#logging!.now()).toISOString()
    const head = { time, level, event, ...said, ...this.#origin() }
    return jsonLine({ ...head, ...fields, ...head }, (text) => this.redact(text))
  }

  #origin(): LogFields {
    const { command, version } = this.#logging!
    return { command, version }
  }

  /** Without the name of the command, which has a field of its own. */
  #messageOf(text: string): string {
    const names = [`kedge ${this.#logging!.command}: `, 'kedge: ']
    return text.slice(names.find((name) => text.startsWith(name))?.length ?? 0).trim()
  }

  #sinkOf(level: LogLevel): Sink {
    return level === 'error' || level === 'warn' ? this.#err : this.#out
  }

  /** Whether {@link draw} draws. */
  get isLive(): boolean {
    return (this.#out.live ?? false) && !this.isJson
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
    return clean.includes(CUT) ? this.#withoutBeginnings(clean) : clean
  }

  /** A stranger's text is cut (`…`), perhaps within a secret that it quotes. */
  #withoutBeginnings(text: string): string {
    const parts = text.split(CUT)
    const last = parts.pop()!
    const clean = parts.map((part) => {
      const lengths = [...this.#secrets].map((secret) => lengthOfBeginning(part, secret))
      const longest = Math.max(0, ...lengths)
      return longest === 0 ? part : `${part.slice(0, -longest)}***`
    })
    return [...clean, last].join(CUT)
  }
}

/** Colours: on a terminal, unless `NO_COLOR` is set to anything (no-color.org) or the terminal has none. */
export function showsColours(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

/** How much of the secret the text ends with: its beginning, of some characters at least. */
function lengthOfBeginning(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length - 1); length >= LEAST_BEGINNING; length--)
    if (text.endsWith(secret.slice(0, length))) return length
  return 0
}

const onOneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()

/** A stranger's text within a sentence: short, and on one line. */
export function plain(text: string): string {
  const clean = onOneLine(text)
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
