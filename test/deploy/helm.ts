/** Helm, where it is: nothing but a person or a runner brings it. */
import { execFile, spawnSync } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { ROOT } from '../package/tarball.ts'

const run = promisify(execFile)

export const CHART: string = join(ROOT, 'deploy/helm/kedge')

/** Its path in `KEDGE_HELM`, or on `PATH`. */
const HELM = process.env['KEDGE_HELM'] ?? 'helm'

/** Why the chart cannot be rendered here. */
export const helmMissing = (): string | undefined =>
  spawnSync(HELM, ['version']).status === 0
    ? undefined
    : 'helm is not here, neither on PATH nor by KEDGE_HELM; Go builds it: go install helm.sh/helm/v4/cmd/helm@v4.3.1'

/** The same, also printed; `undefined` when the tests run. */
export function withoutHelm(): string | undefined {
  const reason = helmMissing()
  if (reason !== undefined) process.stderr.write(`\nNOT RENDERED, the chart of deploy/helm: ${reason}\n`)
  return reason
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function helm(...args: readonly string[]): Promise<Ran> {
  return run(HELM, [...args], { maxBuffer: 2 ** 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  )
}
