/** What users get with the package, by the lockfile: its dependencies, what is bundled, and all that those need. @module */
import { BUNDLED } from './bundled.ts'

export interface Lockfile {
  /** By folder; that of the package itself is ''. */
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly dependencies?: Readonly<Record<string, string>>
        readonly optionalDependencies?: Readonly<Record<string, string>>
      }
    >
  >
}

/** Their folders, such as `node_modules/a/node_modules/b`. @throws Error where one is not in the lockfile. */
export function shippedFolders({ packages }: Lockfile): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (from: string, name: string, optional: boolean): void => {
    const folder = resolved(packages, from, name)
    if (folder !== undefined) found.add(folder)
    else if (!optional) throw new Error(`the lockfile has no ${name}`)
  }
  for (const name of [...Object.keys(packages['']?.dependencies ?? {}), ...BUNDLED]) add('', name, false)
  // A set that grows while it is gone through gives what was added too.
  for (const folder of found) {
    const { dependencies = {}, optionalDependencies = {} } = packages[folder]!
    for (const name of Object.keys(dependencies)) add(folder, name, name in optionalDependencies)
    for (const name of Object.keys(optionalDependencies)) add(folder, name, true)
  }
  return found
}

/** As Node looks for it: beside, and then in each folder above. */
function resolved(packages: Lockfile['packages'], from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const folder = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (folder in packages) return folder
    if (at === '') return undefined
  }
}
