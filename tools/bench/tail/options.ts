/** The command line of the tail's benchmark. @module */
import { parseArgs } from 'node:util'

export const TAIL_USAGE = `npm run bench:tail -- [options]

Measures what shared proofs cost and how soon an eviction is there, beside isolates that poll for themselves: by the product's
core and tail in virtual time, and by 50 caches in Miniflare over a real gateway. Takes about four minutes.

  --quick       half a minute: small worlds, short runs, and no bill
  --only <s>    only the worlds whose name contains this; \`processor\` and \`miniflare\` are what is measured in real time
  --seed <n>    of the virtual worlds (default 1): the same seed, the same counts
  --json        print the results as JSON
  --write       put the results into docs/tail-figures.md and docs/scaling.md, and draw docs/images/scaling-cost.svg
  --help        this text
`

export interface TailBenchOptions {
  readonly help: boolean
  readonly quick: boolean
  readonly json: boolean
  readonly write: boolean
  readonly seed: number
  readonly only: string | undefined
}

const MOST_SEED = 2 ** 32 - 1

/** @throws TypeError when an option is unknown or wrong; its message is for the user. */
export function readTailOptions(args: readonly string[]): TailBenchOptions {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      help: { ...flag, short: 'h' },
      quick: flag,
      json: flag,
      write: flag,
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
    },
  })
  const { seed, only, ...flags } = values
  if (!/^\d{1,10}$/.test(seed) || Number(seed) > MOST_SEED)
    throw new TypeError(`\`--seed\` must be a whole number from 0 to ${MOST_SEED}`)
  if (flags.write && (flags.quick || only !== undefined))
    throw new TypeError('`--write` needs a whole run: neither `--quick` nor `--only`')
  return { ...flags, seed: Number(seed), only }
}
