/** A setting: from a flag, the environment, or the configuration file; in that order. @module */
import { Option } from 'commander'
import type { Command } from 'commander'
import type * as z from 'zod'
import { UsageError } from './failure.ts'
import { durationText, length } from './value-types.ts'

export interface SettingOptions<T> {
  /** In commander's form: `--port <number>`. A secret has no flag: other users can read command lines. */
  readonly flag: string
  readonly shape: z.ZodType<NonNullable<T>>
  readonly says: string
  readonly otherwise: T
  /** The help shows this instead of `otherwise`. */
  readonly otherwiseSays?: string
  /** Is never printed, and has no flag. */
  readonly secret?: boolean
  /** Has a flag, but messages do not quote it. */
  readonly quiet?: boolean
  /** The flag may be repeated. */
  readonly many?: boolean
  /** @default `KEDGE_` and the path in capitals */
  readonly env?: string
}

export interface Setting<T> extends SettingOptions<T> {
  /** Its path in the configuration file: `gateway.port`. */
  readonly path: string
  readonly env: string
}

export function setting<T>(path: string, options: SettingOptions<T>): Setting<T> {
  return { env: environmentName(path), ...options, path }
}

/** A setting of any type: only the code that reads its value knows the type. */
export type AnySetting = Setting<unknown>

const environmentName = (path: string): string =>
  `KEDGE_${path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('.', '_')
    .toUpperCase()}`

/** Adds the settings to a command, for its help and its flags. */
export function offer(command: Command, settings: readonly AnySetting[]): Command {
  for (const each of settings) command.addOption(optionOf(each))
  return command
}

function optionOf(each: AnySetting): Option {
  const known = each.otherwiseSays ?? defaultOf(each)
  const option = new Option(
    each.flag,
    `${each.says} (${each.env}${known === '' ? '' : `, default: ${known}`})`,
  )
  option.helpGroup('Settings, also from the environment or the configuration file:')
  if (each.many) option.argParser<string[]>((value, before) => [...(before ?? []), value])
  if (!each.secret) return option
  return option.hideHelp().argParser(() => {
    throw new UsageError(
      `${option.long} is not taken from the command line, which others can read: set ${each.env}, or ${each.path} in the configuration file`,
    )
  })
}

function defaultOf({ otherwise, shape }: AnySetting): string {
  if (shape === length && typeof otherwise === 'number') return durationText(otherwise)
  return typeof otherwise === 'string' || typeof otherwise === 'number' ? String(otherwise) : ''
}

/** The value of a setting on the command line. */
export function flagOf(command: Command, each: AnySetting): unknown {
  const name = new Option(each.flag).attributeName()
  return command.getOptionValueSource(name) === 'cli' ? (command.getOptionValue(name) as unknown) : undefined
}

/** The part of the help that lists the secrets, which have no flag. */
export function secretsHelp(settings: readonly AnySetting[]): string {
  const secrets = settings.filter(({ secret }) => secret)
  if (secrets.length === 0) return ''
  const width = Math.max(...secrets.map(({ env }) => env.length))
  const lines = secrets.map(({ env, path, says }) => `  ${env.padEnd(width)}  ${says} (in the file: ${path})`)
  return `\nSecrets, from the environment or the configuration file alone:\n${lines.join('\n')}`
}
