/** toxiproxy itself. @module */
import process from 'node:process'
import { type GoProgram, goProgram, goProgramMissing } from '../go-program.ts'

const TOXIPROXY: GoProgram = {
  name: 'toxiproxy',
  source: 'github.com/Shopify/toxiproxy/v2/cmd/server',
  version: 'v2.12.0',
}

/**
 * Why tests through toxiproxy are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function withoutToxiproxy(): string | undefined {
  const reason = toxiproxyMissing()
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests through toxiproxy must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED through toxiproxy: ${reason}\n`)
  return reason
}

/** What toxiproxy needs and this machine lacks; `undefined` when it can be had. */
export const toxiproxyMissing = (): string | undefined => goProgramMissing(TOXIPROXY)

export const toxiproxyBinary = (): Promise<string> => goProgram(TOXIPROXY)
