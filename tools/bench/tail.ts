/**
 * `npm run bench:tail`: what shared proofs cost beside isolates that poll for themselves.
 *
 * Ends with 0 whatever was measured: a figure is not a failure. 1 when something could not be measured or a value was served
 * for longer than `maxStaleness`, 2 for a wrong option.
 *
 * @module
 */
import os from 'node:os'
import { billsOf } from './tail/bill.ts'
import { readTailOptions, TAIL_USAGE, type TailBenchOptions } from './tail/options.ts'
import { writePages } from './tail/pages.ts'
import { measureCosts } from './tail/processor.ts'
import { tailReport, type TailResults } from './tail/report.ts'
import { measureRows } from './tail/rows.ts'
import { judge } from './tail/targets.ts'
import { measureWorkers } from './tail/workers.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: TailBenchOptions
  try {
    options = readTailOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${TAIL_USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(TAIL_USAGE)
    return 0
  }
  try {
    const results = await measure(options)
    process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : tailReport(results))
    if (options.write) await writePages(results)
    const tooLong = [...results.rows.map(({ seen }) => seen), ...results.workers].reduce(
      (sum, each) => sum + each.tooLong,
      0,
    )
    if (tooLong > 0) console.error(`SERVED PAST maxStaleness: ${tooLong}`)
    return tooLong > 0 ? 1 : 0
  } catch (error) {
    console.error(error)
    return 1
  }
}

async function measure(options: TailBenchOptions): Promise<TailResults> {
  const { seed, quick, only } = options
  const wants = (part: string) => only === undefined || part.includes(only)
  const progress = (text: string) => console.error(text)
  const of = machine()
  const rows = await measureRows(options, progress)
  const costs = wants('processor') ? await measureCosts(quick, progress) : []
  const workers = wants('miniflare') ? await measureWorkers(quick, progress) : []
  if (rows.length + costs.length + workers.length === 0)
    throw new TypeError(`nothing that is measured has ${JSON.stringify(only)} in its name`)
  return { machine: of, seed, rows, workers, bills: billsOf(rows), targets: judge(rows, costs) }
}

function machine(): string {
  const cpus = os.cpus()
  const load = os.loadavg()[0]!.toFixed(1)
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, load ${load}`
}
