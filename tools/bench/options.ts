/** The command line of the benchmark. @module */
import { parseArgs } from 'node:util'

export const USAGE = `npm run bench -- [options]

Measures hits, misses, hit ratios, heap an entry and bundle size beside other caches, what the log costs, and transports beside
the global \`fetch\`, as ratios of one run. Takes about eight minutes.

  --quick       a run of a minute, which proves that it works and little else
  --json        print the results as JSON
  --rounds <n>  how often each subject is measured (default 7)
  --seed <n>    of the traces, and of the order of subjects and keys (default: another one each time)
  --only <s>    only the subjects whose name contains this, and their floors; nothing else is measured
                (\`transport\`: what a request costs over the transports; \`hit-ratio\`: how much is found, of what can be;
                \`miss\`, \`herd\`, \`log\`: a miss, a thousand callers of one key, polls and writes; \`scale\`: the same by
                the number of namespaces, tags and features; \`metrics\`: a hit with metrics beside one without)
  --help        this text
`

export interface BenchOptions {
  readonly help: boolean
  readonly json: boolean
  readonly quick: boolean
  readonly rounds: number
  readonly seed: number
  readonly only: string | undefined
}

/** @throws TypeError when an option is unknown or wrong; its message is for the user. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
    },
  })
  const { help, json, quick, rounds, seed, only } = values
  return {
    help,
    json,
    quick,
    rounds: rounds === undefined ? (quick ? 1 : 7) : whole('rounds', rounds, 1, 1000),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole('seed', seed, 0, 2 ** 32 - 1),
    only,
  }
}

function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new TypeError(`\`--${name}\` must be a whole number from ${least} to ${most}`)
  }
  return number
}
