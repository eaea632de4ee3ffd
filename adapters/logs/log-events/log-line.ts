/**
 * What has happened as one line of JSON: on one line, of bounded length, and with nothing in it that moves a cursor.
 *
 * @module
 */

/** How much a line matters, the most first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** From the one that matters most. */
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

/** Whether a line of a level is written where `limit` is asked for. */
export const isWithin = (level: LogLevel, limit: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(limit)

/** The fields of a line, in their order. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * UTF-16 units of a line. In UTF-8 that is at most 12 KiB: Docker's json-file driver, and containerd, split lines of
 * 16 KiB, and half a line is no JSON.
 */
const MAX_LINE = 4096
const MAX_TEXT = 1000
const MAX_ITEMS = 20
const MAX_DEPTH = 4
const CUT = ',"truncated":true}'

/**
 * The line, without its end. Fields beyond the bound are left out, the last ones first, and the line says so (`truncated`).
 *
 * @param clean what becomes of each text before it is cut: half a secret would not be found any more
 */
export function jsonLine(fields: LogFields, clean: (text: string) => string = same): string {
  let line = '{'
  let isCut = false
  for (const [name, value] of Object.entries(fields)) {
    const part = jsonOf(value, clean)
    if (part === undefined) continue
    const more = `${line === '{' ? '' : ','}${escaped(JSON.stringify(cut(name)))}:${part}`
    if (line.length + more.length > MAX_LINE - CUT.length) isCut = true
    else line += more
  }
  return isCut ? `${line}${CUT}` : `${line}}`
}

const same = (text: string): string => text

function jsonOf(value: unknown, clean: (text: string) => string): string | undefined {
  try {
    const json = JSON.stringify(bounded(value, clean, 0))
    return json && escaped(json)
  } catch {
    // A stranger's object whose fields throw when they are read.
    return undefined
  }
}

function bounded(value: unknown, clean: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return cut(clean(value))
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return undefined
  const within = (each: unknown) => bounded(each, clean, depth + 1)
  if (value instanceof Error) return within(errorFields(value))
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(within)
  const entries = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(entries.map(([name, each]) => [cut(clean(name)), within(each)]))
}

/** What an error says, without its stack. */
function errorFields(error: Error): LogFields {
  const { name, message, cause } = error
  const { code } = error as { code?: unknown }
  return {
    name,
    ...(typeof code === 'string' && { code }),
    // `JSON.parse` quotes what it could not read, which may be a value.
    ...(name !== 'SyntaxError' && { message }),
    ...(cause instanceof Error && { cause }),
  }
}

/** As long as it may be also where each of its characters is escaped. */
function cut(text: string): string {
  let short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  while (escaped(JSON.stringify(short)).length > 1.5 * MAX_TEXT)
    short = `${short.slice(0, short.length >> 1)}…`
  return short
}

/** JSON lets pass what ends a line elsewhere (U+2028), or moves the cursor of a terminal (U+009B). */
export const escaped = (json: string): string =>
  json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) =>
    Array.from(
      { length: found.length },
      (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
