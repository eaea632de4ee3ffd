/** A block of shell as its commands: those parts of the language that the pages use, and an error for all others. */
import type { Block, Page } from './page.ts'

export interface ShellCommand {
  readonly page: Page
  readonly env: Readonly<Record<string, string>>
  readonly words: readonly string[]
  /** As it is shown in the names of tests. */
  readonly text: string
}

const WORD = /'([^']*)'|"([^"$`\\]*)"|([^\s'"$`\\|<>()&;#]+)/y

export function commandsOf({ page, text }: Pick<Block, 'page' | 'text'>): ShellCommand[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.split(/\s*(?:&&|;)\s*/))
    .map((line) => commandOf(page, line))
}

/** @throws Error where it is not plain words: no test covers pipes, substitutions and redirections. */
function commandOf(page: Page, line: string): ShellCommand {
  const words: string[] = []
  const env: Record<string, string> = {}
  let word = ''
  for (let at = 0; at < line.length; at = WORD.lastIndex) {
    WORD.lastIndex = at
    const found = WORD.exec(line)
    if (found === null) throw new Error(`${page.path} has shell that is not understood: ${line}`)
    word += found[1] ?? found[2] ?? found[3] ?? ''
    const gap = /\s*/y
    gap.lastIndex = WORD.lastIndex
    const space = gap.exec(line)?.[0].length ?? 0
    if (space === 0 && WORD.lastIndex < line.length) continue
    const [, name, value] = words.length === 0 ? (/^([A-Z_]+)=(.*)$/.exec(word) ?? []) : []
    if (name === undefined) words.push(word)
    else env[name] = value ?? ''
    word = ''
    WORD.lastIndex += space
  }
  return { page, env, words, text: line.replaceAll(/\s+/g, ' ') }
}

/** What follows the words, where the command begins with them. */
export function after({ words }: ShellCommand, ...first: readonly string[]): readonly string[] | undefined {
  return first.every((word, index) => words[index] === word) ? words.slice(first.length) : undefined
}
