/** Reports an error that no code foresaw: the process goes on. @module */
import { codeOf, sentence } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** @param name `kedge gateway` */
export const unexpected =
  (name: string, terminal: Terminal) =>
  (error: unknown): void =>
    terminal.tell('error', 'unexpected_error', `${name}: unexpected error: ${sentence(error)}`, codeOf(error))
