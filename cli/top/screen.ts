/** A terminal that is drawn on: the other screen of it, which gives back what was there when it ends. @module */

export interface Screen {
  readonly write: (text: string) => void
  readonly size: () => { readonly columns: number; readonly rows: number }
  /** Takes the keyboard. Returns what gives it back. `undefined` as the key: there is no keyboard any more. */
  readonly keys: (listener: (key: string | undefined) => void) => () => void
  /** Returns what ends it. */
  readonly onResize: (listener: () => void) => () => void
  /** Has this done also where the process ends otherwise. Returns what ends it. */
  readonly onExit: (listener: () => void) => () => void
}

const ESC = '\u001B['
/** The other screen (xterm's 1049), without cursor, and lines that are not wrapped. */
const OPEN = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}2J`
const CLOSE = `${ESC}?7h${ESC}?25h${ESC}0m${ESC}?1049l`
/** Synchronized output: a terminal that knows it shows all of a frame at once, and others ignore it. */
const BEGIN = `${ESC}?2026h`
const END = `${ESC}?2026l`

/** Writes only the lines that have changed: nothing flickers, also over a slow line. */
export class Frames {
  readonly #screen: Screen
  #shown: string[] = []
  #isOpen = false

  constructor(screen: Screen) {
    this.#screen = screen
  }

  open(): void {
    this.#isOpen = true
    this.#screen.write(OPEN)
  }

  /** Forgets what is shown: another size has moved it. */
  clear(): void {
    this.#shown = []
    this.#screen.write(`${ESC}2J`)
  }

  /** @param lines from the top, as many as the screen has rows, or fewer */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return
    let text = ''
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row++) {
      const line = lines[row] ?? ''
      // Erased before, not after: behind the last column some terminals erase that.
      if (line !== (this.#shown[row] ?? '')) text += `${ESC}${row + 1};1H${ESC}0m${ESC}K${line}${ESC}0m`
    }
    this.#shown = [...lines]
    if (text !== '') this.#screen.write(`${BEGIN}${text}${END}`)
  }

  /** May be called again. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#screen.write(CLOSE)
  }
}
