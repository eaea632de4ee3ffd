/** The values of settings for one run of a command, and the source of each. @module */
import type { Command } from 'commander'
import * as z from 'zod'
import { readConfigFile } from './config-file.ts'
import { askedLogging } from './early-logging.ts'
import { fromKubernetes, warnOfUnknownVariables } from './environment.ts'
import { UsageError } from './failure.ts'
import type { Session } from './session.ts'
import { flagOf } from './setting.ts'
import type { AnySetting, Setting } from './setting.ts'
import { logFormat } from './settings/logging.ts'
import { plain } from './terminal.ts'

export type Source = 'flag' | 'environment' | 'file' | 'default'

const MAX_QUOTED = 40

export class ResolvedSettings {
  readonly #found: ReadonlyMap<string, { readonly value: unknown; readonly source: Source }>

  constructor(found: ReadonlyMap<string, { readonly value: unknown; readonly source: Source }>) {
    this.#found = found
  }

  get<T>(of: Setting<T>): T {
    const found = this.#found.get(of.path)
    // The setting's own shape has made the value.
    return found === undefined ? of.otherwise : (found.value as T)
  }

  source(of: AnySetting): Source {
    return this.#found.get(of.path)?.source ?? 'default'
  }

  /** Where its value stands, in the user's terms: a flag, a variable, a path in the file. */
  place(of: AnySetting): string {
    const source = this.source(of)
    if (source === 'environment') return of.env
    return source === 'file' ? `${of.path} in the configuration file` : of.flag.split(/[ ,]/)[0]!
  }
}

/**
 * The values of the settings: flags before environment before file before default. An empty variable counts as
 * absent. The terminal hides the secrets from now on, and
 * warns of variables that look like settings and are none.
 *
 * @throws UsageError that names the place of the wrong value, and never quotes a secret.
 */
export async function resolveSettings(
  command: Command,
  settings: readonly AnySetting[],
  session: Session,
): Promise<ResolvedSettings> {
  const { config } = command.opts<{ config?: string }>()
  const file = await readConfigFile(config, session, (value) => {
    if (settings.includes(logFormat)) logIn(command, session, value)
  }).finally(() => warnOfUnknownVariables(settings, session))
  for (const secret of file.secrets) session.terminal.hide(secret)
  const found = new Map<string, { value: unknown; source: Source }>()
  for (const each of settings) {
    const variable = session.env[each.env]
    const given = [
      ['flag', flagOf(command, each), each.flag.split(/[ ,]/)[0]!],
      ['environment', variable === '' ? undefined : variable, each.env],
      ['file', file.value(each.path), `${file.name}: ${each.path}`],
    ] as const
    const first = given.find(([, value]) => value !== undefined)
    if (first === undefined) continue
    const [source, raw, place] = first
    if (each.secret && typeof raw === 'string') session.terminal.hide(raw)
    found.set(each.path, { value: checked(each, raw, place), source })
  }
  return new ResolvedSettings(found)
}

/** Before the file is checked: what is wrong with it is reported in the format that it asks for. */
const logIn = (command: Command, session: Session, ofFile: (path: string) => unknown): void =>
  session.terminal.logs({
    ...askedLogging(session.args, session.env, ofFile),
    command: command.name(),
    version: session.version,
    now: () => session.runtime.now(),
  })

function checked(of: AnySetting, raw: unknown, place: string): unknown {
  const result = z.safeParse(of.shape, raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const quote = of.secret || of.quiet ? '' : `, got "${plain(textOf(raw)).slice(0, MAX_QUOTED)}"`
  const cause = place === of.env ? fromKubernetes(raw) : ''
  throw new UsageError(`${place} ${issue?.message ?? 'is wrong'}${quote}${cause}`)
}

const textOf = (raw: unknown): string => (typeof raw === 'string' ? raw : (JSON.stringify(raw) ?? ''))
