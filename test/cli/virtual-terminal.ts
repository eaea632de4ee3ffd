/** A terminal without a window: what a program has drawn on it, as a person would see it. */
import xterm from '@xterm/headless'
import type { Screen } from '../../cli/top/screen.ts'

export class VirtualTerminal {
  readonly #terminal: InstanceType<typeof xterm.Terminal>
  readonly #keys = new Set<(key: string | undefined) => void>()
  readonly #resized = new Set<() => void>()
  readonly #exits = new Set<() => void>()
  /** All that was written. */
  written = ''
  /** How often something was written. */
  writes = 0

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  }

  readonly screen: Screen = {
    write: (text) => {
      this.written += text
      this.writes++
      this.#terminal.write(text)
    },
    size: () => ({ columns: this.#terminal.cols, rows: this.#terminal.rows }),
    keys: (listener) => {
      this.#keys.add(listener)
      return () => void this.#keys.delete(listener)
    },
    onResize: (listener) => {
      this.#resized.add(listener)
      return () => void this.#resized.delete(listener)
    },
    onExit: (listener) => {
      this.#exits.add(listener)
      return () => void this.#exits.delete(listener)
    },
  }

  /** What a program has left behind that still listens. */
  get listeners(): number {
    return this.#keys.size + this.#resized.size + this.#exits.size
  }

  press(key: string | undefined): void {
    for (const listener of this.#keys) listener(key)
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows)
    for (const listener of this.#resized) listener()
  }

  /** The process ends without having given the terminal back. */
  exit(): void {
    for (const listener of this.#exits) listener()
  }

  async feed(text: string): Promise<void> {
    await new Promise<void>((resolve) => this.#terminal.write(text, resolve))
  }

  /** The rows of what is shown, without blanks at their ends. */
  async rows(): Promise<string[]> {
    await this.feed('')
    const { active } = this.#terminal.buffer
    return Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '',
    )
  }

  async text(): Promise<string> {
    return (await this.rows()).join('\n')
  }

  /** Whether the other screen is shown, whose content goes when it is left. */
  async isAlternate(): Promise<boolean> {
    await this.feed('')
    return this.#terminal.buffer.active.type === 'alternate'
  }
}
