/** The page of `kedge top`: all processes, one below the other, for a width. @module */
import { seconds, count } from './figures.ts'
import { fieldsOf } from './process-fields.ts'
import type { Field } from './process-fields.ts'
import type { PartitionPlace } from './snapshot.ts'
import { bar, cutTo, narrow, paddedTo, span, sparkline, widthOf } from './spans.ts'
import type { Line, Span } from './spans.ts'
import type { WatchedProcess } from './watched-process.ts'

const LABEL = 15
const VALUE = 24
const MIN_SPARK = 8
const MAX_SPARK = 30
/** Between columns. */
const GAP = 2
const MAX_COLUMNS = 4
const MIN_BAR = 8
const MAX_BAR = 40
/** Partitions that are shown of one process: those that are furthest behind. */
const MAX_PARTITIONS = 50

/** One process, with its fields as they were when it was looked at. */
export class ProcessBlock {
  readonly #of: WatchedProcess
  #fields: readonly Field[] = []

  constructor(of: WatchedProcess) {
    this.#of = of
  }

  /** To be called once after each look. */
  refresh(): void {
    this.#fields = this.#of.metrics ? fieldsOf(this.#of) : []
  }

  get isReady(): boolean {
    const { last } = this.#of
    return last !== undefined && last.problem === undefined && last.unanswered === undefined
  }

  /** Whether it could be asked. */
  get answers(): boolean {
    return this.#of.last?.unanswered === undefined
  }

  lines(width: number): Line[] {
    const { last } = this.#of
    if (last === undefined) return [this.#title(width)]
    if (last.unanswered !== undefined)
      return [this.#title(width), ...wrapped(this.#away(last.unanswered), width, 'red')]
    const problem =
      last.problem === undefined ? [] : wrapped(`not ready: ${narrow(last.problem)}`, width, 'yellow')
    return [
      this.#title(width),
      ...problem,
      ...progress(this.#of, width),
      ...inColumns(
        this.#fields.map((field) => this.#cell(field)),
        width,
      ),
      ...partitionLines(last.partitions, width),
    ]
  }

  #away(why: string): string {
    const { awayMs } = this.#of
    const since = awayMs === undefined ? '' : ` for ${seconds(awayMs / 1000)}`
    return `does not answer${since}: ${narrow(why)}`
  }

  #title(width: number): Line {
    const { last, address } = this.#of
    const { command = '', version } = this.#of.build
    const started = this.#of.value('process_start_time_seconds')
    const sign: Span =
      last === undefined
        ? span('○ ', 'dim')
        : this.isReady
          ? span('● ', 'green')
          : span('● ', this.answers ? 'yellow' : 'red')
    const up = started === undefined ? '' : `, up ${seconds(Math.max(0, this.#nowSeconds - started))}`
    const about = version === undefined ? '' : `  ${narrow(version)}${up}`
    return cutTo(
      [sign, span(`${narrow(command) || 'kedge'} `, 'bold'), span(narrow(address)), span(about, 'dim')],
      width,
    )
  }

  /** By the wall clock, as the process tells when it has started. */
  #nowSeconds = 0

  at(wallMs: number): void {
    this.#nowSeconds = wallMs / 1000
  }

  #cell({ label, value, colour, history }: Field): Cell {
    const points = history === undefined ? [] : this.#of.history(history)
    return { label, value, colour, points }
  }
}

interface Cell {
  readonly label: string
  readonly value: string
  readonly colour: Span['colour']
  readonly points: readonly (number | undefined)[]
}

/** As many columns as there is room for; with bars where there is room for those. */
function inColumns(cells: readonly Cell[], width: number): Line[] {
  const bare = LABEL + VALUE
  const columns = Math.max(1, Math.min(MAX_COLUMNS, Math.floor((width + GAP) / (bare + MIN_SPARK + GAP))))
  const each = Math.min(bare + MAX_SPARK, Math.floor((width - GAP * (columns - 1)) / columns))
  const spark = Math.max(0, each - bare)
  const rows = Math.ceil(cells.length / columns)
  return Array.from({ length: rows }, (_, row) => {
    const line: Span[] = []
    for (let column = 0; column < columns; column++) {
      const cell = cells[column * rows + row]
      if (cell === undefined) continue
      if (column > 0) line.push(span(' '.repeat(GAP)))
      line.push(...paddedTo(cellLine(cell, each, spark), each))
    }
    return trimmed(cutTo(line, width))
  })
}

