/**
 * The package, built and packed once for all suites of a run that use it: into `dist/` for the examples, which import
 * it by its name, and as a tarball for those that install it elsewhere.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { ROOT, tarball } from './tarball.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the tarball. */
    readonly sharedTarball: string
  }
}

/** Runs once for the project, in the process of Vitest. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await promisify(execFile)('npm', ['run', 'build', '--silent'], { cwd: ROOT })
  const packed = await tarball()
  provide('sharedTarball', packed.path)
  return () => packed.remove()
}

/** The path of the package as npm publishes it. */
export const sharedTarball = (): string => inject('sharedTarball')
