/**
 * `node deploy/grafana/build.ts` compares `kedge.json` with what the code makes, `--write` writes it.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { board } from './board.ts'

const FILE = new URL('kedge.json', import.meta.url)
const made = `${JSON.stringify(board(), undefined, 2)}\n`

if (process.argv.includes('--write')) writeFileSync(FILE, made)
else if (readFileSync(FILE, 'utf8') !== made) {
  process.stderr.write(
    'deploy/grafana/kedge.json is not what the code makes: node deploy/grafana/build.ts --write\n',
  )
  process.exitCode = 1
}
