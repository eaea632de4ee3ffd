/**
 * `npm run bench`: hits, heap and size beside other caches.
 *
 * Ends with 0 whatever was measured: a figure is not a failure. 1 when something could not be measured, 2 for a
 * wrong option.
 *
 * @module
 */
import { readOptions, USAGE } from './options.ts'
import type { BenchOptions } from './options.ts'
import { report } from './report.ts'
import { measure } from './results.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  try {
    console.error(`seed ${options.seed}`)
    const results = await measure(options, progress)
    progress('')
    process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : report(results))
    return 0
  } catch (error) {
    progress('')
    console.error(error)
    return 1
  }
}

/** One line that is written over; nothing where stderr is no terminal. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}
