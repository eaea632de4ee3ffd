/** A command of `kedge`: its settings, its configuration file, its help. @module */
import { Command } from 'commander'
import { examplesHelp } from './examples.ts'
import { offer, secretsHelp } from './setting.ts'
import type { AnySetting } from './setting.ts'

/** Gets the exit code of a command that has ended. */
export type Done = (code: number) => void

export function command(name: string, says: string, settings: readonly AnySetting[]): Command {
  const made = new Command(name).description(says)
  offer(made, settings)
  return made
    .option('--config <file>', 'the configuration file (KEDGE_CONFIG, default: kedge.config.json)')
    .addHelpText('after', secretsHelp(settings))
    .addHelpText('after', examplesHelp(name))
}