function cellLine({ label, value, colour, points }: Cell, width: number, spark: number): Line {
  const said = paddedTo([span(`  ${label}`.padEnd(LABEL), 'dim'), span(value, colour)], width - spark)
  // One value has no course.
  return spark < MIN_SPARK || points.length < 2 ? said : [...said, span(sparkline(points, spark - 1), 'cyan')]
}

/** Without blanks at its end. */
function trimmed(line: Line): Line {
  const spans = [...line]
  while (spans.length > 0) {
    const last = spans.at(-1)!
    const text = last.text.trimEnd()
    if (text !== '') return [...spans.slice(0, -1), { ...last, text }]
    spans.pop()
  }
  return spans
}

/** How far a store is on its way to the end, which it has to reach before it is ready. */
function progress(of: WatchedProcess, width: number): Line[] {
  if (of.value('kedge_sync_rehydrating') !== 1) return []
  const places = of.last?.partitions ?? []
  const end = places.reduce((sum, place) => sum + place.end, 0)
  const position = places.reduce((sum, place) => sum + Math.min(place.position, place.end), 0)
  const done = end === 0 ? 0 : position / end
  const size = Math.max(MIN_BAR, Math.min(MAX_BAR, width - 34))
  return [
    cutTo(
      [span(`  ${bar(done, size)}`, 'cyan'), span(` ${Math.floor(done * 100)} % of ${count(end)} offsets`)],
      width,
    ),
  ]
}

function partitionLines(places: readonly PartitionPlace[], width: number): Line[] {
  if (places.length === 0) return []
  const behind = ({ position, end }: PartitionPlace) => Math.max(0, end - position)
  const shown = places
    .toSorted((a, b) => behind(b) - behind(a) || a.partition - b.partition)
    .slice(0, MAX_PARTITIONS)
  const rows = shown.map((place) =>
    [place.partition, place.position, place.end, behind(place)].map((value) => value.toLocaleString('en-US')),
  )
  const heads = ['partition', 'position', 'end', 'lag']
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]!.length)))
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => cell.padStart(widths[at]!)).join('  ')}`
  const more = places.length - shown.length
  return [
    cutTo([span(line(heads), 'dim')], width),
    ...rows.map((row, at) => cutTo([span(line(row), behind(shown[at]!) > 0 ? 'yellow' : undefined)], width)),
    ...(more > 0 ? [cutTo([span(`  and ${more} more partitions`, 'dim')], width)] : []),
  ]
}

function wrapped(text: string, width: number, colour: Span['colour']): Line[] {
  const most = Math.max(10, width - 2)
  const lines: Line[] = []
  let rest = text
  while (rest !== '' && lines.length < 3) {
    const at = rest.length <= most ? rest.length : Math.max(rest.lastIndexOf(' ', most), most / 2)
    lines.push(cutTo([span(`  ${rest.slice(0, at).trim()}`, colour)], width))
    rest = rest.slice(at).trim()
  }
  return lines
}

/** All of them, with a line between two. */
export function pageOf(blocks: readonly ProcessBlock[], width: number): Line[] {
  return blocks.flatMap((block, at) => [...(at > 0 ? [[]] : []), ...block.lines(width)])
}

/** The first line: what is looked at, and by which keys. */
export function headOf(blocks: readonly ProcessBlock[], wallMs: number, width: number): Line {
  const ready = blocks.filter(({ isReady }) => isReady).length
  const all = `${blocks.length} ${blocks.length === 1 ? 'process' : 'processes'}, ${ready} ready`
  const left: Line = [
    span('kedge top', 'bold'),
    span(`  ${all}`, ready === blocks.length ? 'green' : 'red'),
    span(`  ${new Date(wallMs).toISOString().slice(11, 19)} UTC`, 'dim'),
  ]
  const keys = span('q quits, ↑↓ scroll', 'dim')
  const room = width - widthOf(left) - keys.text.length
  return room < 2 ? cutTo(left, width) : [...left, span(' '.repeat(room)), keys]
}
