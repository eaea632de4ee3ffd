/**
 * How a command reports before its settings are read: what is wrong with them is a line in the format that was asked for.
 * Without the settings themselves, and so without schemas: every command is started through here (decision 102).
 *
 * @module
 */
import { LOG_LEVELS } from '../adapters/logs/log-events/log-line.ts'
import type { LogLevel } from '../adapters/logs/log-events/log-line.ts'
import type { LogFormat } from './settings/logging.ts'

export interface AskedLogging {
  readonly format: LogFormat
  readonly level: LogLevel
}

interface Place<T extends string> {
  readonly flag: string
  readonly env: string
  /** In the configuration file. */
  readonly path: string
  readonly choices: readonly T[]
  readonly otherwise: T
}

/** As `settings/logging.ts` has them. */
const FORMAT: Place<LogFormat> = {
  flag: '--log-format',
  env: 'KEDGE_LOG_FORMAT',
  path: 'logFormat',
  choices: ['text', 'json'],
  otherwise: 'text',
}
const LEVEL: Place<LogLevel> = {
  flag: '--log-level',
  env: 'KEDGE_LOG_LEVEL',
  path: 'logLevel',
  choices: LOG_LEVELS,
  otherwise: 'info',
}

/** From flags, the environment, and the configuration file. Where the nearest is no value of the setting, the default counts. */
export function askedLogging(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  ofFile: (path: string) => unknown = () => undefined,
): AskedLogging {
  const found = <T extends string>({ flag, env: name, path, choices, otherwise }: Place<T>): T => {
    const value = flagIn(args, flag) ?? (env[name] || undefined) ?? ofFile(path)
    return choices.find((choice) => choice === value) ?? otherwise
  }
  return { format: found(FORMAT), level: found(LEVEL) }
}

/** The last one counts, as for commander. */
function flagIn(args: readonly string[], flag: string): string | undefined {
  let value: string | undefined
  for (const [at, word] of args.entries()) {
    if (word === '--') break
    if (word === flag) value = args[at + 1]
    else if (word.startsWith(`${flag}=`)) value = word.slice(flag.length + 1)
  }
  return value
}
