/**
 * What the package consists of beside its own code, as CycloneDX: made by `npm sbom` from the lockfile, and of that only what is
 * shipped. What is bundled is a development dependency here, and would not stand in the list of what users install.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { bundledFolders } from './notices.ts'

interface Component {
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly [member: string]: unknown
}
interface Bom {
  readonly metadata: { readonly component: Component; readonly [member: string]: unknown }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
  readonly [member: string]: unknown
}
interface Installed {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const MAX_BYTES = 2 ** 26
const manifestIn = (folder: string): Installed =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Installed
const refOf = ({ name, version }: Installed): string => `${name}@${version}`

/** @throws Error where `npm` does not know something that is shipped. */
export function sbomOf(metafiles: readonly Metafile[]): string {
  const places = new Map<string, 'bundled' | 'installed'>()
  for (const folder of bundledFolders(metafiles)) places.set(refOf(manifestIn(folder)), 'bundled')
  const own = manifestIn('.')
  const names = Object.keys(own.dependencies ?? {})
  for (const name of names) {
    const installed = manifestIn(join('node_modules', name))
    places.set(refOf(installed), 'installed')
    // What a dependency may bring in a version of its own is not looked for: these bring nothing.
    if (Object.keys(installed.dependencies ?? {}).length > 0)
      throw new Error(`${name} brings packages of its own: list them here`)
  }
  const { serialNumber: _serial, ...bom } = JSON.parse(
    execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      encoding: 'utf8',
      maxBuffer: MAX_BYTES,
    }),
  ) as Bom
  // Without a time and a random number the same commit makes the same file.
  const { timestamp: _time, ...metadata } = bom.metadata
  const isThere = (ref: string): boolean => places.has(ref) || ref === refOf(own)
  const components = bom.components
    .filter((each) => places.has(each['bom-ref']))
    .map((each) => ({
      ...each,
      scope: 'required',
      properties: [{ name: 'kedge:place', value: places.get(each['bom-ref']) }],
    }))
  for (const ref of places.keys())
    if (!components.some((each) => each['bom-ref'] === ref)) throw new Error(`npm sbom does not list ${ref}`)
  const dependencies = bom.dependencies
    .filter(({ ref }) => isThere(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isThere) }))
  const component = { ...metadata.component, name: own.name }
  return `${JSON.stringify({ ...bom, metadata: { ...metadata, component }, components, dependencies }, null, 2)}\n`
}
