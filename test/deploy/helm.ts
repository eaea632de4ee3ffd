/** Helm: the one that a person has, or one that Go builds. */
import { execFile, spawnSync } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { type GoProgram, goProgram, goProgramMissing } from '../go-program.ts'
import { ROOT } from '../package/tarball.ts'

const run = promisify(execFile)

export const CHART: string = join(ROOT, 'deploy/helm/kedge')

const BUILT: GoProgram = { name: 'helm', source: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' }

/** Its path in `KEDGE_HELM`, or on `PATH`; `undefined` where a person has none. */
const OWN = [process.env['KEDGE_HELM'] ?? 'helm'].find((name) => spawnSync(name, ['version']).status === 0)

/** Why the chart cannot be rendered here. */
export const helmMissing = (): string | undefined => (OWN === undefined ? goProgramMissing(BUILT) : undefined)

/** Builds it where there is none, so that no test waits for that. */
export const installHelm = (): Promise<string> =>
  OWN === undefined ? goProgram(BUILT) : Promise.resolve(OWN)

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function helm(...args: readonly string[]): Promise<Ran> {
  return run(await installHelm(), [...args], { maxBuffer: 2 ** 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
}
