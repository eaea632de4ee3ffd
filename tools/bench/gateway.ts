/**
 * `npm run bench:gateway`: the gateway on a real broker.
 *
 * Ends with 0 whatever was measured: a figure is not a failure. 1 when something could not be measured or an eviction
 * was lost, 2 for a wrong option.
 *
 * @module
 */
import os from 'node:os'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster } from '../../services/gateway/index.ts'
import { startBroker } from '../../test/kafka/broker.ts'
import { FLOOR, GATEWAY, startChild } from './gateway-child.ts'
import { measureClients } from './gateway-clients.ts'
import { measureEvictions, measureProduce } from './gateway-evictions.ts'
import { GATEWAY_USAGE, readGatewayOptions } from './gateway-options.ts'
import type { GatewayBenchOptions } from './gateway-options.ts'
import { gatewayReport } from './gateway-report.ts'
import type { GatewayResults } from './gateway-report.ts'
import { measureWaiting } from './gateway-waiting.ts'
import type { Waiting } from './gateway-waiting.ts'

const LEVELS = [1, 1000, 10_000]
/** Files that a process has open beside its connections. */
const OTHER_FILES = 500

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: GatewayBenchOptions
  try {
    options = readGatewayOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${GATEWAY_USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(GATEWAY_USAGE)
    return 0
  }
  try {
    const results = await measure(options.quick)
    process.stdout.write(gatewayReport(results))
    const lost = results.evictions.lost + results.clients.reduce((sum, one) => sum + one.lost, 0)
    if (lost > 0) console.error(`LOST: ${lost}`)
    return lost > 0 ? 1 : 0
  } catch (error) {
    console.error(error)
    return 1
  }
}

async function measure(quick: boolean): Promise<GatewayResults> {
  console.error('starting a broker')
  const broker = await startBroker()
  const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
  const brokers = broker.bootstrap
  let topics = 0
  const topic = async () => (await cluster.createTopic(`bench-${topics++}`, { partitions: 1 })).name
  try {
    const own = machine()
    const latencies = await measureLatencies(brokers, quick, topic)
    const left: string[] = []
    const waiting: Waiting[] = []
    // The same clients at a bare server: what Node itself takes.
    const floor: Waiting[] = []
    for (const count of LEVELS) {
      const why = whyNot(count, quick)
      if (why !== undefined) {
        left.push(`${count} clients: ${why}`)
        console.error(`NOT MEASURED: ${left.at(-1)}`)
        continue
      }
      console.error(`${count} waiting`)
      const [quietMs, wokenMs] = quick ? [5000, 1500] : [10_000, 6000]
      const options = { brokers, topic: await topic(), quietMs, wokenMs }
      waiting.push(await measureWaiting(count, { ...options, program: GATEWAY }))
      floor.push(await measureWaiting(count, { ...options, program: FLOOR }))
    }
    console.error('50 clients, each way')
    const each = async (gateway: boolean) =>
      measureClients(gateway, { brokers, topic: await topic(), clients: 50, ms: quick ? 2000 : 8000 })
    return {
      machine: own,
      ...latencies,
      waiting,
      floor,
      left,
      clients: [await each(true), await each(false)],
    }
  } finally {
    await cluster.close()
    await broker.stop()
  }
}

async function measureLatencies(
  brokers: string,
  quick: boolean,
  topic: () => Promise<string>,
): Promise<Pick<GatewayResults, 'evictions' | 'produced'>> {
  const child = await startChild(brokers)
  try {
    console.error('evictions')
    const [each, all] = quick ? [100, 1000] : [1000, 10_000]
    const evictions = await measureEvictions(child.url, await topic(), each, all)
    const log = gatewayLog({ url: child.url })
    const produced = await measureProduce(log, await topic(), quick ? 200 : 1000)
    return { evictions, produced }
  } finally {
    await child.stop()
  }
}

/** Why so many clients cannot be made to wait. */
function whyNot(count: number, quick: boolean): string | undefined {
  if (quick && count > 1000) return 'left out by `--quick`'
  // Node has raised the soft limit to the hard one when it started.
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { hard?: number | string } }
  }
  const files = Number(userLimits?.open_files?.hard)
  if (files < count + OTHER_FILES) return `a process may have only ${files} files open`
  return undefined
}

function machine(): string {
  const cpus = os.cpus()
  const load = os.loadavg()[0]!.toFixed(1)
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0]?.model.trim() ?? 'unknown'}, load ${load}; broker, gateway and clients on this machine`
}
