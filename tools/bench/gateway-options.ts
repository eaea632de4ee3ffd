/** The command line of the gateway's benchmark. @module */
import { parseArgs } from 'node:util'

export const GATEWAY_USAGE = `npm run bench:gateway -- [options]

Measures the gateway on a broker of this machine: how soon an eviction is there, and what it costs that 1, 1000 and
10000 clients wait. Takes about four minutes; needs Java and Maven, as \`npm run test:kafka\` does.

  --quick  a minute: fewer samples, and no 10000 clients
  --help   this text
`

export interface GatewayBenchOptions {
  readonly help: boolean
  readonly quick: boolean
}

/** @throws TypeError when an option is unknown; its message is for the user. */
export function readGatewayOptions(args: readonly string[]): GatewayBenchOptions {
  const flag = { type: 'boolean', default: false } as const
  const options = { help: { ...flag, short: 'h' }, quick: flag } as const
  return parseArgs({ args: [...args], strict: true, options }).values
}
