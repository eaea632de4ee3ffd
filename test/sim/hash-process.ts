/** Prints the trace hash of each seed that it is given, a line each. @module */
import { plan } from './plan.ts'
import { simulate } from './simulate.ts'
import { traceHash } from './trace-hash.ts'

for (const seed of process.argv.slice(2))
  process.stdout.write(`${traceHash(await simulate(plan(Number(seed))))}\n`)
