/** Compares an audit with its chain. @module */
import { linkedLine, linkOf, isUnlinked, START, Torn, TORN } from './audit-chain.ts'
import { linesOf } from './audit-file.ts'

/** Of `AuditLines`: in any order, and again where a call was repeated. */
const NUMBERED = /,"writer":"([\w-]{1,64})","seq":(\d{1,15})\}$/
const LOST = /,"lost":(\d{1,15}),"writer":/
const NAMES_TORN = new RegExp(`"act":"${TORN}","bytes":(\\d{1,15}),"sha256":"([0-9a-f]{64})"`)
/** Writers of one file, at most: the line of one more counts as wrong. */
const MAX_WRITERS = 100_000
/** Numbers of torn lines that the result names. */
const MAX_TOLD = 1000

export type Why =
  /** The link is another one than the key makes. */
  | 'link'
  /** A whole line without a link. */
  | 'unlinked'
  /** Half a line at the end of the file. */
  | 'torn-end'
  /** Half a line that the next one does not name. */
  | 'torn'
  /** It names half a line before it, and there is none. */
  | 'torn-gone'
  | 'too-many-writers'

export interface Verified {
  /** Lines from the first on whose links are right. */
  readonly lines: number
  /** The number of the first line that is wrong, from 1; `undefined` where all are right. */
  readonly broken: number | undefined
  readonly why: Why | undefined
  /** Numbers of lines that killed processes have left torn, and that a line of the chain names. */
  readonly torn: readonly number[]
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
  const writers = new Map<string, Numbers>()
  const told: number[] = []
  let lines = 0
  let last = START
  let at = 0
  /** What has no link, from the line `since` on. */
  let torn: { readonly since: number; readonly text: Torn } | undefined
  const result = (broken?: number, why?: Why): Verified => {
    const gone = [...writers.values()].reduce((sum, numbers) => sum + goneOf(numbers), 0)
    return { lines, broken, why, torn: told, last, writers: writers.size, gone }
  }
  for await (const line of linesOf(path)) {
    at++
    const linked = linkedLine(line)
    if (linked === undefined) {
      if (isUnlinked(line)) return result(torn?.since ?? at, torn ? 'torn' : 'unlinked')
      torn ??= { since: at, text: new Torn() }
      torn.text.add(line)
      continue
    }
    const { text, link } = linked
    const [, writer, seq] = NUMBERED.exec(text) ?? []
    const isRight = link === linkOf(key, writer === undefined ? last : START, text)
    if (torn) {
      const { bytes, sha256 } = torn.text.named()
      const [, named, hash] = NAMES_TORN.exec(text) ?? []
      if (!isRight || named !== String(bytes) || hash !== sha256) return result(torn.since, 'torn')
      for (let nth = torn.since; nth < at && told.length < MAX_TOLD; nth++) told.push(nth)
      torn = undefined
    } else if (!isRight) return result(at, 'link')
    else if (NAMES_TORN.test(text)) return result(at, 'torn-gone')
    if (writer !== undefined) {
      if (!writers.has(writer) && writers.size >= MAX_WRITERS) return result(at, 'too-many-writers')
      note(writers, writer, Number(seq), Number(LOST.exec(text)?.[1] ?? 0))
    } else last = link
    lines++
  }
  return torn ? result(torn.since, 'torn-end') : result()
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
