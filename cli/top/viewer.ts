/** What is seen of the page, and what keys do. @module */
import type { Terminal } from '../terminal.ts'
import { paneOf, paneRows } from './eviction-pane.ts'
import type { EvictionStream } from './eviction-stream.ts'
import { headOf, pageOf } from './page.ts'
import type { ProcessBlock } from './page.ts'
import { Frames } from './screen.ts'
import type { Screen } from './screen.ts'
import type { Line } from './spans.ts'

const ESC = '\u001B'
/** Rows by which a key moves the page; of those that are not here, nothing happens. */
const MOVES: Readonly<Record<string, (rows: number) => number>> = {
  '\u001B[A': () => -1,
  '\u001BOA': () => -1,
  k: () => -1,
  '\u001B[B': () => 1,
  '\u001BOB': () => 1,
  j: () => 1,
  '\u001B[5~': (rows) => -rows,
  b: (rows) => -rows,
  '\u001B[6~': (rows) => rows,
  ' ': (rows) => rows,
  '\u001B[H': () => -Infinity,
  '\u001B[1~': () => -Infinity,
  g: () => -Infinity,
  '\u001B[F': () => Infinity,
  '\u001B[4~': () => Infinity,
  G: () => Infinity,
}
/** Ctrl-C and Ctrl-D are characters while the keyboard is read key by key. */
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004'])

/** What is looked at. */
export interface Viewed {
  readonly blocks: readonly ProcessBlock[]
  readonly now: () => number
  /** Shown beneath. @default none */
  readonly evictions?: EvictionStream | undefined
}

export class Viewer {
  readonly #screen: Screen
  readonly #terminal: Terminal
  readonly #blocks: readonly ProcessBlock[]
  readonly #now: () => number
  readonly #frames: Frames
  readonly #evictions: EvictionStream | undefined
  #top = 0

  constructor(screen: Screen, terminal: Terminal, { blocks, now, evictions }: Viewed) {
    this.#screen = screen
    this.#terminal = terminal
    this.#blocks = blocks
    this.#now = now
    this.#evictions = evictions
    this.#frames = new Frames(screen)
  }

  /** Calls `work` with the screen open; gives the terminal back however that ends. */
  async during(work: (quits: AbortSignal) => Promise<void>): Promise<void> {
    const quit = new AbortController()
    const ends = [
      this.#screen.onExit(() => this.#frames.close()),
      this.#screen.onResize(() => {
        this.#frames.clear()
        this.draw()
      }),
    ]
    this.#frames.open()
    try {
      ends.push(this.#screen.keys((key) => this.#press(key, () => quit.abort())))
      this.draw()
      await work(quit.signal)
    } finally {
      for (const end of ends.toReversed()) end()
      this.#frames.close()
    }
  }

  draw(): void {
    const { columns, rows } = this.#screen.size()
    const page = pageOf(this.#blocks, columns)
    const pane = this.#evictions && paneOf(this.#evictions, columns, paneRows(rows))
    const room = Math.max(1, rows - 1 - (pane ? paneRows(rows) : 0))
    this.#top = Math.max(0, Math.min(this.#top, page.length - room))
    const head = headOf(this.#blocks, this.#now(), columns)
    const shown = page.slice(this.#top, this.#top + room)
    const gap = pane ? Array.from({ length: room - shown.length }, (): Line => []) : []
    const lines = [head, ...shown, ...gap, ...(pane ?? [])]
    this.#frames.draw(lines.slice(0, rows).map((line) => painted(line, this.#terminal)))
  }

  #press(keys: string | undefined, quit: () => void): void {
    // Several may come at once: of a paste, or over a slow line.
    for (const key of keys === undefined ? ['q'] : (keys.match(KEY) ?? [])) {
      if (QUIT.has(key)) return quit()
      const rows = Object.hasOwn(MOVES, key) ? MOVES[key]!(Math.max(1, this.#screen.size().rows - 2)) : 0
      this.#top = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, this.#top + rows))
    }
    this.draw()
  }
}

/** What a key sends: a sequence that ESC begins, or a character. */
const KEY = new RegExp(`${ESC}[[O][0-9;]*[A-Za-z~]|[^]`, 'g')

export const painted = (line: Line, terminal: Terminal): string =>
  line.map(({ text, colour }) => (colour ? terminal.paint(colour, text) : text)).join('')
