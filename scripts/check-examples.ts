/**
 * Runs the examples against the built package, each as its reader would. An example ends with 0 when it saw what
 * it says.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

for (const example of globSync('examples/*.ts')) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [example], { encoding: 'utf8', timeout: 60_000 })
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${example}`)
  if (status === 0) continue
  console.log(`${stdout}${stderr}`)
  process.exitCode = 1
}
