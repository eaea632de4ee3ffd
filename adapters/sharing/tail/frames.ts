/**
 * What goes over the socket of a tail, one JSON text a frame.
 *
 * From the server: `{"r":[…],"base":b,"next":n}` are all records of `[b, n)`; `{"b":{…}}` is a beat, a proof for a client that has every
 * record before its end; `{"p":k,"life":…,"theirs":ms}` is the echo of a question; `{"x":…}` says why the socket ends. From the client:
 * `{"p":k}`. The decoder takes nothing on trust: a text that contradicts itself is no frame.
 *
 * @module
 */
import { fields, fits, int, offsetShape, text as string, type Shape } from '../../answer-shape.ts'
import { decodeRecords, encodeRecord, nameShape, type Proof, type ProvedRecord } from './proof.ts'

/** The most characters of a frame. */
const MAX_FRAME = 2_000_000
/** The most that a question takes: two braces, a name and a number. */
const MAX_QUESTION = 32

/** Where the log ended at a moment of a clock: see {@link Proof}. */
export type Beat = Pick<Proof, 'logId' | 'life' | 'at' | 'beginning' | 'end'>

/** Why a server ends a socket. `replaced` and `truncated`: what the client has does not go on; `slow`: it takes too little. */
export type EndReason = 'replaced' | 'truncated' | 'slow'

export interface RecordsFrame {
  /** Every record in `[base, next)`. */
  readonly base: number
  readonly next: number
  readonly records: readonly ProvedRecord[]
}

export interface EchoFrame {
  readonly question: number
  readonly life: string
  /** What the clock of `life` had not passed when the question was sent. */
  readonly theirs: number
}

export type ServerFrame =
  | { readonly records: RecordsFrame }
  | { readonly beat: Beat }
  | { readonly echo: EchoFrame }
  | { readonly ended: EndReason }

const reason: Shape<EndReason> = (value) =>
  value === 'replaced' || value === 'truncated' || value === 'slow' ? undefined : 'must be a reason'
const recordsShape = fields({ base: offsetShape, next: offsetShape })
const beatShape = fields({
  log: nameShape,
  life: nameShape,
  at: int,
  beginning: offsetShape,
  end: offsetShape,
})
const echoShape = fields({ p: offsetShape, life: nameShape, theirs: int })
const questionShape = fields({ p: offsetShape })

export const recordsText = ({ base, next, records }: RecordsFrame): string =>
  JSON.stringify({ r: records.map(encodeRecord), base, next })

export const beatText = ({ logId: log, life, at, beginning, end }: Beat): string =>
  JSON.stringify({ b: { log, life, at, beginning, end } })

export const echoText = ({ question: p, life, theirs }: EchoFrame): string =>
  JSON.stringify({ p, life, theirs })

export const endText = (x: EndReason): string => JSON.stringify({ x })

export const questionText = (p: number): string => JSON.stringify({ p })

/** The number of a client's question; `undefined` where the text is none. */
export function decodeQuestion(text: unknown): number | undefined {
  if (string(text) !== undefined || (text as string).length > MAX_QUESTION) return undefined
  const found = parsed(text as string)
  return fits(found, questionShape) ? found.p : undefined
}

/** The frame of a server; `undefined` where the text is none. */
export function decodeFrame(text: unknown): ServerFrame | undefined {
  if (string(text) !== undefined || (text as string).length > MAX_FRAME) return undefined
  const found = parsed(text as string)
  if (typeof found !== 'object' || found === null) return undefined
  if ('r' in found) {
    if (!fits(found, recordsShape) || found.base > found.next) return undefined
    const { base, next } = found
    const records = decodeRecords((found as { r?: unknown }).r, base, next)
    return records && { records: { base, next, records } }
  }
  if ('b' in found) {
    if (!fits(found.b, beatShape)) return undefined
    const { log: logId, life, at, beginning, end } = found.b
    return beginning <= end ? { beat: { logId, life, at, beginning, end } } : undefined
  }
  if ('p' in found) {
    if (!fits(found, echoShape)) return undefined
    const { p: question, life, theirs } = found
    return { echo: { question, life, theirs } }
  }
  if (!('x' in found)) return undefined
  const { x } = found
  return fits(x, reason) ? { ended: x } : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
