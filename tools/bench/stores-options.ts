/** The command line of the benchmark of the stores. @module */
import { parseArgs } from 'node:util'

export const STORES_USAGE = `npm run bench:stores -- [options]

Measures real Redis, a Redis Cluster of three and three Memcached behind a real Kafka of this machine: records a second
into them, reads of the tier, loads with the loader service, and 1,000,000 records caught up with. Takes up to five
minutes; needs Java and Maven, as \`npm run test:kafka\` does, and the stores or apt-get.

  --quick  a minute: fewer records and samples
  --help   this text
`

export interface StoresBenchOptions {
  readonly help: boolean
  readonly quick: boolean
}

/** @throws TypeError when an option is unknown; its message is for the user. */
export function readStoresOptions(args: readonly string[]): StoresBenchOptions {
  const flag = { type: 'boolean', default: false } as const
  const options = { help: { ...flag, short: 'h' }, quick: flag } as const
  return parseArgs({ args: [...args], strict: true, options }).values
}
