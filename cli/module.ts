/** The user's module of a service: its functions by namespace, and further options. @module */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sentence, UsageError } from './failure.ts'
import type { Session } from './session.ts'
import { plain } from './terminal.ts'

export interface ServiceModule<Calls, Options> {
  readonly default: Calls
  /** Options without a flag: `codec`, functions. They override flags. */
  readonly options?: Partial<Options>
}

/**
 * @param what the name of the exported functions, in the plural
 * @throws UsageError when `--module` is missing, the module cannot be loaded, or has no such export.
 */
export async function moduleOf<Calls, Options>(
  file: string | undefined,
  what: string,
  session: Session,
): Promise<ServiceModule<Calls, Options>> {
  if (file === undefined) throw new UsageError(`--module is missing: give the module of the ${what}`)
  let found: { default?: unknown }
  try {
    found = (await import(pathToFileURL(resolve(session.folder, file)).href)) as { default?: unknown }
  } catch (cause) {
    throw new UsageError(`${plain(file)} cannot be loaded: ${sentence(cause)}`, { cause })
  }
  if (typeof found.default !== 'object' || found.default === null)
    throw new UsageError(`the default export of ${plain(file)} must be ${what} by namespace`)
  // createLoader() or createPersister() checks each of the functions.
  return found as ServiceModule<Calls, Options>
}
