/** A way in which a command of the pages is tested. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../package/tarball.ts'
import type { ShellCommand } from './shell-command.ts'

type Way = 'run here' | 'run elsewhere' | 'checked'

export interface Rule {
  readonly way: Way
  /** Which other part runs it, or why it is not run. */
  readonly why: string
  takes(command: ShellCommand): boolean
  /** @throws Error where the command would not do as the page says. */
  hold(command: ShellCommand): Promise<void> | void
}

/** @throws Error where there is no such file */
export function mustExist(path: string): void {
  if (!existsSync(join(ROOT, path))) throw new Error(`there is no ${path}`)
}
