/**
 * Whether the package may be published: it must say where its repository is.
 *
 * The pages of `docs/` and the examples are not in the package. The links of the README lead to them, and npm's site resolves
 * them by `repository`; npm's provenance refuses a package whose `repository` is not that of the workflow. Runs as `prepublishOnly`.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'

const { repository } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly repository?: string | { readonly url?: string }
}
const url = typeof repository === 'string' ? repository : repository?.url
if (url === undefined || url === '') {
  console.error(
    "package.json has no `repository`: without it the README's links lead nowhere on npm's site, and npm refuses the provenance. Set it to the address of this repository",
  )
  process.exitCode = 1
}
