/**
 * `node examples/order-read-model/run.ts [--brokers host:port]`: an order on its way from Kafka to two isolates, and
 * each change of it. Ends with 0 when it saw what it says. See README.md.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

// The example uses the package as its users do: built.
if (!existsSync(`${ROOT}dist/services/gateway/index.js`)) {
  console.log('Building the package first.')
  const { status } = spawnSync('npm', ['run', 'build'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
try {
  const { values } = parseArgs({ options: { brokers: { type: 'string' } } })
  const { journey } = await import('./journey.ts')
  process.exitCode = (await journey(values.brokers?.split(',') ?? [])) ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
